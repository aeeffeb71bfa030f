//! Tasks on threads of their own.

use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;

use reunite::{Builder, JoinHandle, ScopeBuilder, channel, scope, try_scope};

use crate::meter::Meter;
use crate::operation::{Growth, Operation};
use crate::waiting_threads::Lasting;

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "spawn-and-join/beside-n-that-wait",
        size: 64,
        growth: Growth::None,
        measure: beside_waiting,
    },
    Operation {
        name: "spawn-and-join/after-n-in-the-same-scope",
        size: 50,
        growth: Growth::None,
        measure: after_joined,
    },
    Operation {
        name: "spawn-and-join/after-n-whose-handles-were-dropped",
        size: 50,
        growth: Growth::None,
        measure: after_dropped,
    },
    Operation {
        name: "spawn-and-join/after-n-detached",
        size: 50,
        growth: Growth::None,
        measure: after_detached,
    },
    Operation {
        name: "task/one-of-n-at-once",
        size: 64,
        growth: Growth::None,
        measure: at_once,
    },
    Operation {
        name: "task/one-of-n-joined-from-the-last",
        size: 64,
        growth: Growth::None,
        measure: from_the_last,
    },
    Operation {
        name: "task/one-of-n-that-queue-for-a-place",
        size: 200,
        growth: Growth::None,
        measure: queued_for_a_place,
    },
    Operation {
        name: "task/one-of-n-that-join-each-other",
        size: 64,
        growth: Growth::None,
        measure: linked,
    },
    Operation {
        name: "task/one-of-n-cancelled",
        size: 64,
        growth: Growth::None,
        measure: cancelled,
    },
    Operation {
        name: "task/one-of-n-that-fail",
        size: 64,
        growth: Growth::None,
        measure: failed,
    },
    Operation {
        name: "task/one-of-n-that-panic",
        size: 64,
        growth: Growth::None,
        measure: panicked,
    },
    Operation {
        name: "scope/one-of-n-nested",
        size: 64,
        growth: Growth::None,
        measure: nested,
    },
    Operation {
        name: "scope/one-of-n-nested-on-threads",
        size: 64,
        growth: Growth::None,
        measure: nested_on_threads,
    },
    Operation {
        name: "dump/one-of-n-tasks",
        size: 64,
        growth: Growth::Logarithm,
        measure: dumped,
    },
];

fn join<T>(task: JoinHandle<T>) -> T {
    task.join().expect("it does not panic")
}

/// Runs `f` while `size` tasks each wait on a channel.
fn beside(size: usize, f: impl FnOnce()) {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..size).map(|_| channel::unbounded()).unzip();
    let waiting = Barrier::new(size + 1);
    scope(|s| {
        for receiver in receivers {
            let waiting = &waiting;
            s.spawn(move || {
                waiting.wait();
                let _closed: Result<(), _> = receiver.recv();
            });
        }
        waiting.wait();
        f();
        drop(senders);
    });
}

fn spawn_and_join() {
    scope(|s| join(s.spawn(|| black_box(()))));
}

fn beside_waiting(size: usize, meter: &mut Meter) {
    const COUNT: usize = 50;
    beside(size, || {
        meter.rounds(COUNT, || (0..COUNT).for_each(|_| spawn_and_join()))
    });
}

fn after_joined(size: usize, meter: &mut Meter) {
    const COUNT: usize = 50;
    scope(|s| {
        (0..size).for_each(|_| join(s.spawn(|| ())));
        meter.rounds(COUNT, || (0..COUNT).for_each(|_| join(s.spawn(|| ()))));
    });
}

fn after_dropped(size: usize, meter: &mut Meter) {
    const COUNT: usize = 50;
    scope(|s| {
        (0..size).for_each(|_| drop(s.spawn(|| ())));
        meter.rounds(COUNT, || (0..COUNT).for_each(|_| join(s.spawn(|| ()))));
    });
}

fn after_detached(size: usize, meter: &mut Meter) {
    const COUNT: usize = 50;
    for _ in 0..size {
        reunite::spawn(|| ()).detach();
    }
    let spawn_and_join = || join(reunite::spawn(|| ()));
    meter.rounds(COUNT, || (0..COUNT).for_each(|_| spawn_and_join()));
}

