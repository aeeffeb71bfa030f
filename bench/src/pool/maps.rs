//! Ordered maps on two cores, as a fraction of the sequential time.

use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use pariter::IteratorExt as _;
use rayon::prelude::*;
use reunite::par;

use super::peers::{consume, pool, rayon, seconds};
use crate::rounds::Candidate;
use crate::table::Table;

/// Computes for about this many nanoseconds.
fn spin(nanoseconds: u64) -> u64 {
    (0..nanoseconds).fold(nanoseconds, |x, n| black_box(x.rotate_left(5) ^ n))
}

/// The number of steps of `spin` in a microsecond on this machine, while nothing else uses the core.
fn steps_a_microsecond() -> f64 {
    const STEPS: u64 = 100_000;
    let timings = (0..200).map(|_| {
        let start = Instant::now();
        black_box(spin(STEPS));
        start.elapsed().as_secs_f64() * 1e6
    });
    STEPS as f64 / timings.fold(f64::INFINITY, f64::min)
}

fn ours(items: &[u64]) -> Vec<u64> {
    use reunite::prelude::ParallelIterator as _;
    par(items).map(|n| spin(*n)).collect()
}

/// A name, a number of items, and the steps that each costs.
type Kind = (&'static str, usize, Box<dyn Fn(usize) -> u64>);

pub(super) fn run(table: &mut Table) {
    let (mine, rayons) = (pool(2), rayon(2));
    let microsecond = steps_a_microsecond();
    let kinds: [Kind; 5] = [
        (
            "50 ns",
            100_000,
            Box::new(move |_| (microsecond / 20.0) as u64),
        ),
        (
            "100 ns",
            200_000,
            Box::new(move |_| (microsecond / 10.0) as u64),
        ),
        (
            "10 µs",
            5_000,
            Box::new(move |_| (microsecond * 10.0) as u64),
        ),
        // An item of the last tenth costs a hundred times as much as the others.
        (
            "skewed",
            5_000,
            Box::new(move |n| (microsecond * if n >= 4_500 { 90.0 } else { 0.9 }) as u64),
        ),
        (
            "growing",
            5_000,
            Box::new(move |n| (microsecond * n as f64 / 250.0) as u64),
        ),
    ];
    for (kind, count, cost) in kinds {
        let items: Vec<u64> = (0..count).map(&cost).collect();
        let candidates: Vec<Candidate<'_>> = vec![
            (
                "sequential",
                Box::new(|| {
                    seconds(|| {
                        consume(black_box(
                            items.iter().map(|&n| spin(n)).collect::<Vec<_>>(),
                        ))
                    }) * 1e3
                }),
            ),
            (
                "reunite::par(..).map",
                Box::new(|| {
                    seconds(|| {
                        let mapped: Vec<u64> = mine.enter(|| ours(&items));
                        consume(black_box(mapped));
                    }) * 1e3
                }),
            ),
            (
                "rayon: par_iter().map().collect()",
                Box::new(|| {
                    seconds(|| {
                        let mapped: Vec<u64> =
                            rayons.install(|| items.par_iter().map(|&n| spin(n)).collect());
                        consume(black_box(mapped));
                    }) * 1e3
                }),
            ),
        ];
        let what = format!("ordered map over a slice, {kind} an item, 2 cores: wall time");
        table.measure(&what, "ms", 11, candidates);

        // An iterator that hides its length and its kind.
        let opaque = || {
            let mut items = items.clone().into_iter();
            std::iter::from_fn(move || items.next())
        };
        let candidates: Vec<Candidate<'_>> = vec![
            (
                "sequential",
                Box::new(|| {
                    seconds(|| opaque().map(spin).for_each(|n| consume(black_box(n)))) * 1e3
                }),
            ),
            (
                "reunite::map, two threads",
                Box::new(|| {
                    seconds(|| {
                        let mapped = reunite::map(opaque(), spin).threads(2);
                        mapped
                            .into_iter()
                            .for_each(|n| consume(black_box(n.expect("no panic"))));
                    }) * 1e3
                }),
            ),
            (
                "reunite::for_each",
                Box::new(|| {
                    seconds(|| {
                        let ended = reunite::for_each(opaque(), |n| consume(black_box(spin(n))));
                        ended.expect("nobody fails");
                    }) * 1e3
                }),
            ),
            (
                "reunite: PoolScope::map",
                Box::new(|| {
                    seconds(|| {
                        mine.scope(|s| {
                            let mapped = s.map(opaque(), spin);
                            mapped.for_each(|n| consume(black_box(n.expect("no panic"))));
                        });
                    }) * 1e3
                }),
            ),
            (
                "reunite: PoolScope::map, window(4096)",
                Box::new(|| {
                    seconds(|| {
                        mine.scope(|s| {
                            let mapped = s.map(opaque(), spin).window(4_096);
                            mapped.for_each(|n| consume(black_box(n.expect("no panic"))));
                        });
                    }) * 1e3
                }),
            ),
            (
                "pariter: parallel_map",
                Box::new(|| {
                    seconds(|| {
                        opaque()
                            .parallel_map_custom(|options| options.threads(2), spin)
                            .for_each(|n| consume(black_box(n)));
                    }) * 1e3
                }),
            ),
        ];
        let what = format!("ordered map over a lazy iterator, {kind} an item, 2 cores: wall time");
        table.measure(&what, "ms", 7, candidates);
    }

    streaming(table, (microsecond * 0.06) as u64);
    fails_in_scope(table);

    // One of the computing tasks fails: the time until all are back.
    let loops = |n: usize, stop: &dyn Fn() -> bool| -> Result<(), Failed> {
        if n == 500 {
            return Err(Failed);
        }
        let start = Instant::now();
        while start.elapsed() < Duration::from_micros(100) {
            if stop() {
                return Err(Failed);
            }
        }
        Ok(())
    };
    let candidates: Vec<Candidate<'_>> = vec![
        (
            "rayon: try_for_each",
            Box::new(|| {
                seconds(|| {
                    let result = rayons.install(|| {
                        (0..1_000_usize)
                            .into_par_iter()
                            .try_for_each(|n| loops(n, &|| false))
                    });
                    assert!(result.is_err());
                }) * 1e6
            }),
        ),
        (
            "reunite: try_for_each",
            Box::new(|| {
                seconds(|| {
                    let result = mine.enter(|| {
                        use reunite::prelude::ParallelIterator as _;
                        par(0..1_000_usize).try_for_each(|n| loops(n, &|| false))
                    });
                    assert!(result.is_err());
                }) * 1e6
            }),
        ),
    ];
    table.measure(
        "1 of 1,000 computing items fails, until all are back: wall time",
        "µs",
        21,
        candidates,
    );
}

