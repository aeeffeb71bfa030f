//! Chains of parallel iterators, beside rayon's and sequential ones.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::OnceLock;
use std::time::Instant;

use super::peers::{pool, rayon};
use crate::rounds::Candidate;
use crate::table::Table;

/// A chain, written once, and compiled with the methods of std, of rayon and of reunite.
struct Chain {
    name: &'static str,
    sequential: Work,
    rayon: Work,
    reunite: Work,
}

type Work = fn(&'static [u64]) -> u64;

macro_rules! chain {
    ($name:literal, |$data:ident| $sequential:expr, $parallel:expr) => {
        Chain {
            name: $name,
            sequential: |$data| $sequential,
            rayon: {
                use rayon::prelude::*;
                |$data| $parallel
            },
            reunite: {
                use reunite::prelude::*;
                |$data| $parallel
            },
        }
    };
}

const COUNT: u64 = 1_000_000;

fn data() -> &'static [u64] {
    static DATA: OnceLock<Vec<u64>> = OnceLock::new();
    DATA.get_or_init(|| (0..COUNT).map(mixed).collect())
}

fn mixed(n: u64) -> u64 {
    n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20
}

/// Computes for some nanoseconds.
fn spin(steps: u64) -> u64 {
    (0..steps).fold(steps, |x, n| black_box(x.rotate_left(5) ^ n))
}

/// An item of about a nanosecond.
fn quick(n: &u64) -> u64 {
    black_box(n ^ 3) & 0xff
}

/// The steps of an item of which the last tenth take a hundred times as long.
fn skewed(place: usize) -> u64 {
    if place < 4_500 { 300 } else { 30_000 }
}

fn merge(mut a: HashMap<u64, u64>, b: HashMap<u64, u64>) -> HashMap<u64, u64> {
    for (key, count) in b {
        *a.entry(key).or_insert(0) += count;
    }
    a
}

fn count_one(mut counts: HashMap<u64, u64>, n: &u64) -> HashMap<u64, u64> {
    *counts.entry(n % 1_000).or_insert(0) += 1;
    counts
}

