//! Cancellation, context, observers and profiles.

use std::hint::black_box;

use reunite::{Event, Observer, ScopeBuilder, checkpoint, scope, shield};

use crate::meter::Meter;
use crate::operation::{Growth, Operation};

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "checkpoint/inside-n-scopes",
        size: 64,
        growth: Growth::None,
        measure: checkpoints,
    },
    Operation {
        name: "scope/with-a-timeout-inside-n-such",
        size: 64,
        growth: Growth::None,
        measure: timeouts,
    },
    Operation {
        name: "shield/inside-n-such",
        size: 64,
        growth: Growth::None,
        measure: shields,
    },
    Operation {
        name: "canceller/one-of-n",
        size: 50,
        growth: Growth::None,
        measure: cancellers,
    },
    Operation {
        name: "observe/after-n-observers",
        size: 50,
        growth: Growth::None,
        measure: observers,
    },
    Operation {
        name: "profile/one-of-n-tasks",
        size: 400,
        growth: Growth::None,
        measure: profiled,
    },
    Operation {
        name: "profile/one-of-n-forks",
        size: 1_000,
        growth: Growth::None,
        measure: profiled_forks,
    },
];

fn inside(depth: usize, f: &mut dyn FnMut()) {
    if depth == 0 {
        return f();
    }
    scope(|_| inside(depth - 1, f));
}

fn checkpoints(size: usize, meter: &mut Meter) {
    const COUNT: usize = 1_000;
    inside(size, &mut || {
        meter.rounds(COUNT, || {
            for _ in 0..COUNT {
                checkpoint().expect("nobody cancels");
            }
        });
    });
}

const HOUR: std::time::Duration = std::time::Duration::from_secs(3_600);

fn timeouts(size: usize, meter: &mut Meter) {
    const COUNT: usize = 100;
    fn inside(depth: usize, f: &mut dyn FnMut()) {
        if depth == 0 {
            return f();
        }
        let ended = ScopeBuilder::new()
            .timeout(HOUR)
            .scope(|_| inside(depth - 1, f));
        ended.expect("an hour is enough");
    }
    inside(size, &mut || {
        meter.rounds(COUNT, || (0..COUNT).for_each(|_| inside(1, &mut || ())));
    });
}

fn shields(size: usize, meter: &mut Meter) {
    const COUNT: usize = 1_000;
    fn inside(depth: usize, f: &mut dyn FnMut()) {
        if depth == 0 {
            return f();
        }
        shield(|| inside(depth - 1, f));
    }
    inside(size, &mut || {
        meter.rounds(COUNT, || {
            (0..COUNT).for_each(|n| {
                shield(|| black_box(n));
            })
        });
    });
}

fn cancellers(size: usize, meter: &mut Meter) {
    scope(|s| {
        meter.rounds(size, || {
            let cancellers: Vec<_> = (0..size).map(|_| s.canceller()).collect();
            assert!(!cancellers.iter().any(reunite::Canceller::is_cancelled));
        });
    });
}

struct Deaf;

impl Observer for Deaf {
    fn on_event(&self, _: &Event<'_>) {}
}

fn observers(size: usize, meter: &mut Meter) {
    const COUNT: usize = 50;
    for _ in 0..size {
        drop(reunite::observe(Deaf));
    }
    meter.rounds(COUNT, || {
        for _ in 0..COUNT {
            scope(|_| ());
        }
    });
}

fn profiled(size: usize, meter: &mut Meter) {
    meter.rounds(size, || {
        let profiling = reunite::profile::start();
        scope(|s| {
            for n in 0..size {
                s.spawn(move || black_box(n)).join().expect("no panic");
            }
        });
        black_box(profiling.finish());
    });
}

fn profiled_forks(size: usize, meter: &mut Meter) {
    let pool = reunite::Pool::builder().threads(1).build();
    pool.expect("the system has a thread").enter(|| {
        meter.rounds(size, || {
            let profiling = reunite::profile::start();
            for n in 0..size {
                reunite::join(|| black_box(n), || black_box(n));
            }
            black_box(profiling.finish());
        });
    });
}