/// Tasks that exist at the same time, because each waits for that.
fn at_once(size: usize, meter: &mut Meter) {
    meter.rounds(size, || {
        let all = Barrier::new(size);
        scope(|s| {
            for _ in 0..size {
                s.spawn(|| all.wait());
            }
        });
    });
}

fn from_the_last(size: usize, meter: &mut Meter) {
    meter.rounds(size, || {
        let all = Barrier::new(size);
        scope(|s| {
            let spawn = |_| s.spawn(|| _ = all.wait());
            let tasks: Vec<_> = (0..size).map(spawn).collect();
            tasks.into_iter().rev().for_each(join);
        });
    });
}

fn queued_for_a_place(size: usize, meter: &mut Meter) {
    meter.rounds(size, || {
        let ended = ScopeBuilder::new().max_threads(1).scope(|s| {
            for n in 0..size {
                s.spawn(move || black_box(n));
            }
        });
        ended.expect("no panic");
    });
}

fn linked(size: usize, meter: &mut Meter) {
    meter.rounds(size, || joined_in_a_chain(size));
}

/// Runs `size` tasks of which each joins the one before it. All wait, the first one for a message.
pub(crate) fn joined_in_a_chain(size: usize) {
    let (sender, receiver) = channel::unbounded();
    // A join of a task that has not begun would run it.
    let (lasting, all) = (Lasting::begin(), Barrier::new(size));
    scope(|s| {
        let (all, receiver) = (&all, &receiver);
        let mut last = s.spawn(move || {
            all.wait();
            receiver.recv().expect("it comes")
        });
        for _ in 1..size {
            let before = last;
            last = s.spawn(move || {
                all.wait();
                join(before)
            });
        }
        lasting.until(size);
        sender.send(()).expect("it is open");
        join(last);
    });
}

fn cancelled(size: usize, meter: &mut Meter) {
    meter.rounds(size, || {
        let (_sender, receiver) = channel::unbounded::<()>();
        let lasting = Lasting::begin();
        let cancelled = || {
            scope(|s| {
                for _ in 0..size {
                    s.spawn(|| drop(receiver.recv()));
                }
                lasting.until(size);
                s.cancel("enough");
            });
        };
        black_box(catch_unwind(AssertUnwindSafe(cancelled)).is_err());
    });
}

fn failed(size: usize, meter: &mut Meter) {
    meter.rounds(size, || {
        let all = Barrier::new(size);
        let failed = try_scope(|s| {
            for n in 0..size {
                let all = &all;
                s.spawn(move || {
                    all.wait();
                    Err::<(), _>(n)
                });
            }
            Ok(())
        });
        assert!(failed.is_err());
    });
}

fn panicked(size: usize, meter: &mut Meter) {
    meter.rounds(size, || {
        let all = Barrier::new(size);
        let panicked = || {
            scope(|s| {
                for n in 0..size {
                    let all = &all;
                    s.spawn(move || {
                        all.wait();
                        std::panic::resume_unwind(Box::new(n))
                    });
                }
            });
        };
        assert!(catch_unwind(AssertUnwindSafe(panicked)).is_err());
    });
}

fn nested(size: usize, meter: &mut Meter) {
    fn nest(depth: usize) {
        if depth > 0 {
            scope(|_| nest(depth - 1));
        }
    }
    meter.rounds(size, || nest(size));
}

fn nested_on_threads(size: usize, meter: &mut Meter) {
    fn nest(depth: usize) {
        if depth > 0 {
            scope(|s| join(s.spawn(|| nest(depth - 1))));
        }
    }
    meter.rounds(size, || nest(size));
}

fn dumped(size: usize, meter: &mut Meter) {
    let (_sender, receiver) = channel::unbounded::<()>();
    let all = Barrier::new(size + 1);
    scope(|s| {
        let wait = || {
            all.wait();
            let _cancelled = receiver.recv();
        };
        for _ in 0..size {
            s.spawn_with(Builder::new().name("waits"), wait);
        }
        all.wait();
        meter.rounds(size, || drop(black_box(reunite::dump())));
        s.cancel("measured");
        // The scope would leave because of its own cancellation.
        black_box(catch_unwind(AssertUnwindSafe(|| ())).is_ok());
    });
}
