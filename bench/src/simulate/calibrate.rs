//! The costs of the model, measured on this machine: `simulate calibrate`.

use std::hint::black_box;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use reunite::Pool;

use super::costs::{Costs, Time};

/// Measures what can be measured, and prints it beside the model's value.
pub(super) fn run() {
    let costs = Costs::default();
    let print = |name: &str, found: f64, taken: Time| {
        println!(
            "  {name:58} {found:10.1} ns   {:10.1} ns",
            taken as f64 / 1e3
        );
    };
    println!("{:60} {:>13} {:>15}", "", "measured", "in the model");
    print(
        "line from core to core (there and back, halved)",
        ping_pong(),
        costs.complex,
    );
    print("atomic change of a line of one's own", alone(), costs.rmw);
    print("lock and unlock, not wanted by others", lock(), costs.lock);
    print("one pause of a thread that spins", pause(), costs.pause);
    print(
        "one yield, and reading the clock",
        yielding(),
        costs.yielding,
    );
    let (wake, latency) = wake();
    print("to wake a thread: its waker", wake, costs.wake);
    print("to wake a thread: until it runs", latency, costs.latency);
    let (start, started) = start();
    print("to start a thread: its starter", start, costs.start);
    print(
        "to start a thread: until it runs",
        started,
        costs.start_latency,
    );
    print("fork and its end, more than a call", fork(), costs.fork);
    let [publish, taken, ended] = hand_over();
    print(
        "fork that is published at once, and reading the clock",
        publish,
        costs.publish + costs.parcel,
    );
    print(
        "  from there until a thread that looks begins it, likewise",
        taken,
        costs.execute,
    );
    print(
        "  from its end until its joiner goes on, likewise",
        ended,
        costs.finish,
    );
    let (spawn, each) = spawns();
    let spawning = costs.spawn + costs.enqueue + costs.lock;
    print("spawn into a scope", spawn, spawning);
    print("task that does nothing", each, costs.task + 2 * costs.each);
}

/// The minimum of some rounds, each of which performs `each` `times` times.
fn least(rounds: usize, times: u32, mut each: impl FnMut()) -> f64 {
    let round = |_| {
        let start = Instant::now();
        (0..times).for_each(|_| each());
        start.elapsed().as_nanos() as f64 / f64::from(times)
    };
    (0..rounds).map(round).fold(f64::INFINITY, f64::min)
}

/// The lower quartile: other programs disturb only some samples.
fn quartile(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 4).copied().unwrap_or_default()
}

fn ping_pong() -> f64 {
    const TIMES: u64 = 2_000;
    let ball = AtomicU64::new(0);
    let rounds: u64 = 200;
    thread::scope(|s| {
        s.spawn(|| {
            for turn in 0..rounds * TIMES {
                while ball.load(Ordering::Acquire) != 2 * turn + 1 {
                    std::hint::spin_loop();
                }
                ball.store(2 * turn + 2, Ordering::Release);
            }
        });
        let mut turn = 0;
        least(rounds as usize, TIMES as u32, || {
            ball.store(2 * turn + 1, Ordering::Release);
            turn += 1;
            while ball.load(Ordering::Acquire) != 2 * turn {
                std::hint::spin_loop();
            }
        }) / 2.0
    })
}

fn alone() -> f64 {
    let word = AtomicU64::new(0);
    least(50, 10_000, || {
        black_box(&word).fetch_add(1, Ordering::SeqCst);
    })
}

fn lock() -> f64 {
    let lock = Mutex::new(0_u64);
    least(50, 10_000, || {
        if let Ok(mut guard) = black_box(&lock).lock() {
            *guard += 1;
        }
    })
}

fn pause() -> f64 {
    least(50, 10_000, std::hint::spin_loop)
}

fn yielding() -> f64 {
    least(50, 1_000, || {
        thread::yield_now();
        black_box(Instant::now());
    })
}

