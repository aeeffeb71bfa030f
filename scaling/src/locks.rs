//! Locks and similar types: with others held, and with many threads that wait.

use std::hint::black_box;
use std::sync::{Barrier as StdBarrier, Mutex as StdMutex, mpsc};

use reunite::scope;
use reunite::sync::{Barrier, Condvar, Mutex, OnceCell, RwLock, Semaphore};

use crate::meter::Meter;
use crate::operation::{Growth, Operation};
use crate::waiting_threads::{Lasting, all_wait};

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "mutex/lock-while-n-others-are-held",
        size: 200,
        growth: Growth::None,
        measure: mutex_beside_held,
    },
    Operation {
        name: "mutex/one-of-n-unlocked-in-order",
        size: 200,
        growth: Growth::None,
        measure: mutexes_in_order,
    },
    Operation {
        name: "mutex/one-of-n-unlocked-from-the-last",
        size: 200,
        growth: Growth::None,
        measure: mutexes_from_the_last,
    },
    Operation {
        name: "mutex/one-of-n-waiters",
        size: 64,
        growth: Growth::None,
        measure: mutex_waiters,
    },
    Operation {
        name: "rwlock/read-while-n-others-read",
        size: 64,
        growth: Growth::None,
        measure: readers,
    },
    Operation {
        name: "rwlock/one-of-n-reads-ended-in-order",
        size: 200,
        growth: Growth::None,
        measure: reads_in_order,
    },
    Operation {
        name: "rwlock/one-of-n-waiting-writers",
        size: 64,
        growth: Growth::None,
        measure: writers,
    },
    Operation {
        name: "semaphore/acquire-while-n-permits-are-held",
        size: 50,
        growth: Growth::None,
        measure: permits,
    },
    Operation {
        name: "semaphore/one-of-n-waiters",
        size: 64,
        growth: Growth::None,
        measure: semaphore_waiters,
    },
    Operation {
        name: "condvar/one-of-n-notified-singly",
        size: 64,
        growth: Growth::None,
        measure: notified_singly,
    },
    Operation {
        name: "condvar/one-of-n-notified-at-once",
        size: 64,
        growth: Growth::None,
        measure: notified_at_once,
    },
    Operation {
        name: "barrier/one-of-n",
        size: 64,
        growth: Growth::None,
        measure: barrier,
    },
    Operation {
        name: "once/one-of-n-waiters",
        size: 64,
        growth: Growth::None,
        measure: once,
    },
];

fn mutexes(size: usize) -> Vec<Mutex<usize>> {
    (0..size).map(Mutex::new).collect()
}

fn mutex_beside_held(size: usize, meter: &mut Meter) {
    const COUNT: usize = 1_000;
    let (held, other) = (mutexes(size), Mutex::new(0));
    let guards: Vec<_> = held.iter().map(|mutex| mutex.lock()).collect();
    meter.rounds(COUNT, || {
        for _ in 0..COUNT {
            *other.lock().expect("nobody else has it") += 1;
        }
    });
    drop(guards);
}

fn mutexes_in_order(size: usize, meter: &mut Meter) {
    let mutexes = mutexes(size);
    meter.rounds(size, || {
        let guards: Vec<_> = mutexes.iter().map(|mutex| mutex.lock()).collect();
        guards.into_iter().for_each(drop);
    });
}

fn mutexes_from_the_last(size: usize, meter: &mut Meter) {
    let mutexes = mutexes(size);
    meter.rounds(size, || {
        let guards: Vec<_> = mutexes.iter().map(|mutex| mutex.lock()).collect();
        guards.into_iter().rev().for_each(drop);
    });
}

fn mutex_waiters(size: usize, meter: &mut Meter) {
    let mutex = Mutex::new(0);
    meter.rounds(size, || {
        let guard = mutex.lock();
        all_wait(
            size,
            || *mutex.lock().expect("no deadlock") += 1,
            || drop(guard),
        );
    });
}

