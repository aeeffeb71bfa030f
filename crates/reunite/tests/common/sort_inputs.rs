//! Inputs of sorts.

use reunite::Pool;

use super::watchdog;

/// Runs the test in pools of several sizes. How the work is divided also depends on which threads are hungry when.
pub(crate) fn in_pools(mut test: impl FnMut(&mut Random)) {
    let mut random = Random(0x5eed);
    for threads in [1, 2, 4] {
        let _watch = watchdog();
        let pool = Pool::builder().threads(threads).build().unwrap();
        pool.enter(|| test(&mut random));
    }
}

/// A generator of pseudo-random numbers (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        (mix(self.0) % end as u64) as usize
    }
}

pub(crate) fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// Inputs of many kinds of order.
pub(crate) fn inputs(size: usize, random: &mut Random) -> Vec<(&'static str, Vec<usize>)> {
    let sorted: Vec<usize> = (0..size).map(|n| n / 2).collect();
    let mut mostly = sorted.clone();
    for _ in 0..size / 100 {
        mostly.swap(random.below(size), random.below(size));
    }
    let mut tail = sorted.clone();
    tail[size - size / 50..].fill_with(|| random.below(size));
    let mut late = sorted.clone();
    if let Some(last) = late.last_mut() {
        *last = 0;
    }
    let mut make = |f: &mut dyn FnMut(usize, &mut Random) -> usize| {
        (0..size).map(|n| f(n, random)).collect::<Vec<_>>()
    };
    vec![
        ("random", make(&mut |_, random| random.below(usize::MAX))),
        ("duplicates", make(&mut |_, random| random.below(100))),
        ("two values", make(&mut |_, random| random.below(2))),
        (
            "few others",
            make(&mut |_, random| usize::from(random.below(200) == 0)),
        ),
        ("equal", vec![7; size]),
        ("strictly reversed", (0..size).rev().collect()),
        ("reversed", sorted.iter().rev().copied().collect()),
        ("mostly reversed", mostly.iter().rev().copied().collect()),
        ("runs", make(&mut |n, _| n % (size / 7 + 1))),
        ("pipe", make(&mut |n, _| n.min(size - n))),
        ("halves", make(&mut |n, _| (n + size / 2) % size.max(1))),
        ("mostly sorted", mostly),
        ("random tail", tail),
        ("late exception", late),
        ("sorted", sorted),
    ]
}
