//! Sorts of a million random numbers on two cores.

use std::hint::black_box;

use rayon::slice::ParallelSliceMut as RayonSliceMut;
use reunite::iter::ParallelSliceMut;

use super::peers::{consume, pool, rayon, seconds};
use crate::rounds::Candidate;
use crate::table::Table;

const COUNT: u64 = 1_000_000;

/// A name, and the sort as the standard library, `reunite` and rayon have it.
type Kind = (&'static str, [fn(&mut [u64]); 3]);

const KINDS: [Kind; 4] = [
    (
        "stable sort",
        [
            |numbers| numbers.sort(),
            |numbers| ParallelSliceMut::par_sort(numbers),
            |numbers| RayonSliceMut::par_sort(numbers),
        ],
    ),
    (
        "unstable sort",
        [
            |numbers| numbers.sort_unstable(),
            |numbers| ParallelSliceMut::par_sort_unstable(numbers),
            |numbers| RayonSliceMut::par_sort_unstable(numbers),
        ],
    ),
    (
        "sort by key",
        [
            |numbers| numbers.sort_by_key(key),
            |numbers| ParallelSliceMut::par_sort_by_key(numbers, key),
            |numbers| RayonSliceMut::par_sort_by_key(numbers, key),
        ],
    ),
    (
        "sort by cached key",
        [
            |numbers| numbers.sort_by_cached_key(key),
            |numbers| ParallelSliceMut::par_sort_by_cached_key(numbers, key),
            |numbers| RayonSliceMut::par_sort_by_cached_key(numbers, key),
        ],
    ),
];

fn key(number: &u64) -> u64 {
    number.rotate_left(32)
}

/// Returns random numbers (splitmix64).
fn random() -> Vec<u64> {
    let scramble = |mut bits: u64| {
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    };
    let states = (1..=COUNT).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    states.map(scramble).collect()
}

pub(super) fn run(table: &mut Table) {
    let (mine, rayons) = (pool(2), rayon(2));
    let numbers = random();
    let time = |sort: &dyn Fn(&mut [u64])| {
        let mut numbers = numbers.clone();
        let spent = seconds(|| sort(black_box(&mut numbers)));
        consume(black_box(numbers));
        spent * 1e3
    };
    for (kind, [std, ours, theirs]) in KINDS {
        let candidates: Vec<Candidate<'_>> = vec![
            ("std", Box::new(|| time(&std))),
            (
                "reunite: ParallelSliceMut",
                Box::new(|| time(&|numbers| mine.enter(|| ours(numbers)))),
            ),
            (
                "rayon: ParallelSliceMut",
                Box::new(|| time(&|numbers| rayons.install(|| theirs(numbers)))),
            ),
        ];
        let what = format!("{kind} of a million random numbers, 2 cores: wall time");
        table.measure(&what, "ms", 21, candidates);
    }
}
