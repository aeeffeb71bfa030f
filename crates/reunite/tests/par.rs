//! Parallel work on many items.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use common::watchdog;
use reunite::prelude::*;
use reunite::{Pool, par};

/// Each test runs in pools of these sizes, several times: how the work is split depends on which threads are hungry
/// when.
fn in_pools(test: impl Fn()) {
    let _watch = watchdog();
    for threads in [1, 2, 4] {
        let pool = Pool::builder().threads(threads).build().unwrap();
        for _ in 0..10 {
            pool.enter(&test);
        }
    }
}

/// Takes longer for some numbers than for others.
fn skewed(n: usize) -> usize {
    (0..n % 500).fold(n, |sum, k| sum.wrapping_mul(31).wrapping_add(k))
}

#[test]
fn map_keeps_the_order() {
    let expected: Vec<usize> = (0..20_000).map(skewed).collect();
    let items: Vec<usize> = (0..20_000).collect();
    in_pools(|| {
        let collect = |mapped: Vec<usize>| assert_eq!(mapped, expected);
        collect(par(&items).map(|&n| skewed(n)).collect());
        collect(par(0..20_000_usize).map(skewed).collect());
        collect(par(items.clone()).map(skewed).collect());
    });
}

#[test]
fn works_on_no_items_and_on_one_item() {
    in_pools(|| {
        assert_eq!(par(&[] as &[u8]).copied().collect::<Vec<_>>(), []);
        assert_eq!(par(0..0_usize).reduce(|| 7, |a, b| a + b), 7);
        assert_eq!(par(5..6_u32).collect::<Vec<_>>(), [5]);
        assert_eq!(par(&[1]).find_map_first(|_| None::<()>), None);
    });
}

#[test]
fn every_item_is_worked_on_once() {
    in_pools(|| {
        let mut counts = vec![0_u8; 30_000];
        par(&mut counts).for_each(|count| *count += 1);
        assert!(counts.iter().all(|&count| count == 1));
        par(counts.as_mut_slice())
            .chunks(7)
            .for_each(|chunk| chunk.into_iter().for_each(|n| *n += 1));
        assert!(counts.iter().all(|&count| count == 2));
    });
}

#[test]
fn owned_items_are_dropped_once_each() {
    static LIVE: AtomicUsize = AtomicUsize::new(0);
    struct Thing;
    impl Drop for Thing {
        fn drop(&mut self) {
            LIVE.fetch_sub(1, Ordering::SeqCst);
        }
    }
    in_pools(|| {
        LIVE.fetch_add(5_000, Ordering::SeqCst);
        let things: Vec<Thing> = (0..5_000).map(|_| Thing).collect();
        let found = par(things).find_any(|_| true);
        drop(found);
        assert_eq!(LIVE.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn reduce_combines_neighbours_in_order() {
    let text: String = (0..5_000)
        .map(|n| char::from(b'a' + (n % 26) as u8))
        .collect();
    let letters: Vec<char> = text.chars().collect();
    in_pools(|| {
        let folded = par(&letters).fold(String::new, |mut text, &letter| {
            text.push(letter);
            text
        });
        let whole = folded.reduce(String::new, |a, b| a + &b);
        assert_eq!(whole, text);
    });
}

#[test]
fn find_first_finds_the_first() {
    in_pools(|| {
        let first = par(0..50_000_usize).find_first(|&n| skewed(n) % 1000 == 7);
        let expected = (0..50_000).find(|&n| skewed(n) % 1000 == 7);
        assert_eq!(first, expected);
    });
}

#[test]
fn find_any_stops_early() {
    in_pools(|| {
        let asked = AtomicUsize::new(0);
        let found = par(0..u64::MAX).find_any(|n| {
            asked.fetch_add(1, Ordering::Relaxed);
            n % 1_000 == 999
        });
        assert_eq!(found.unwrap() % 1_000, 999);
        assert!(asked.load(Ordering::Relaxed) < 10_000_000);
    });
}

#[test]
fn try_collect_returns_an_error_and_begins_little_after_it() {
    in_pools(|| {
        let begun = AtomicUsize::new(0);
        let checked = par(0..usize::MAX).map(|n| {
            begun.fetch_add(1, Ordering::Relaxed);
            if n >= 300 { Err(n) } else { Ok(()) }
        });
        let failed = checked.try_collect::<Vec<()>>().unwrap_err();
        assert_eq!((failed.index(), failed.error()), (300, Some(&300)));
        assert!(begun.load(Ordering::Relaxed) < 100_000_000);
    });
    in_pools(|| {
        let all = par(0..1_000_usize).map(|n| Ok::<_, ()>(n * 2));
        let all: Vec<usize> = all.try_collect().unwrap();
        assert_eq!(all, (0..1_000).map(|n| n * 2).collect::<Vec<_>>());
    });
}

#[test]
fn a_cancelled_scope_stops_what_it_computes() {
    in_pools(|| {
        let result = reunite::scope(|s| {
            let canceller = s.canceller();
            par(0..usize::MAX).checked(|items| {
                items.for_each(|n| {
                    if n == 1_000 {
                        canceller.cancel("seen enough");
                    }
                });
            })
        });
        assert_eq!(result.unwrap_err().reason(), "seen enough");
    });
}

#[test]
fn a_panic_arrives_when_nothing_runs_any_more() {
    in_pools(|| {
        let running = AtomicUsize::new(0);
        let result = catch_unwind(AssertUnwindSafe(|| {
            par(0..10_000_usize).for_each(|n| {
                running.fetch_add(1, Ordering::SeqCst);
                if n == 5_000 {
                    running.fetch_sub(1, Ordering::SeqCst);
                    resume_unwind(Box::new("five thousand"));
                }
                skewed(n);
                running.fetch_sub(1, Ordering::SeqCst);
            });
        }));
        assert_eq!(
            *result.unwrap_err().downcast::<&str>().unwrap(),
            "five thousand"
        );
        assert_eq!(running.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn ranges_up_to_the_ends_of_their_types() {
    in_pools(|| {
        let near = |n: &i32| *n > i32::MIN + 10_000;
        assert_eq!(
            par(i32::MIN..i32::MAX).find_first(near),
            Some(i32::MIN + 10_001)
        );
        let count = par(i64::MIN..i64::MIN + 1_000).count();
        assert_eq!(count, 1_000);
        let found = par(u64::MAX - 1_000..u64::MAX).find_first(|n| n % 10 == 0);
        assert_eq!(found, Some(u64::MAX - 995));
        let (from, to) = (5, 2_i32);
        assert_eq!(par(from..to).count(), 0);
    });
}
