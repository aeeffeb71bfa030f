//! What was wrong with parallel iterators once.

mod common;

use common::watchdog;
use reunite::Pool;
use reunite::prelude::*;

fn in_pool<R>(threads: usize, f: impl FnOnce() -> R) -> R {
    let _watch = watchdog();
    let pool = Pool::builder().threads(threads).build().unwrap();
    pool.enter(f)
}

/// Once an item was found in the right half of an inner iterator, the left half, which goes on with the next inner
/// iterators, took itself for a part to the left of it.
#[test]
fn find_last_in_a_flat_map_finds_the_last_of_the_later_inner_iterators() {
    in_pool(2, || {
        for _ in 0..test_scale::rounds(40) {
            let pairs = (0..40_usize)
                .into_par_iter()
                .flat_map(|a| (0..400_usize).into_par_iter().map(move |b| (a, b)));
            let slow = pairs.map(|(a, b)| {
                (0..200).for_each(|n| {
                    std::hint::black_box(n);
                });
                (a, b)
            });
            assert_eq!(slow.find_last(|(a, _)| *a < 38), Some((37, 399)));
        }
    });
}

/// A block of `rev` that was not exhausted left its items in the producer.
#[test]
fn step_by_after_rev_keeps_its_place_between_two_blocks() {
    let steps = || (0..1_000_u32).into_par_iter().rev().step_by(3);
    let expected: Vec<u32> = (0..1_000).rev().step_by(3).collect();
    in_pool(1, || {
        let numbered: Vec<(usize, u32)> = steps().enumerate().collect();
        assert!(
            numbered
                .into_iter()
                .eq(expected.iter().copied().enumerate())
        );
        assert_eq!(
            steps().chunks(5).collect::<Vec<_>>(),
            expected.chunks(5).collect::<Vec<_>>()
        );
    });
}
