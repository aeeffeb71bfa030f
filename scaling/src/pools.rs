//! Forks, and scopes and tasks of a pool. The pool has one place, which the measuring thread takes, unless other
//! threads are to take part.

use std::hint::black_box;
use std::sync::Barrier;

use reunite::{Pool, PoolScope, PoolTask, join};

use crate::meter::Meter;
use crate::operation::{Growth, Operation};

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "fork/below-n-open-forks",
        size: 1_000,
        growth: Growth::None,
        measure: fork_below,
    },
    Operation {
        name: "fork/one-of-n-open-forks",
        size: 1_000,
        growth: Growth::None,
        measure: fork_deep,
    },
    Operation {
        name: "fork/one-of-n-open-forks-beside-a-thief",
        size: 1_000,
        growth: Growth::None,
        measure: fork_deep_beside_a_thief,
    },
    Operation {
        name: "enter/after-n-visitors-at-once",
        size: 16,
        growth: Growth::None,
        measure: enter_after_visitors,
    },
    Operation {
        name: "enter/beside-n-visitors",
        size: 16,
        growth: Growth::None,
        measure: enter_beside_visitors,
    },
    Operation {
        name: "pool-scope/inside-n-open-scopes",
        size: 100,
        growth: Growth::None,
        measure: scope_inside,
    },
    Operation {
        name: "pool-scope/beside-n-open-scopes",
        size: 16,
        growth: Growth::None,
        measure: scope_beside,
    },
    Operation {
        name: "pool-scope/one-of-n-nested",
        size: 100,
        growth: Growth::None,
        measure: scope_nested,
    },
    Operation {
        name: "pool-scope/one-of-n-nested-with-a-task-each",
        size: 100,
        growth: Growth::None,
        measure: scope_nested_with_tasks,
    },
    Operation {
        name: "pool-task/one-of-n",
        size: 1_000,
        growth: Growth::None,
        measure: tasks,
    },
    Operation {
        name: "pool-task/one-of-n-joined-in-order",
        size: 1_000,
        growth: Growth::None,
        measure: tasks_joined,
    },
    Operation {
        name: "pool-task/one-of-n-joined-from-the-last",
        size: 1_000,
        growth: Growth::None,
        measure: tasks_joined_from_the_last,
    },
    Operation {
        name: "pool-task/after-n-were-joined",
        size: 1_000,
        growth: Growth::None,
        measure: task_after_others,
    },
    Operation {
        name: "pool-task/beside-n-queued",
        size: 1_000,
        growth: Growth::None,
        measure: task_beside_queued,
    },
    Operation {
        name: "pool-task/one-of-n-cancelled",
        size: 1_000,
        growth: Growth::None,
        measure: tasks_cancelled,
    },
    Operation {
        name: "pool-task/one-of-n-that-panic",
        size: 100,
        growth: Growth::None,
        measure: tasks_that_panic,
    },
    Operation {
        name: "pool-spawn/one-of-n",
        size: 250,
        growth: Growth::None,
        measure: spawned,
    },
    Operation {
        name: "pool-spawn/one-of-n-joined-from-the-last",
        size: 250,
        growth: Growth::None,
        measure: spawned_from_the_last,
    },
];

fn alone() -> Pool {
    pool(1)
}

fn pool(threads: usize) -> Pool {
    let pool = Pool::builder().threads(threads).build();
    pool.expect("the system has a thread")
}

/// Runs `f` inside `depth` open forks.
fn inside_forks(depth: usize, f: &mut dyn FnMut()) {
    if depth == 0 {
        return f();
    }
    join(|| inside_forks(depth - 1, f), || black_box(depth));
}

fn fork_below(size: usize, meter: &mut Meter) {
    const COUNT: usize = 1_000;
    let mut measure = || {
        meter.rounds(COUNT, || {
            for n in 0..COUNT {
                join(|| black_box(n), || black_box(n));
            }
        });
    };
    alone().enter(|| inside_forks(size, &mut measure));
}

fn fork_deep(size: usize, meter: &mut Meter) {
    let round = || inside_forks(size, &mut || ());
    alone().enter(|| meter.rounds(size, round));
}

fn fork_deep_beside_a_thief(size: usize, meter: &mut Meter) {
    let round = || inside_forks(size, &mut || ());
    pool(2).enter(|| meter.rounds(size, round));
}

fn enter_after_visitors(size: usize, meter: &mut Meter) {
    const COUNT: usize = 100;
    let (pool, all_are_here) = (alone(), Barrier::new(size));
    std::thread::scope(|s| {
        for _ in 0..size {
            s.spawn(|| pool.enter(|| all_are_here.wait()));
        }
    });
    meter.rounds(COUNT, || {
        for n in 0..COUNT {
            pool.enter(|| join(|| black_box(n), || black_box(n)));
        }
    });
}

fn enter_beside_visitors(size: usize, meter: &mut Meter) {
    const COUNT: usize = 100;
    let pool = alone();
    let (all_are_here, end) = (Barrier::new(size + 1), Barrier::new(size + 1));
    std::thread::scope(|s| {
        for _ in 0..size {
            s.spawn(|| {
                pool.enter(|| {
                    all_are_here.wait();
                    end.wait();
                })
            });
        }
        all_are_here.wait();
        meter.rounds(COUNT, || {
            for n in 0..COUNT {
                pool.enter(|| join(|| black_box(n), || black_box(n)));
            }
        });
        end.wait();
    });
}

fn of_two_tasks(pool: &Pool) {
    pool.scope(|s| {
        s.spawn(|| black_box(1));
        s.spawn(|| black_box(2));
    });
}

