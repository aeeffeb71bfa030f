//! Many tiny tasks in a scope, and a few tasks across threads.

use std::hint::black_box;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::peers::{consume, cpu_seconds, pool, rayon, seconds};
use crate::rounds::Candidate;
use crate::table::Table;

/// Longer than any measurement.
const LONG: Duration = Duration::from_secs(60);

pub(super) fn run(table: &mut Table) {
    let (mine, rayons) = (pool(2), rayon(2));
    let mut threads = scoped_threadpool::Pool::new(2);
    for count in [100_000_usize, 1_000_000] {
        let each = move |spent: f64| spent * 1e9 / count as f64;
        let task = |n: usize| black_box(n) ^ 1;
        let candidates: Vec<Candidate<'_>> = vec![
            (
                "rayon::scope",
                Box::new(|| {
                    let mut results = vec![0; count];
                    each(seconds(|| {
                        rayons.scope(|s| {
                            for (n, result) in results.iter_mut().enumerate() {
                                s.spawn(move |_| *result = task(n));
                            }
                        });
                    }))
                }),
            ),
            (
                "scoped_threadpool",
                Box::new(|| {
                    let mut results = vec![0; count];
                    each(seconds(|| {
                        threads.scoped(|s| {
                            for (n, result) in results.iter_mut().enumerate() {
                                s.execute(move || *result = task(n));
                            }
                        });
                    }))
                }),
            ),
            (
                "reunite: Pool::scope, slots",
                Box::new(|| {
                    let mut results = vec![0; count];
                    each(seconds(|| {
                        mine.scope(|s| {
                            for (n, result) in results.iter_mut().enumerate() {
                                s.spawn(move || *result = task(n));
                            }
                        });
                    }))
                }),
            ),
            (
                "reunite: Pool::scope, joins",
                Box::new(|| {
                    each(seconds(|| {
                        mine.scope(|s| {
                            let tasks: Vec<_> =
                                (0..count).map(|n| s.spawn(move || task(n))).collect();
                            let results =
                                tasks.into_iter().map(|task| task.join().expect("no panic"));
                            black_box(results.collect::<Vec<usize>>());
                        });
                    }))
                }),
            ),
        ];
        table.measure(
            &format!("scope of {count} tiny tasks, results in order: wall time a task"),
            "ns",
            9,
            candidates,
        );
    }

    not_joined(table);
    joined_later(table);

    const TIMES: u32 = 1_000;
    let candidates: Vec<Candidate<'_>> = vec![
        (
            "rayon::in_place_scope",
            Box::new(|| {
                seconds(|| {
                    for _ in 0..TIMES {
                        rayons.in_place_scope(|s| s.spawn(|_| consume(black_box(1))));
                    }
                }) * 1e9
                    / f64::from(TIMES)
            }),
        ),
        (
            "reunite: Pool::scope of one",
            Box::new(|| {
                seconds(|| {
                    for _ in 0..TIMES {
                        mine.scope(|s| drop(s.spawn(|| black_box(1)).join()));
                    }
                }) * 1e9
                    / f64::from(TIMES)
            }),
        ),
        (
            "reunite: one task of a long scope",
            Box::new(|| {
                mine.scope(|s| {
                    seconds(|| {
                        for _ in 0..TIMES {
                            drop(s.spawn(|| black_box(1)).join());
                        }
                    })
                }) * 1e9
                    / f64::from(TIMES)
            }),
        ),
    ];
    table.measure(
        "spawn one, join one, not begun: wall time",
        "ns",
        15,
        candidates,
    );

    // From the spawn to the first line of the task, while its worker sleeps.
    let pause = || std::thread::sleep(std::time::Duration::from_millis(2));
    let candidates: Vec<Candidate<'_>> = vec![
        (
            "park and unpark (the floor)",
            Box::new(move || {
                let (tell, told) = mpsc::channel();
                let thread = std::thread::spawn(move || {
                    std::thread::park();
                    tell.send(Instant::now()).expect("somebody listens");
                });
                pause();
                let start = Instant::now();
                thread.thread().unpark();
                let woken = told.recv().expect("the thread woke");
                thread.join().expect("no panic");
                (woken - start).as_secs_f64() * 1e6
            }),
        ),
        (
            "reunite: Pool::spawn",
            Box::new(|| {
                pause();
                let (tell, told) = mpsc::channel();
                let start = Instant::now();
                mine.spawn(move || tell.send(Instant::now()).expect("somebody listens"))
                    .detach();
                (told.recv().expect("the task ran") - start).as_secs_f64() * 1e6
            }),
        ),
        (
            "reunite::spawn",
            Box::new(|| {
                pause();
                let start = Instant::now();
                let task = reunite::spawn(Instant::now);
                (task.join().expect("no panic") - start).as_secs_f64() * 1e6
            }),
        ),
        (
            "std::thread::spawn",
            Box::new(|| {
                pause();
                let start = Instant::now();
                let thread = std::thread::spawn(Instant::now);
                (thread.join().expect("no panic") - start).as_secs_f64() * 1e6
            }),
        ),
        (
            "rayon: ThreadPool::spawn",
            Box::new(|| {
                pause();
                let (tell, told) = mpsc::channel();
                let start = Instant::now();
                rayons.spawn(move || tell.send(Instant::now()).expect("somebody listens"));
                (told.recv().expect("the task ran") - start).as_secs_f64() * 1e6
            }),
        ),
    ];
    table.measure(
        "across threads, the worker asleep: from spawn to task",
        "µs",
        301,
        candidates,
    );
}

