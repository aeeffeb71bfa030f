//! Forks at every level: the cost of one, and the gain with two workers.

use std::hint::black_box;
use std::sync::Arc;

use super::peers::{chili, consume, cpu_seconds, on_worker, pool, rayon, seconds};
use crate::rounds::Candidate;
use crate::table::Table;

/// A tree in heap order, so that no order of walking it is favoured.
type Tree = Arc<[u64]>;

fn plain(t: &[u64], i: usize) -> u64 {
    if i >= t.len() {
        return 0;
    }
    t[i].wrapping_add(plain(t, 2 * i + 1))
        .wrapping_add(plain(t, 2 * i + 2))
}

fn ours(t: &[u64], i: usize) -> u64 {
    if i >= t.len() {
        return 0;
    }
    let (a, b) = reunite::join(move || ours(t, 2 * i + 1), move || ours(t, 2 * i + 2));
    t[i].wrapping_add(a).wrapping_add(b)
}

fn chilis(s: &mut chili::Scope<'_>, t: &[u64], i: usize) -> u64 {
    if i >= t.len() {
        return 0;
    }
    let (a, b) = s.join(
        move |s| chilis(s, t, 2 * i + 1),
        move |s| chilis(s, t, 2 * i + 2),
    );
    t[i].wrapping_add(a).wrapping_add(b)
}

fn rayons(t: &[u64], i: usize) -> u64 {
    if i >= t.len() {
        return 0;
    }
    let (a, b) = rayon::join(move || rayons(t, 2 * i + 1), move || rayons(t, 2 * i + 2));
    t[i].wrapping_add(a).wrapping_add(b)
}

fn fib(n: u32) -> u64 {
    if n < 2 {
        n.into()
    } else {
        fib(n - 1) + fib(n - 2)
    }
}

fn fib_ours(n: u32) -> u64 {
    if n < 2 {
        return n.into();
    }
    let (a, b) = reunite::join(move || fib_ours(n - 1), move || fib_ours(n - 2));
    a + b
}

fn fib_chili(s: &mut chili::Scope<'_>, n: u32) -> u64 {
    if n < 2 {
        return n.into();
    }
    let (a, b) = s.join(move |s| fib_chili(s, n - 1), move |s| fib_chili(s, n - 2));
    a + b
}

fn fib_rayon(n: u32) -> u64 {
    if n < 2 {
        return n.into();
    }
    let (a, b) = rayon::join(move || fib_rayon(n - 1), move || fib_rayon(n - 2));
    a + b
}

/// The processor time of one worker, or the wall time of two.
fn measure(threads: usize, f: impl FnOnce()) -> f64 {
    if threads == 1 {
        cpu_seconds(f)
    } else {
        seconds(f)
    }
}

pub(super) fn run(table: &mut Table) {
    for power in [10, 13, 16, 18, 20, 24, 26] {
        let size = 1_usize << power;
        let tree: Tree = (0..size as u64 - 1).collect();
        let times = ((1 << 22) / size).max(1);
        let rounds = if power > 22 { 7 } else { 15 };
        let per_node = |spent: f64| spent * 1e9 / (size * times) as f64;
        for threads in [1, 2] {
            let (mine, chilis_pool, rayons_pool) = (pool(threads), chili(threads), rayon(threads));
            // With two, the caller is one of them, as in chili; with one, a worker works alone.
            let forked = || {
                if threads == 2 {
                    mine.enter(|| (0..times).for_each(|_| consume(black_box(ours(&tree, 0)))));
                } else {
                    let tree = Arc::clone(&tree);
                    on_worker(&mine, move || {
                        (0..times).for_each(|_| consume(black_box(ours(&tree, 0))));
                    });
                }
            };
            let candidates: Vec<Candidate<'_>> = vec![
                (
                    "plain recursion",
                    Box::new(|| {
                        per_node(measure(threads, || {
                            (0..times).for_each(|_| consume(black_box(plain(&tree, black_box(0)))));
                        }))
                    }),
                ),
                (
                    "reunite::join",
                    Box::new(|| per_node(measure(threads, forked))),
                ),
                (
                    "chili",
                    Box::new(|| {
                        per_node(measure(threads, || {
                            let mut scope = chilis_pool.scope();
                            (0..times)
                                .for_each(|_| consume(black_box(chilis(&mut scope, &tree, 0))));
                        }))
                    }),
                ),
                (
                    "rayon::join",
                    Box::new(|| {
                        per_node(measure(threads, || {
                            rayons_pool.install(|| {
                                (0..times).for_each(|_| consume(black_box(rayons(&tree, 0))));
                            });
                        }))
                    }),
                ),
            ];
            let what = if threads == 1 {
                format!("tree of 2^{power}, 1 worker: processor time a node")
            } else {
                format!("tree of 2^{power}, 2 workers: wall time a node")
            };
            table.measure(&what, "ns", rounds, candidates);
        }
    }

    const N: u32 = 34;
    let joins = fib(N + 1) as f64;
    for threads in [1, 2] {
        let (mine, chilis_pool, rayons_pool) = (pool(threads), chili(threads), rayon(threads));
        let per_join = |spent: f64| spent * 1e9 / joins;
        let candidates: Vec<Candidate<'_>> = vec![
            (
                "plain recursion",
                Box::new(|| per_join(measure(threads, || consume(black_box(fib(black_box(N))))))),
            ),
            (
                "reunite::join",
                Box::new(|| {
                    per_join(measure(threads, || {
                        if threads == 2 {
                            black_box(mine.enter(|| fib_ours(N)));
                        } else {
                            black_box(on_worker(&mine, || fib_ours(N)));
                        }
                    }))
                }),
            ),
            (
                "chili",
                Box::new(|| {
                    per_join(measure(threads, || {
                        consume(black_box(fib_chili(&mut chilis_pool.scope(), N)))
                    }))
                }),
            ),
            (
                "rayon::join",
                Box::new(|| {
                    per_join(measure(threads, || {
                        consume(black_box(rayons_pool.install(|| fib_rayon(N))))
                    }))
                }),
            ),
        ];
        let what = if threads == 1 {
            format!("fib({N}) without a cut-off, 1 worker: processor time a join")
        } else {
            format!("fib({N}) without a cut-off, 2 workers: wall time a join")
        };
        table.measure(&what, "ns", 9, candidates);
    }
}
