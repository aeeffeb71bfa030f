//! Locks, permits and timeouts compared with those of std, parking_lot, tokio and crossbeam.

use std::time::{Duration, Instant};

use reunite_base::units::counted;

use crate::rounds::Candidate;
use crate::setting::Setting;
use crate::table::Table;

pub(crate) fn run(setting: &Setting) -> Result<Table, Box<dyn std::error::Error>> {
    let mut table = Table::new(setting);
    locks(&mut table);
    contended(&mut table);
    overshoot(&mut table);
    table.write("sync")?;
    Ok(table)
}

fn nanoseconds(count: u32, f: impl FnOnce()) -> f64 {
    let start = Instant::now();
    f();
    start.elapsed().as_secs_f64() * 1e9 / f64::from(count)
}

fn locks(table: &mut Table) {
    const COUNT: u32 = 1_000_000;
    let (mine, theirs) = (
        reunite::sync::Mutex::new(0_u64),
        std::sync::Mutex::new(0_u64),
    );
    let parked = parking_lot::Mutex::new(0_u64);
    let candidates: Vec<Candidate<'_>> = vec![
        (
            "std::sync::Mutex",
            Box::new(|| {
                nanoseconds(COUNT, || {
                    (0..COUNT).for_each(|_| *theirs.lock().expect("whole") += 1);
                })
            }),
        ),
        (
            "parking_lot::Mutex",
            Box::new(|| nanoseconds(COUNT, || (0..COUNT).for_each(|_| *parked.lock() += 1))),
        ),
        (
            "reunite::sync::Mutex",
            Box::new(|| {
                nanoseconds(COUNT, || {
                    (0..COUNT).for_each(|_| *mine.lock().expect("whole") += 1);
                })
            }),
        ),
    ];
    table.measure(
        "lock and unlock, nobody else: wall time",
        "ns",
        31,
        candidates,
    );

    let (mine, theirs) = (
        reunite::sync::RwLock::new(0_u64),
        std::sync::RwLock::new(0_u64),
    );
    let parked = parking_lot::RwLock::new(0_u64);
    let candidates: Vec<Candidate<'_>> = vec![
        (
            "std::sync::RwLock",
            Box::new(|| {
                nanoseconds(COUNT, || {
                    (0..COUNT)
                        .for_each(|_| drop(std::hint::black_box(theirs.read().expect("whole"))));
                })
            }),
        ),
        (
            "parking_lot::RwLock",
            Box::new(|| {
                nanoseconds(COUNT, || {
                    (0..COUNT).for_each(|_| drop(std::hint::black_box(parked.read())));
                })
            }),
        ),
        (
            "reunite::sync::RwLock",
            Box::new(|| {
                nanoseconds(COUNT, || {
                    (0..COUNT)
                        .for_each(|_| drop(std::hint::black_box(mine.read().expect("whole"))));
                })
            }),
        ),
    ];
    table.measure(
        "read lock and unlock, nobody else: wall time",
        "ns",
        31,
        candidates,
    );
    permits(table);
    once(table);
}

/// std has no semaphore; its substitute is a count under a lock, and a condition variable.
fn permits(table: &mut Table) {
    const COUNT: u32 = 1_000_000;
    let mine = reunite::sync::Semaphore::new(2);
    let tokios = tokio::sync::Semaphore::new(2);
    // The number of free permits, and the number of threads that wait for one.
    let theirs = (
        std::sync::Mutex::new((2_u64, 0_u64)),
        std::sync::Condvar::new(),
    );
    let candidates: Vec<Candidate<'_>> = vec![
        (
            "std::sync: Mutex and Condvar",
            Box::new(|| {
                nanoseconds(COUNT, || {
                    for _ in 0..COUNT {
                        let mut state = theirs.0.lock().expect("whole");
                        while state.0 == 0 {
                            state.1 += 1;
                            state = theirs.1.wait(state).expect("whole");
                            state.1 -= 1;
                        }
                        state.0 -= 1;
                        drop(state);
                        let mut state = theirs.0.lock().expect("whole");
                        state.0 += 1;
                        if state.1 > 0 {
                            // A notification is a system call, whether or not a thread waits.
                            theirs.1.notify_one();
                        }
                    }
                })
            }),
        ),
        (
            "tokio::sync::Semaphore, try_acquire",
            Box::new(|| {
                nanoseconds(COUNT, || {
                    (0..COUNT).for_each(|_| drop(tokios.try_acquire().expect("free")));
                })
            }),
        ),
        (
            "reunite::sync::Semaphore",
            Box::new(|| {
                nanoseconds(COUNT, || {
                    (0..COUNT).for_each(|_| drop(mine.acquire().expect("free")));
                })
            }),
        ),
    ];
    table.measure(
        "permit taken and given back, nobody else: wall time",
        "ns",
        31,
        candidates,
    );
}

