//! The time for which one thread waits for another: to be started, sent to, notified. Compared with std, crossbeam
//! and rayon, while the cores are free and while other processes use them.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::allocations;
use crate::rounds::Candidate;
use crate::setting::Setting;
use crate::table::Table;

const ROUNDS: usize = 15;

/// A sample lasts at least this long, or this many calls.
const LASTS: Duration = Duration::from_millis(60);
const CALLS: u32 = 2_000;

pub(crate) fn run(setting: &Setting) -> Result<Table, Box<dyn Error>> {
    let mut table = Table::new(setting);
    spawns(&mut table);
    for capacity in [0, 1, 64] {
        round_trips(&mut table, capacity);
    }
    conditions(&mut table);
    asleep(&mut table);
    recycled(&mut table);
    table.write("latency")?;
    Ok(table)
}

/// Measures microseconds for each call.
fn each<'a>(name: &'a str, mut call: impl FnMut() + 'a) -> Candidate<'a> {
    let sample = move || {
        let start = Instant::now();
        let mut calls = 0;
        while calls < CALLS && start.elapsed() < LASTS {
            call();
            calls += 1;
        }
        start.elapsed().as_secs_f64() * 1e6 / f64::from(calls)
    };
    (name, Box::new(sample))
}

fn spawns(table: &mut Table) {
    let candidates = vec![
        each("std::thread::spawn", || {
            drop(std::thread::spawn(|| 1).join());
        }),
        each("reunite::spawn", || drop(reunite::spawn(|| 1).join())),
    ];
    table.measure(
        "spawn a thread, join it: wall time",
        "µs",
        ROUNDS,
        candidates,
    );

    let candidates = vec![
        each("std::thread::scope", || {
            std::thread::scope(|s| (0..8).for_each(|_| drop(s.spawn(|| 1))));
        }),
        each("reunite::scope", || {
            reunite::scope(|s| (0..8).for_each(|_| drop(s.spawn(|| 1))));
        }),
    ];
    table.measure(
        "a scope of eight threads: wall time",
        "µs",
        ROUNDS,
        candidates,
    );

    let pool = reunite::Pool::global();
    let candidates = vec![
        each("rayon::spawn, mpsc", || {
            let (tx, rx) = mpsc::channel();
            rayon::spawn(move || tx.send(1).expect("received"));
            rx.recv().expect("sent");
        }),
        each("reunite: Pool::spawn, join (may run it)", || {
            drop(pool.spawn(|| 1).join())
        }),
    ];
    table.measure(
        "spawn in a pool, wait for it: wall time",
        "µs",
        ROUNDS,
        candidates,
    );
}

/// Starts a thread that sends back every message that it receives.
fn echo<T: Send + 'static>(
    receive: impl Fn() -> Option<T> + Send + 'static,
    send: impl Fn(T) -> bool + Send + 'static,
) {
    std::thread::spawn(move || while receive().is_some_and(&send) {});
}

fn round_trips(table: &mut Table, capacity: usize) {
    let candidates = vec![
        {
            let ((tx, there), (back, rx)) =
                (mpsc::sync_channel(capacity), mpsc::sync_channel(capacity));
            echo(
                move || there.recv().ok(),
                move |n: u32| back.send(n).is_ok(),
            );
            each("std::sync::mpsc", move || {
                tx.send(1).expect("open");
                rx.recv().expect("open");
            })
        },
        {
            let ((tx, there), (back, rx)) = (
                crossbeam_channel::bounded(capacity),
                crossbeam_channel::bounded(capacity),
            );
            echo(
                move || there.recv().ok(),
                move |n: u32| back.send(n).is_ok(),
            );
            each("crossbeam-channel", move || {
                tx.send(1).expect("open");
                rx.recv().expect("open");
            })
        },
        {
            let make = || match capacity {
                0 => reunite::channel::rendezvous(),
                _ => reunite::channel::bounded(capacity),
            };
            let ((tx, there), (back, rx)) = (make(), make());
            echo(
                move || there.recv().ok(),
                move |n: u32| back.send(n).is_ok(),
            );
            each("reunite::channel", move || {
                tx.send(1).expect("open");
                rx.recv().expect("open");
            })
        },
    ];
    let title = format!("a message there and back, capacity {capacity}: wall time");
    table.measure(&title, "µs", ROUNDS, candidates);
}