fn inside_scopes(pool: &Pool, depth: usize, f: &mut dyn FnMut()) {
    if depth == 0 {
        return f();
    }
    pool.scope(|_| inside_scopes(pool, depth - 1, f));
}

fn scope_inside(size: usize, meter: &mut Meter) {
    const COUNT: usize = 100;
    let pool = alone();
    let mut measure = || {
        meter.rounds(COUNT, || (0..COUNT).for_each(|_| of_two_tasks(&pool)));
    };
    pool.enter(|| inside_scopes(&pool, size, &mut measure));
}

fn scope_beside(size: usize, meter: &mut Meter) {
    const COUNT: usize = 100;
    let pool = alone();
    let (open, end) = (Barrier::new(size + 1), Barrier::new(size + 1));
    std::thread::scope(|s| {
        for _ in 0..size {
            s.spawn(|| {
                pool.scope(|_| {
                    open.wait();
                    end.wait();
                })
            });
        }
        open.wait();
        pool.enter(|| meter.rounds(COUNT, || (0..COUNT).for_each(|_| of_two_tasks(&pool))));
        end.wait();
    });
}

fn scope_nested(size: usize, meter: &mut Meter) {
    let pool = alone();
    pool.enter(|| meter.rounds(size, || inside_scopes(&pool, size, &mut || ())));
}

fn scope_nested_with_tasks(size: usize, meter: &mut Meter) {
    fn nest(pool: &Pool, depth: usize) {
        if depth == 0 {
            return;
        }
        pool.scope(|s| {
            s.spawn(move || nest(pool, depth - 1));
        });
    }
    let pool = alone();
    pool.enter(|| meter.rounds(size, || nest(&pool, size)));
}

fn tasks(size: usize, meter: &mut Meter) {
    let pool = alone();
    pool.enter(|| {
        meter.rounds(size, || {
            pool.scope(|s| {
                for n in 0..size {
                    s.spawn(move || black_box(n));
                }
            });
        });
    });
}

/// `size` tasks in one scope of a pool, all spawned before `join_all` gets them.
fn joined(
    size: usize,
    meter: &mut Meter,
    join_all: impl for<'s> Fn(&mut dyn DoubleEndedIterator<Item = PoolTask<'s, usize>>),
) {
    let pool = alone();
    pool.enter(|| {
        meter.rounds(size, || {
            pool.scope(|s| {
                let spawn = |n: usize| s.spawn(move || black_box(n));
                let tasks: Vec<_> = (0..size).map(spawn).collect();
                join_all(&mut tasks.into_iter());
            });
        });
    });
}

fn join_task(task: PoolTask<'_, usize>) {
    task.join().expect("it does not panic");
}

fn tasks_joined(size: usize, meter: &mut Meter) {
    joined(size, meter, |tasks| tasks.for_each(join_task));
}

fn tasks_joined_from_the_last(size: usize, meter: &mut Meter) {
    joined(size, meter, |tasks| tasks.rev().for_each(join_task));
}

/// Measures tasks that are spawned and joined right away in a scope in which `before` was called.
fn task_after(
    meter: &mut Meter,
    before: impl for<'s, 'env> Fn(&'s PoolScope<'s, 'env>) -> Vec<PoolTask<'s, usize>>,
) {
    const COUNT: usize = 1_000;
    let pool = alone();
    pool.enter(|| {
        pool.scope(|s| {
            let kept = before(s);
            meter.rounds(COUNT, || {
                for n in 0..COUNT {
                    join_task(s.spawn(move || black_box(n)));
                }
            });
            kept.into_iter().for_each(join_task);
        });
    });
}

fn task_after_others(size: usize, meter: &mut Meter) {
    task_after(meter, |s| {
        (0..size).for_each(|n| join_task(s.spawn(move || black_box(n))));
        Vec::new()
    });
}

fn task_beside_queued(size: usize, meter: &mut Meter) {
    task_after(meter, |s| {
        (0..size).map(|n| s.spawn(move || black_box(n))).collect()
    });
}

fn tasks_cancelled(size: usize, meter: &mut Meter) {
    let pool = alone();
    let round = || {
        let scope = || {
            pool.scope(|s| {
                for n in 0..size {
                    s.spawn(move || black_box(n));
                }
                s.cancel("enough");
            });
        };
        // The scope leaves because of that: its tasks were not done.
        let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(scope));
        black_box(told.is_err());
    };
    pool.enter(|| meter.rounds(size, round));
}

fn tasks_that_panic(size: usize, meter: &mut Meter) {
    let pool = alone();
    let round = || {
        let scope = || {
            pool.scope(|s| {
                for n in 0..size {
                    s.spawn(move || std::panic::resume_unwind(Box::new(n)));
                }
            });
        };
        let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(scope));
        assert!(told.is_err());
    };
    pool.enter(|| meter.rounds(size, round));
}

/// `size` tasks outside any scope, none of which begins before its join.
fn spawned_and(
    size: usize,
    meter: &mut Meter,
    join_all: impl Fn(&mut dyn DoubleEndedIterator<Item = reunite::JoinHandle<usize>>),
) {
    let pool = alone();
    pool.enter(|| {
        meter.rounds(size, || {
            let spawn = |n: usize| pool.spawn(move || black_box(n));
            let tasks: Vec<_> = (0..size).map(spawn).collect();
            join_all(&mut tasks.into_iter());
        });
    });
}

fn join_spawned(task: reunite::JoinHandle<usize>) {
    task.join().expect("it does not panic");
}

fn spawned(size: usize, meter: &mut Meter) {
    spawned_and(size, meter, |tasks| tasks.for_each(join_spawned));
}

fn spawned_from_the_last(size: usize, meter: &mut Meter) {
    spawned_and(size, meter, |tasks| tasks.rev().for_each(join_spawned));
}