/// The cost of tiny tasks whose results go elsewhere, with one worker.
fn not_joined(table: &mut Table) {
    const COUNT: usize = 100_000;
    let (mine, rayons) = (pool(1), rayon(1));
    let mut threads = scoped_threadpool::Pool::new(1);
    let each = |spent: f64| spent * 1e9 / COUNT as f64;
    let candidates: Vec<Candidate<'_>> = vec![
        (
            "rayon::in_place_scope",
            Box::new(|| {
                rayons.install(|| {
                    each(cpu_seconds(|| {
                        rayon::in_place_scope(|s| {
                            (0..COUNT).for_each(|n| s.spawn(move |_| consume(black_box(n))));
                        });
                    }))
                })
            }),
        ),
        (
            "scoped_threadpool",
            Box::new(|| {
                each(cpu_seconds(|| {
                    threads.scoped(|s| {
                        (0..COUNT).for_each(|n| s.execute(move || consume(black_box(n))));
                    });
                }))
            }),
        ),
        (
            "reunite: Pool::scope",
            Box::new(|| {
                mine.enter(|| {
                    each(cpu_seconds(|| {
                        mine.scope(|s| {
                            (0..COUNT).for_each(|n| drop(s.spawn(move || consume(black_box(n)))));
                        });
                    }))
                })
            }),
        ),
    ];
    table.measure(
        "100,000 tiny tasks in a scope, 1 worker: processor time a task",
        "ns",
        15,
        candidates,
    );
}

/// Tasks outside any scope, a hundred at a time, joined after all were spawned.
fn joined_later(table: &mut Table) {
    const TIMES: usize = 100;
    const COUNT: usize = 100;
    let (mine, rustys) = (pool(1), rusty_pool::ThreadPool::new(1, 1, LONG));
    let each = |spent: f64| spent * 1e9 / (TIMES * COUNT) as f64;
    let candidates: Vec<Candidate<'_>> = vec![
        (
            "rusty_pool: evaluate",
            Box::new(|| {
                each(cpu_seconds(|| {
                    for _ in 0..TIMES {
                        let spawn = |n: usize| rustys.evaluate(move || black_box(n));
                        let tasks: Vec<_> = (0..COUNT).map(spawn).collect();
                        tasks
                            .into_iter()
                            .for_each(|task| consume(task.await_complete()));
                    }
                }))
            }),
        ),
        (
            "reunite: Pool::spawn",
            Box::new(|| {
                each(cpu_seconds(|| {
                    for _ in 0..TIMES {
                        let spawn = |n: usize| mine.spawn(move || black_box(n));
                        let tasks: Vec<_> = (0..COUNT).map(spawn).collect();
                        tasks
                            .into_iter()
                            .for_each(|task| consume(task.join().expect("no panic")));
                    }
                }))
            }),
        ),
    ];
    table.measure(
        "100 tasks of no scope, 1 worker, joined later: processor time a task",
        "ns",
        15,
        candidates,
    );
    rustys.shutdown();
}