fn once(table: &mut Table) {
    const COUNT: u32 = 1_000_000;
    let (mine, theirs) = (
        reunite::sync::OnceCell::new(),
        std::sync::OnceLock::<u64>::new(),
    );
    let look = std::hint::black_box::<Option<&u64>>;
    let (std_once, parked) = (std::sync::Once::new(), parking_lot::Once::new());
    theirs.get_or_init(|| 1);
    mine.get_or_init(|| 1_u64).expect("nobody else makes it");
    let candidates: Vec<Candidate<'_>> = vec![
        (
            "std::sync::OnceLock",
            Box::new(|| {
                nanoseconds(COUNT, || {
                    (0..COUNT).for_each(|_| {
                        look(std::hint::black_box(&theirs).get());
                    });
                })
            }),
        ),
        (
            "std::sync::Once, call_once",
            Box::new(|| {
                nanoseconds(COUNT, || {
                    (0..COUNT).for_each(|_| std::hint::black_box(&std_once).call_once(|| ()));
                })
            }),
        ),
        (
            "parking_lot::Once, call_once",
            Box::new(|| {
                nanoseconds(COUNT, || {
                    (0..COUNT).for_each(|_| {
                        std::hint::black_box(&parked).call_once(|| ());
                    });
                })
            }),
        ),
        (
            "reunite::sync::OnceCell",
            Box::new(|| {
                nanoseconds(COUNT, || {
                    (0..COUNT).for_each(|_| {
                        look(std::hint::black_box(&mine).get());
                    });
                })
            }),
        ),
    ];
    table.measure("value that is there, read: wall time", "ns", 31, candidates);
}

/// `threads` threads that take the lock again and again, with some work inside and outside.
fn fight(threads: u32, step: impl Fn() + Sync) -> f64 {
    const COUNT: u32 = 20_000;
    nanoseconds(COUNT * threads, || {
        std::thread::scope(|s| {
            for _ in 0..threads {
                s.spawn(|| {
                    for _ in 0..COUNT {
                        step();
                        (0..50).for_each(|_| std::hint::spin_loop());
                    }
                });
            }
        });
    })
}

fn contended(table: &mut Table) {
    for threads in [2, 4] {
        let (mine, theirs) = (
            reunite::sync::Mutex::new(0_u64),
            std::sync::Mutex::new(0_u64),
        );
        let parked = parking_lot::Mutex::new(0_u64);
        let work = |count: &mut u64| {
            (0..20).for_each(|_| std::hint::spin_loop());
            *count += 1;
        };
        let candidates: Vec<Candidate<'_>> = vec![
            (
                "std::sync::Mutex",
                Box::new(|| fight(threads, || work(&mut theirs.lock().expect("whole")))),
            ),
            (
                "parking_lot::Mutex",
                Box::new(|| fight(threads, || work(&mut parked.lock()))),
            ),
            (
                "reunite::sync::Mutex",
                Box::new(|| fight(threads, || work(&mut mine.lock().expect("whole")))),
            ),
        ];
        let contenders = counted(threads, "thread");
        let title = format!("{contenders} fight for a lock: wall time of a turn");
        table.measure(&title, "ns", 21, candidates);
    }
}

/// Measures how late a wait of one millisecond ends while every core is busy: the median of many waits.
fn overshoot(table: &mut Table) {
    let late = |wait: &dyn Fn(Duration)| {
        let stop = std::sync::atomic::AtomicBool::new(false);
        let relaxed = std::sync::atomic::Ordering::Relaxed;
        std::thread::scope(|s| {
            for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
                s.spawn(|| {
                    while !stop.load(relaxed) {
                        std::hint::spin_loop()
                    }
                });
            }
            let asked = Duration::from_millis(1);
            let mut late: Vec<_> = (0..50)
                .map(|_| {
                    let start = Instant::now();
                    wait(asked);
                    start.elapsed().saturating_sub(asked).as_secs_f64() * 1e6
                })
                .collect();
            stop.store(true, relaxed);
            late.sort_by(f64::total_cmp);
            late[late.len() / 2]
        })
    };
    let (_tx, crossbeam) = crossbeam_channel::bounded::<u8>(1);
    let (_my_tx, mine) = reunite::channel::bounded::<u8>(1);
    let (lock, condvar) = (std::sync::Mutex::new(()), std::sync::Condvar::new());
    let candidates: Vec<Candidate<'_>> = vec![
        (
            "std::sync::Condvar::wait_timeout",
            Box::new(|| {
                late(&|asked| {
                    let guard = lock.lock().expect("whole");
                    drop(condvar.wait_timeout(guard, asked));
                })
            }),
        ),
        (
            "crossbeam-channel: recv_timeout",
            Box::new(|| late(&|asked| assert!(crossbeam.recv_timeout(asked).is_err()))),
        ),
        (
            "reunite::channel: recv_timeout",
            Box::new(|| late(&|asked| assert!(mine.recv_timeout(asked).is_err()))),
        ),
    ];
    table.measure(
        "1 ms timeout, every core busy: how late",
        "µs",
        9,
        candidates,
    );
}