fn readers(size: usize, meter: &mut Meter) {
    const COUNT: usize = 1_000;
    let lock = RwLock::new(0);
    let (reading, end) = (StdBarrier::new(size + 1), StdBarrier::new(size + 1));
    scope(|s| {
        for _ in 0..size {
            s.spawn(|| {
                let guard = lock.read();
                reading.wait();
                end.wait();
                drop(guard);
            });
        }
        reading.wait();
        meter.rounds(COUNT, || {
            for _ in 0..COUNT {
                black_box(*lock.read().expect("nobody writes"));
            }
        });
        end.wait();
    });
}

fn reads_in_order(size: usize, meter: &mut Meter) {
    let locks: Vec<_> = (0..size).map(RwLock::new).collect();
    meter.rounds(size, || {
        let guards: Vec<_> = locks.iter().map(|lock| lock.read()).collect();
        guards.into_iter().for_each(drop);
    });
}

fn writers(size: usize, meter: &mut Meter) {
    let lock = RwLock::new(0);
    meter.rounds(size, || {
        let guard = lock.read();
        all_wait(
            size,
            || *lock.write().expect("no deadlock") += 1,
            || drop(guard),
        );
    });
}

fn permits(size: usize, meter: &mut Meter) {
    const COUNT: usize = 1_000;
    let semaphore = Semaphore::new(size as u64 + 1);
    let held: Vec<_> = (0..size).map(|_| semaphore.acquire()).collect();
    meter.rounds(COUNT, || {
        for _ in 0..COUNT {
            drop(semaphore.acquire());
        }
    });
    drop(held);
}

fn semaphore_waiters(size: usize, meter: &mut Meter) {
    let semaphore = Semaphore::new(1);
    meter.rounds(size, || {
        let permit = semaphore.acquire();
        all_wait(size, || drop(semaphore.acquire()), || drop(permit));
    });
}

/// `size` threads wait until a number is above zero; each takes one away, and `notify` has raised it before.
fn notified(size: usize, meter: &mut Meter, notify: impl Fn(&Mutex<usize>, &Condvar)) {
    let (number, changed) = (Mutex::new(0), Condvar::new());
    let wait = || {
        let mut guard = number.lock().expect("no deadlock");
        let waited = changed.wait_while(&mut guard, |number| *number == 0);
        waited.expect("no deadlock");
        *guard -= 1;
    };
    meter.rounds(size, || all_wait(size, wait, || notify(&number, &changed)));
}

fn notified_singly(size: usize, meter: &mut Meter) {
    notified(size, meter, |number, changed| {
        for _ in 0..size {
            *number.lock().expect("no deadlock") += 1;
            changed.notify_one();
        }
    });
}

fn notified_at_once(size: usize, meter: &mut Meter) {
    notified(size, meter, |number, changed| {
        *number.lock().expect("no deadlock") += size;
        changed.notify_all();
    });
}

/// The last thread comes when all others wait.
fn barrier(size: usize, meter: &mut Meter) {
    let barrier = Barrier::new(size);
    let wait = || {
        barrier.wait().expect("all come");
    };
    meter.rounds(size, || all_wait(size - 1, wait, wait));
}

/// The first thread goes on when all others wait.
fn once(size: usize, meter: &mut Meter) {
    meter.rounds(size, || {
        let (once, lasting) = (OnceCell::new(), Lasting::begin());
        let (go, gone) = mpsc::channel::<()>();
        let gone = StdMutex::new(gone);
        scope(|s| {
            for n in 0..size {
                let (once, gone) = (&once, &gone);
                s.spawn(move || {
                    let first = || {
                        let gone = gone.lock().expect("nobody panics");
                        gone.recv().expect("it comes");
                        n
                    };
                    black_box(once.get_or_init(first).is_ok());
                });
            }
            lasting.until(size - 1);
            go.send(()).expect("the first waits");
        });
    });
}