fn conditions(table: &mut Table) {
    let (flag, changed) = (std::sync::Mutex::new(false), std::sync::Condvar::new());
    let (my_flag, my_changed) = (
        reunite::sync::Mutex::new(false),
        reunite::sync::Condvar::new(),
    );
    // True is one side's turn, false the other's; the second side ends when it is told to.
    let theirs = |turn: bool| {
        let guard = flag.lock().expect("whole");
        let mut guard = changed
            .wait_while(guard, |flag| *flag != turn)
            .expect("whole");
        *guard = !turn;
        changed.notify_one();
    };
    let ours = |turn: bool| {
        let mut guard = my_flag.lock().expect("whole");
        my_changed
            .wait_while(&mut guard, |flag| *flag != turn)
            .expect("whole");
        *guard = !turn;
        my_changed.notify_one();
    };
    let candidates = vec![
        ("std::sync::Condvar", sides(theirs)),
        ("reunite::sync::Condvar", sides(ours)),
    ];
    table.measure(
        "a condition there and back: wall time",
        "µs",
        ROUNDS,
        candidates,
    );
}

/// Measures microseconds for each round of two threads that take turns.
fn sides<'a>(side: impl Fn(bool) + Sync + 'a) -> Box<dyn FnMut() -> f64 + 'a> {
    const TURNS: u32 = 500;
    Box::new(move || {
        let start = Instant::now();
        std::thread::scope(|s| {
            s.spawn(|| (0..TURNS).for_each(|_| side(true)));
            (0..TURNS).for_each(|_| side(false));
        });
        start.elapsed().as_secs_f64() * 1e6 / f64::from(TURNS)
    })
}

/// There and back, where the other thread sleeps when it is called.
fn asleep(table: &mut Table) {
    let here = std::thread::current();
    let (asked, answered, is_over) = (
        AtomicBool::new(false),
        AtomicBool::new(false),
        AtomicBool::new(false),
    );
    let until = |flag: &AtomicBool| {
        while !flag.swap(false, Ordering::AcqRel) {
            std::thread::park();
        }
    };
    let pool = reunite::Pool::global();
    std::thread::scope(|s| {
        let other = s.spawn(|| {
            loop {
                until(&asked);
                if is_over.load(Ordering::Acquire) {
                    break;
                }
                answered.store(true, Ordering::Release);
                here.unpark();
            }
        });
        let other = other.thread();
        let candidates = vec![
            after_sleep("park and unpark (the floor)", || {
                asked.store(true, Ordering::Release);
                other.unpark();
                until(&answered);
            }),
            after_sleep("std::thread::spawn, join", || {
                drop(std::thread::spawn(|| 1).join());
            }),
            after_sleep("reunite::spawn, join", || {
                drop(reunite::spawn(|| 1).join());
            }),
            after_sleep("rayon::spawn, mpsc", || {
                let (tx, rx) = mpsc::channel();
                rayon::spawn(move || tx.send(1).expect("received"));
                rx.recv().expect("sent");
            }),
            after_sleep("reunite: Pool::spawn, mpsc", || {
                let (tx, rx) = mpsc::channel();
                pool.spawn(move || tx.send(1).expect("received")).detach();
                rx.recv().expect("sent");
            }),
            after_sleep("reunite: Pool::spawn, join (may run it)", || {
                drop(pool.spawn(|| 1).join());
            }),
        ];
        table.measure(
            "there and back, the other thread asleep: wall time",
            "µs",
            301,
            candidates,
        );
        is_over.store(true, Ordering::Release);
        asked.store(true, Ordering::Release);
        other.unpark();
    });
}

/// Measures microseconds of one call, after all threads have gone to sleep.
fn after_sleep<'a>(name: &'a str, mut call: impl FnMut() + 'a) -> Candidate<'a> {
    let sample = move || {
        std::thread::sleep(Duration::from_millis(2));
        let start = Instant::now();
        call();
        start.elapsed().as_secs_f64() * 1e6
    };
    (name, Box::new(sample))
}

/// One thread after the other in a scope that lasts: this library uses its threads again.
fn recycled(table: &mut Table) {
    std::thread::scope(|theirs| {
        reunite::scope(|mine| {
            let candidates = vec![
                each("std::thread::scope", || {
                    drop(theirs.spawn(|| 1).join());
                }),
                each("reunite::scope", || drop(mine.spawn(|| 1).join())),
            ];
            let what = "spawn one in a scope, join it: wall time";
            table.measure(what, "µs", ROUNDS, candidates);
        });
    });
    allocations::measure(table);
}