/// One of the computing tasks of a scope fails: the time from there until all are back.
fn fails_in_scope(table: &mut Table) {
    const COUNT: usize = 1_000;
    const LASTS: Duration = Duration::from_micros(100);
    let (mine, rayons) = (pool(2), rayon(2));
    // The failing task is among the first that begin, whether the oldest or the youngest begin first.
    let fails = |n: usize| n == 5 || n == COUNT - 5;
    let candidates: Vec<Candidate<'_>> = vec![
        (
            "rayon::scope, a flag",
            Box::new(|| {
                let failed = OnceLock::new();
                rayons.in_place_scope(|s| {
                    for n in 0..COUNT {
                        let failed = &failed;
                        s.spawn(move |_| {
                            if fails(n) {
                                let _first = failed.set(Instant::now());
                            }
                            let start = Instant::now();
                            while failed.get().is_none() && start.elapsed() < LASTS {}
                        });
                    }
                });
                since(&failed)
            }),
        ),
        (
            "reunite: PoolScope::cancel",
            Box::new(|| {
                let failed = OnceLock::new();
                let scope = || {
                    mine.scope(|s| {
                        let canceller = s.canceller();
                        for n in 0..COUNT {
                            let (failed, canceller) = (&failed, canceller.clone());
                            s.spawn(move || {
                                if fails(n) {
                                    let _first = failed.set(Instant::now());
                                    canceller.cancel("a task has failed");
                                }
                                let start = Instant::now();
                                while reunite::checkpoint().is_ok() && start.elapsed() < LASTS {}
                            });
                        }
                    });
                };
                // The scope may leave because of that.
                let _left = catch_unwind(AssertUnwindSafe(scope));
                since(&failed)
            }),
        ),
    ];
    table.measure(
        "1 of 1,000 computing tasks of a scope fails: from there until all are back",
        "µs",
        31,
        candidates,
    );
}

/// The time since `failed` was set, in microseconds.
fn since(failed: &OnceLock<Instant>) -> f64 {
    failed
        .get()
        .expect("one has failed")
        .elapsed()
        .as_secs_f64()
        * 1e6
}

/// Ten million items of 64 bytes through a map whose consumer takes as long as the map does.
fn streaming(table: &mut Table, steps: u64) {
    const COUNT: u64 = 10_000_000;
    let mine = pool(2);
    let source = || (0..COUNT).map(|n| [n; 8]);
    let work = move |mut item: [u64; 8]| {
        item[1] = spin(steps);
        item
    };
    let slow = |item: [u64; 8], next: &mut u64| {
        assert_eq!(item[0], *next, "out of order");
        *next += 1;
        consume(black_box(spin(steps)));
    };
    let mut growth = Vec::new();
    let candidates: Vec<Candidate<'_>> = vec![
        (
            "sequential",
            Box::new(|| {
                let mut next = 0;
                seconds(|| source().map(work).for_each(|item| slow(item, &mut next))) * 1e3
            }),
        ),
        (
            "reunite: PoolScope::map",
            Box::new(|| {
                let before = resident();
                let (mut next, mut most) = (0, 0.0_f64);
                let spent = seconds(|| {
                    mine.scope(|s| {
                        for item in s.map(source(), work).window(4_096) {
                            slow(item.expect("no panic"), &mut next);
                            if next % 100_000 == 0 {
                                most = most.max(resident());
                            }
                        }
                    });
                });
                growth.push(most - before);
                spent * 1e3
            }),
        ),
        (
            "pariter: parallel_map (1 %, × 100)",
            Box::new(|| {
                let mut next = 0;
                seconds(|| {
                    source()
                        .parallel_map_custom(|options| options.threads(1), work)
                        .take(COUNT as usize / 100)
                        .for_each(|item| slow(item, &mut next));
                }) * 1e5
            }),
        ),
    ];
    table.measure(
        "10 million lazy items of 64 bytes, a slow consumer: wall time",
        "ms",
        5,
        candidates,
    );
    let most = growth.into_iter().fold(0.0, f64::max);
    table.measure(
        "the same: memory that the streaming map needed",
        "MiB",
        1,
        vec![("reunite: PoolScope::map", Box::new(move || most))],
    );
}

/// The resident memory of the process, in MiB.
fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    pages.unwrap_or(0.0) * 4.0 / 1024.0
}

#[derive(Debug)]
struct Failed;

impl From<reunite::Cancelled> for Failed {
    fn from(_: reunite::Cancelled) -> Self {
        Self
    }
}