/// The cost of waking for the waker, and the time until the woken thread runs.
fn wake() -> (f64, f64) {
    let woken = Mutex::new(None);
    let is_over = AtomicBool::new(false);
    let (mut calls, mut delays) = (Vec::new(), Vec::new());
    thread::scope(|s| {
        let sleeper = s.spawn(|| {
            while !is_over.load(Ordering::Acquire) {
                thread::park();
                *woken.lock().expect("no panic") = Some(Instant::now());
            }
        });
        for _ in 0..400 {
            // Until it sleeps; only the measured call wakes it.
            thread::sleep(Duration::from_micros(300));
            *woken.lock().expect("no panic") = None;
            let start = Instant::now();
            sleeper.thread().unpark();
            calls.push(start.elapsed().as_nanos() as f64);
            let at = loop {
                if let Some(at) = *woken.lock().expect("no panic") {
                    break at;
                }
                std::hint::spin_loop();
            };
            delays.push(at.saturating_duration_since(start).as_nanos() as f64);
        }
        is_over.store(true, Ordering::Release);
        sleeper.thread().unpark();
    });
    (quartile(calls), quartile(delays))
}

fn start() -> (f64, f64) {
    let samples = (0..200).map(|_| {
        let start = Instant::now();
        let thread = thread::spawn(Instant::now);
        let called = start.elapsed().as_nanos() as f64;
        let began = thread.join().expect("no panic");
        (called, (began - start).as_nanos() as f64)
    });
    let (calls, delays) = samples.unzip();
    (quartile(calls), quartile(delays))
}

fn tree(depth: u32) -> u64 {
    if depth == 0 {
        return black_box(1);
    }
    tree(depth - 1) + tree(depth - 1)
}

fn forks(depth: u32) -> u64 {
    if depth == 0 {
        return black_box(1);
    }
    let (a, b) = reunite::join(move || forks(depth - 1), move || forks(depth - 1));
    a + b
}

fn pool(workers: usize) -> Pool {
    let builder = Pool::builder().threads(workers);
    builder.build().expect("a pool")
}

fn fork() -> f64 {
    const DEPTH: u32 = 14;
    let pool = pool(1);
    let forking = pool.enter(|| least(100, 1, || assert_eq!(forks(DEPTH), 1 << DEPTH)));
    let plain = least(100, 1, || assert_eq!(black_box(tree)(DEPTH), 1 << DEPTH));
    (forking - plain) / f64::from(1_u32 << DEPTH)
}

/// A fork that another thread takes: the cost of publishing it, when it begins, and when its joiner goes on after it.
fn hand_over() -> [f64; 3] {
    let pool = pool(2);
    let [mut published, mut taken, mut ended] = [const { Vec::new() }; 3];
    pool.enter(|| {
        for _ in 0..3_000 {
            let has_begun = AtomicBool::new(false);
            let wait = || {
                let since = Instant::now();
                let is_late = || since.elapsed() > Duration::from_micros(15);
                while !has_begun.load(Ordering::Acquire) && !is_late() {
                    std::hint::spin_loop();
                }
            };
            let start = Instant::now();
            let (first, (began, over)) = reunite::join(
                || {
                    let first = Instant::now();
                    wait();
                    first
                },
                || {
                    let began = Instant::now();
                    has_begun.store(true, Ordering::Release);
                    while began.elapsed() < Duration::from_micros(1) {
                        std::hint::spin_loop();
                    }
                    (began, Instant::now())
                },
            );
            let end = Instant::now();
            // A fork that ran on this thread was not handed over; if a sleeper had to be woken, that time is included.
            let call = first - start;
            if first < began && over < end && end - first < Duration::from_micros(14) {
                published.push(call.as_nanos() as f64);
                taken.push((began - first).as_nanos() as f64);
                ended.push((end - over).as_nanos() as f64);
            }
        }
    });
    [published, taken, ended].map(quartile)
}

/// The cost of a spawn, and of its task later, with the only place of the pool.
fn spawns() -> (f64, f64) {
    const COUNT: usize = 2_000;
    let pool = pool(1);
    let round = |_| {
        pool.enter(|| {
            let start = Instant::now();
            let spawned = pool.scope(|s| {
                for at in 0..COUNT {
                    s.spawn(move || black_box(at));
                }
                Instant::now()
            });
            let end = Instant::now();
            let each = |time: Duration| time.as_nanos() as f64 / COUNT as f64;
            (each(spawned - start), each(end - spawned))
        })
    };
    let rounds = (0..100).map(round);
    rounds.fold((f64::INFINITY, f64::INFINITY), |least, next| {
        (least.0.min(next.0), least.1.min(next.1))
    })
}
