//! The cost of an operation by how much else there is: depth, open scopes, visitors, cancelled tasks.

use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};

use reunite_base::units::counted;

use super::peers::{
    chili, consume, cpu_seconds, on_worker, pool, rayon, rayon_with_stack, thread_cpu,
};
use crate::rounds::Candidate;
use crate::table::Table;

/// Address space for recursion of a million levels; only the used part becomes memory.
const STACK: usize = 2 << 30;

pub(super) fn run(table: &mut Table) {
    // Recursive programs run on a stack of their own.
    std::thread::scope(|s| {
        let deep = std::thread::Builder::new().stack_size(STACK);
        let deep = deep.spawn_scoped(s, || {
            open_joins(table);
            nested_scopes(table);
        });
        deep.expect("a thread with a large stack")
            .join()
            .expect("no panic");
    });
    empty_scopes(table);
    scopes_beside_others(table);
    after_visitors(table);
    cancelled(table);
    stages(table);
}

fn nanoseconds_each(count: usize, f: impl FnOnce()) -> f64 {
    cpu_seconds(f) * 1e9 / count as f64
}

/// The first closure of each join contains all the other joins: all of them are open at the same time.
fn left(depth: usize) -> usize {
    if depth == 0 {
        return 0;
    }
    let (a, b) = reunite::join(move || left(depth - 1), move || black_box(depth));
    a ^ b
}

fn left_of_chili(scope: &mut chili::Scope<'_>, depth: usize) -> usize {
    if depth == 0 {
        return 0;
    }
    let (a, b) = scope.join(
        move |scope| left_of_chili(scope, depth - 1),
        move |_| black_box(depth),
    );
    a ^ b
}

fn left_of_rayon(depth: usize) -> usize {
    if depth == 0 {
        return 0;
    }
    let (a, b) = rayon::join(move || left_of_rayon(depth - 1), move || black_box(depth));
    a ^ b
}

fn open_joins(table: &mut Table) {
    let (mine, chilis, rayons) = (pool(2), chili(2), rayon_with_stack(2, STACK));
    for depth in [10_000, 100_000, 1_000_000] {
        let candidates: Vec<Candidate<'_>> = vec![
            (
                "rayon::join",
                Box::new(|| {
                    nanoseconds_each(depth, || consume(rayons.install(|| left_of_rayon(depth))))
                }),
            ),
            (
                "chili",
                Box::new(|| {
                    nanoseconds_each(depth, || consume(left_of_chili(&mut chilis.scope(), depth)))
                }),
            ),
            (
                "reunite::join",
                Box::new(|| nanoseconds_each(depth, || consume(mine.enter(|| left(depth))))),
            ),
        ];
        let what = format!("{depth} joins open at a time, 2 workers: processor time a join");
        table.measure(&what, "ns", 9, candidates);
    }
}

fn nested(pool: &reunite::Pool, depth: usize) {
    if depth > 0 {
        pool.scope(|_| nested(pool, black_box(depth - 1)));
    }
}

fn nested_of_rayon(depth: usize) {
    if depth > 0 {
        rayon::in_place_scope(|_| nested_of_rayon(black_box(depth - 1)));
    }
}

fn nested_scopes(table: &mut Table) {
    let (mine, rayons) = (pool(1), rayon_with_stack(1, STACK));
    for depth in [1_000, 10_000, 30_000] {
        let candidates: Vec<Candidate<'_>> = vec![
            (
                "rayon::in_place_scope",
                Box::new(|| nanoseconds_each(depth, || rayons.install(|| nested_of_rayon(depth)))),
            ),
            (
                "reunite: Pool::scope",
                Box::new(|| nanoseconds_each(depth, || mine.enter(|| nested(&mine, depth)))),
            ),
        ];
        let scopes = counted(depth, "scope");
        let what = format!("{scopes}, one inside the other: processor time a scope");
        table.measure(&what, "ns", 9, candidates);
    }
}

fn empty_scopes(table: &mut Table) {
    const COUNT: usize = 10_000;
    let (mine, rayons) = (pool(1), rayon(1));
    let candidates: Vec<Candidate<'_>> = vec![
        (
            "rayon::in_place_scope",
            Box::new(|| {
                rayons.install(|| {
                    nanoseconds_each(COUNT, || {
                        (0..COUNT).for_each(|n| rayon::in_place_scope(|_| consume(black_box(n))));
                    })
                })
            }),
        ),
        (
            "reunite: Pool::scope",
            Box::new(|| {
                mine.enter(|| {
                    nanoseconds_each(COUNT, || {
                        (0..COUNT).for_each(|n| mine.scope(|_| consume(black_box(n))));
                    })
                })
            }),
        ),
    ];
    let what = "a scope without a task, in a worker: processor time";
    table.measure(what, "ns", 15, candidates);
}

fn of_two_tasks(pool: &reunite::Pool, count: usize) -> f64 {
    nanoseconds_each(count, || {
        for n in 0..count {
            pool.scope(|s| {
                s.spawn(move || black_box(n));
                s.spawn(move || black_box(n));
            });
        }
    })
}

/// Calls `f` while `count` other threads are in `pool` and do nothing.
fn beside_visitors<R>(pool: &reunite::Pool, count: usize, f: impl FnOnce() -> R) -> R {
    let (are_here, end) = (Barrier::new(count + 1), Barrier::new(count + 1));
    std::thread::scope(|s| {
        for _ in 0..count {
            s.spawn(|| {
                pool.scope(|_| {
                    are_here.wait();
                    end.wait();
                });
            });
        }
        are_here.wait();
        let result = f();
        end.wait();
        result
    })
}