fn chains() -> Vec<Chain> {
    vec![
        chain!("map, sum", |data| data.iter().map(|n| n & 0xffff).sum(), {
            data.par_iter().map(|n| n & 0xffff).sum()
        }),
        chain!(
            "filter, count",
            |data| data.iter().filter(|n| *n % 3 == 0).count() as u64,
            data.par_iter().filter(|n| *n % 3 == 0).count() as u64
        ),
        chain!(
            "zip, sum",
            |data| data
                .iter()
                .zip(data)
                .map(|(a, b)| (a & 0xffff) * (b & 0xff))
                .sum(),
            data.par_iter()
                .zip(data)
                .map(|(a, b)| (a & 0xffff) * (b & 0xff))
                .sum()
        ),
        chain!(
            "flat_map, collect: 1,000 ranges",
            |data| data[..1_000]
                .iter()
                .flat_map(|n| 0..n % 2_000)
                .collect::<Vec<_>>()
                .len() as u64,
            data[..1_000]
                .par_iter()
                .flat_map(|n| 0..n % 2_000)
                .collect::<Vec<_>>()
                .len() as u64
        ),
        chain!(
            "flat_map_iter, collect",
            |data| data
                .iter()
                .flat_map(|n| [*n, n + 1])
                .collect::<Vec<_>>()
                .len() as u64,
            data.par_iter()
                .flat_map_iter(|n| [*n, n + 1])
                .collect::<Vec<_>>()
                .len() as u64
        ),
        chain!(
            "fold, reduce into a HashMap",
            |data| data.iter().fold(HashMap::new(), count_one).len() as u64,
            data.par_iter()
                .fold(HashMap::new, count_one)
                .reduce(HashMap::new, merge)
                .len() as u64
        ),
        chain!(
            "map, collect into a Vec",
            |data| black_box(data.iter().map(|n| n ^ 1).collect::<Vec<_>>()).len() as u64,
            black_box(data.par_iter().map(|n| n ^ 1).collect::<Vec<_>>()).len() as u64
        ),
        chain!(
            "filter, collect into a Vec",
            |data| black_box(data.iter().filter(|n| *n % 3 == 0).collect::<Vec<_>>()).len() as u64,
            black_box(data.par_iter().filter(|n| *n % 3 == 0).collect::<Vec<_>>()).len() as u64
        ),
        chain!(
            "windows, filter, count",
            |data| data.windows(4).filter(|w| w[0] < w[3]).count() as u64,
            data.par_windows(4).filter(|w| w[0] < w[3]).count() as u64
        ),
        chain!(
            "chunks of 100, reduce",
            |data| data
                .chunks(100)
                .map(|c| c.iter().fold(0, |a, n| a ^ n))
                .fold(0, |a, b| a ^ b),
            data.par_chunks(100)
                .map(|c| c.iter().fold(0, |a, n| a ^ n))
                .reduce(|| 0, |a, b| a ^ b)
        ),
        chain!(
            "enumerate, max",
            |data| data
                .iter()
                .enumerate()
                .map(|(at, n)| n ^ at as u64)
                .max()
                .unwrap_or(0),
            data.par_iter()
                .enumerate()
                .map(|(at, n)| n ^ at as u64)
                .max()
                .unwrap_or(0)
        ),
        chain!(
            "items of 2 ns, reduce",
            |data| data.iter().map(|n| spin(n % 5 + 2)).fold(0, |a, b| a ^ b),
            data.par_iter()
                .map(|n| spin(n % 5 + 2))
                .reduce(|| 0, |a, b| a ^ b)
        ),
        chain!(
            "items of 10 ns, reduce",
            |data| data.iter().map(|n| spin(n % 20 + 10)).fold(0, |a, b| a ^ b),
            data.par_iter()
                .map(|n| spin(n % 20 + 10))
                .reduce(|| 0, |a, b| a ^ b)
        ),
        chain!(
            "5,000 skewed items, collect",
            |_data| (0..5_000)
                .map(|at| spin(skewed(at)))
                .collect::<Vec<_>>()
                .len() as u64,
            (0..5_000_usize)
                .into_par_iter()
                .map(|at| spin(skewed(at)))
                .collect::<Vec<_>>()
                .len() as u64
        ),
        chain!(
            "1,000 chains of 1,000 items in a chain, sum",
            |data| data
                .chunks(1_000)
                .map(|c| c.iter().map(|n| n & 7).sum::<u64>())
                .sum(),
            data.par_chunks(1_000)
                .map(|c| c.par_iter().map(|n| n & 7).sum::<u64>())
                .sum()
        ),
        chain!(
            "rev, step_by, collect",
            |data| data
                .iter()
                .rev()
                .step_by(3)
                .map(|n| n ^ 1)
                .collect::<Vec<_>>()
                .len() as u64,
            data.par_iter()
                .rev()
                .step_by(3)
                .map(|n| n ^ 1)
                .collect::<Vec<_>>()
                .len() as u64
        ),
        chain!(
            "par_bridge, items of 2 ns, reduce",
            |data| data.iter().map(|n| spin(n % 5 + 2)).fold(0, |a, b| a ^ b),
            data.iter()
                .par_bridge()
                .map(|n| spin(n % 5 + 2))
                .reduce(|| 0, |a, b| a ^ b)
        ),
        chain!(
            "16 items of 1 ns, sum (1,000 times)",
            |data| often(data, |data| data[..16].iter().map(quick).sum()),
            often(data, |data| data[..16].par_iter().map(quick).sum())
        ),
        chain!(
            "100 items of 1 ns, sum (1,000 times)",
            |data| often(data, |data| data[..100].iter().map(quick).sum()),
            often(data, |data| data[..100].par_iter().map(quick).sum())
        ),
    ]
}

fn often(data: &'static [u64], f: impl Fn(&'static [u64]) -> u64) -> u64 {
    (0..1_000).fold(0, |all, _| all ^ f(black_box(data)))
}

pub(super) fn run(table: &mut Table) {
    data();
    for threads in [1, 2] {
        let (mine, rayons) = (pool(threads), rayon(threads));
        for chain in chains() {
            let candidates: Vec<Candidate<'_>> = vec![
                ("sequential", Box::new(|| microseconds(chain.sequential))),
                (
                    "rayon",
                    Box::new(|| rayons.install(|| microseconds(chain.rayon))),
                ),
                (
                    "reunite",
                    Box::new(|| mine.install(|| microseconds(chain.reunite))),
                ),
            ];
            let what = format!("{}, pool of {threads}: wall time", chain.name);
            table.measure(&what, "µs", 21, candidates);
        }
    }
    from_outside(table);
}

/// Small chains in threads that belong to no pool.
fn from_outside(table: &mut Table) {
    let small = chains()
        .into_iter()
        .filter(|chain| chain.name.contains("(1,000 times)"));
    for chain in small {
        let candidates: Vec<Candidate<'_>> = vec![
            ("sequential", Box::new(|| microseconds(chain.sequential))),
            ("rayon", Box::new(|| microseconds(chain.rayon))),
            ("reunite", Box::new(|| microseconds(chain.reunite))),
        ];
        let what = format!("{}, from outside the pool: wall time", chain.name);
        table.measure(&what, "µs", 11, candidates);
    }
}

fn microseconds(work: Work) -> f64 {
    let start = Instant::now();
    black_box(work(data()));
    start.elapsed().as_secs_f64() * 1e6
}