/// The number of visitors at a time. A pool has room for 1,024 members.
const VISITORS: usize = 1_000;

fn scopes_beside_others(table: &mut Table) {
    const COUNT: usize = 2_000;
    // On the only worker: whether another one comes is not part of the measurement.
    let mine = Arc::new(pool(1));
    let alone = || {
        let here = Arc::clone(&mine);
        on_worker(&mine, move || of_two_tasks(&here, COUNT))
    };
    let candidates: Vec<Candidate<'_>> = vec![
        ("reunite: no other scope", Box::new(alone)),
        (
            "reunite: 1,000 others are open",
            Box::new(|| beside_visitors(&mine, VISITORS, alone)),
        ),
    ];
    let what = "a scope of two tasks: processor time";
    table.measure(what, "ns", 15, candidates);
}

fn fib(n: u32) -> u64 {
    if n < 2 {
        return n.into();
    }
    let (a, b) = reunite::join(move || fib(n - 1), move || fib(n - 2));
    a + b
}

fn after_visitors(table: &mut Table) {
    const COUNT: usize = 2_000;
    let (untouched, visited) = (pool(1), pool(1));
    beside_visitors(&visited, VISITORS, || ());
    // Of this thread only: whether the worker comes is not part of the measurement.
    let enter = |pool: &reunite::Pool| {
        let start = thread_cpu();
        (0..COUNT).for_each(|_| consume(black_box(pool.enter(|| fib(10)))));
        (thread_cpu() - start) * 1e9 / COUNT as f64
    };
    let candidates: Vec<Candidate<'_>> = vec![
        (
            "reunite: no visitors before",
            Box::new(|| enter(&untouched)),
        ),
        (
            "reunite: 1,000 at once, before",
            Box::new(|| enter(&visited)),
        ),
    ];
    let what = "Pool::enter and fib(10): processor time of the caller";
    table.measure(what, "ns", 15, candidates);
}

fn cancelled(table: &mut Table) {
    const COUNT: usize = 1_000;
    let (mine, rayons) = (pool(1), rayon(1));
    let candidates: Vec<Candidate<'_>> = vec![
        (
            "rayon: in_place_scope, a flag",
            Box::new(|| {
                rayons.install(|| {
                    cpu_seconds(|| {
                        let is_over = AtomicBool::new(false);
                        rayon::in_place_scope(|s| {
                            for n in 0..COUNT {
                                let is_over = &is_over;
                                s.spawn(move |_| {
                                    if !is_over.load(Ordering::Relaxed) {
                                        consume(black_box(n));
                                    }
                                });
                            }
                            is_over.store(true, Ordering::Relaxed);
                        });
                    }) * 1e6
                })
            }),
        ),
        (
            "reunite: PoolScope::cancel",
            Box::new(|| {
                mine.enter(|| {
                    cpu_seconds(|| {
                        let scope = || {
                            mine.scope(|s| {
                                for n in 0..COUNT {
                                    s.spawn(move || black_box(n));
                                }
                                s.cancel("no more is needed");
                            });
                        };
                        // The scope leaves because of that, unless all tasks were done before.
                        consume(catch_unwind(AssertUnwindSafe(scope)));
                    }) * 1e6
                })
            }),
        ),
    ];
    let what = "1,000 tasks spawned, cancelled and brought back: processor time";
    table.measure(what, "µs", 31, candidates);
}

/// A chain of threads, each of which waits for the one before it.
fn stages(table: &mut Table) {
    const COUNT: usize = 10_000;
    // Enough for a loop over a channel, while ten thousand of them need no gigabytes.
    const SMALL: usize = 64 << 10;
    let candidates: Vec<Candidate<'_>> = vec![
        (
            "std::thread::scope, crossbeam",
            Box::new(|| {
                nanoseconds_each(COUNT, || {
                    std::thread::scope(|s| {
                        let (first, mut before) = crossbeam_channel::bounded::<usize>(1);
                        for _ in 0..COUNT {
                            let (tell, told) = crossbeam_channel::bounded(1);
                            let input = std::mem::replace(&mut before, told);
                            let stage = move || input.iter().try_for_each(|n| tell.send(n + 1));
                            let thread = std::thread::Builder::new().stack_size(SMALL);
                            consume(thread.spawn_scoped(s, stage).expect("a thread"));
                        }
                        first.send(0).expect("the first stage listens");
                        assert_eq!(before.recv(), Ok(COUNT));
                        drop(first);
                    });
                }) / 1e3
            }),
        ),
        (
            "reunite::scope, channel",
            Box::new(|| {
                nanoseconds_each(COUNT, || {
                    let scope = reunite::ScopeBuilder::new().stack_size(SMALL);
                    let ended = scope.scope(|s| {
                        let (first, mut before) = reunite::channel::bounded::<usize>(1);
                        for _ in 0..COUNT {
                            let (tell, told) = reunite::channel::bounded(1);
                            let input = std::mem::replace(&mut before, told);
                            s.spawn(move || {
                                // It ends when the stage before it ends.
                                let _ended = input.iter().try_for_each(|n| tell.send(n + 1));
                            });
                        }
                        first.send(0).expect("the first stage listens");
                        assert_eq!(before.recv().expect("the last stage tells"), COUNT);
                        drop(first);
                    });
                    ended.expect("no stage fails");
                }) / 1e3
            }),
        ),
    ];
    let what = "one of 10,000 threads in a pipeline, woken and ended: processor time";
    table.measure(what, "µs", 7, candidates);
}
