//! Parallel sorts whose comparisons or keys panic, or are no order.

mod common;

use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicU64, AtomicUsize};

use common::sort_inputs::{in_pools, inputs, mix};
use reunite::prelude::*;

type Compare<'a> = dyn Fn(&Tracked<'_>, &Tracked<'_>) -> Ordering + Sync + 'a;

/// The sorts by which the tests of panics sort.
const SORTS: [fn(&mut [Tracked<'_>], &Compare<'_>); 3] = [
    |items, compare| items.par_sort_by(compare),
    |items, compare| items.par_sort_unstable_by(compare),
    |items, compare| {
        // The comparison takes elements, so the keys are copies of these.
        items.par_sort_by_cached_key(|item| Key {
            item: item.copy(),
            compare,
        });
    },
];

/// An element that counts its drops.
struct Tracked<'a> {
    text: String,
    number: usize,
    drops: &'a [AtomicUsize],
}

impl Tracked<'_> {
    fn copy(&self) -> Self {
        Self {
            text: self.text.clone(),
            number: usize::MAX,
            drops: self.drops,
        }
    }
}

impl Drop for Tracked<'_> {
    fn drop(&mut self) {
        if let Some(drops) = self.drops.get(self.number) {
            drops.fetch_add(1, SeqCst);
        }
    }
}

struct Key<'a, 'c> {
    item: Tracked<'a>,
    compare: &'c Compare<'c>,
}

impl Ord for Key<'_, '_> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.compare)(&self.item, &other.item)
    }
}

impl PartialOrd for Key<'_, '_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key<'_, '_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Key<'_, '_> {}

/// Sorts tracked elements by `compare`. Checks that each is there once afterwards, and is dropped once. Returns true if
/// the sort has returned.
fn keeps_elements(keys: &[usize], sort: usize, compare: &Compare<'_>) -> bool {
    let drops: Vec<AtomicUsize> = keys.iter().map(|_| AtomicUsize::new(0)).collect();
    let tracked = |(number, key): (usize, &usize)| Tracked {
        text: format!("{key:08}"),
        number,
        drops: &drops,
    };
    let mut items: Vec<_> = keys.iter().enumerate().map(tracked).collect();
    let result = catch_unwind(AssertUnwindSafe(|| SORTS[sort](&mut items, compare)));
    let mut found: Vec<usize> = items.iter().map(|item| item.number).collect();
    found.sort_unstable();
    assert!(
        found.into_iter().eq(0..keys.len()),
        "sort {sort} lost elements"
    );
    let is_right = |item: &Tracked<'_>| item.text == format!("{:08}", keys[item.number]);
    assert!(items.iter().all(is_right));
    assert!(drops.iter().all(|drops| drops.load(SeqCst) == 0));
    drop(items);
    assert!(drops.iter().all(|drops| drops.load(SeqCst) == 1));
    result.is_ok()
}

#[test]
fn a_comparison_that_panics_loses_no_element() {
    let mut panics = 0;
    in_pools(|random| {
        for round in 0..test_scale::rounds(400) {
            let inputs = inputs(5_000 + random.below(5_000), random);
            let (_, keys) = &inputs[random.below(inputs.len())];
            let calls = AtomicUsize::new(0);
            // About the number of calls of a sort of a random input, in early and late steps.
            let part = 1 + random.below(16);
            let last = random.below(keys.len() * 16 / part);
            let ended = keeps_elements(keys, round % SORTS.len(), &|a, b| {
                if calls.fetch_add(1, SeqCst) == last {
                    resume_unwind(Box::new("that is enough"));
                }
                a.text.cmp(&b.text)
            });
            assert_eq!(ended, calls.into_inner() <= last);
            panics += usize::from(!ended);
        }
    });
    assert!(panics > 0);
}

#[test]
fn a_comparison_that_is_no_order_loses_no_element() {
    in_pools(|random| {
        for round in 0..test_scale::rounds(120) {
            let inputs = inputs(5_000 + random.below(10_000), random);
            let (_, keys) = &inputs[random.below(inputs.len())];
            let state = AtomicU64::new(random.0);
            // From now and then to always.
            let wrong = 1 << random.below(12);
            keeps_elements(keys, round % SORTS.len(), &|a, b| {
                let number = mix(state.fetch_add(0x9E37_79B9_7F4A_7C15, SeqCst)) as usize;
                match number % (wrong * 3) {
                    0 => Ordering::Less,
                    1 => Ordering::Equal,
                    2 => Ordering::Greater,
                    _ => a.text.cmp(&b.text),
                }
            });
        }
    });
}

#[test]
fn a_comparison_always_less_or_never_loses_no_element() {
    in_pools(|random| {
        for order in [Ordering::Less, Ordering::Equal, Ordering::Greater] {
            for (_, keys) in inputs(9_000, random) {
                for sort in 0..SORTS.len() {
                    keeps_elements(&keys, sort, &|_, _| order);
                }
            }
        }
    });
}

#[test]
fn a_panic_of_a_comparison_arrives_when_no_comparison_runs_any_more() {
    in_pools(|random| {
        for round in 0..test_scale::rounds(40) {
            let keys: Vec<usize> = (0..8_000).map(|_| random.below(8_000)).collect();
            let (calls, running) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let ended = keeps_elements(&keys, round % SORTS.len(), &|a, b| {
                running.fetch_add(1, SeqCst);
                let call = calls.fetch_add(1, SeqCst);
                let order = a.text.cmp(&b.text);
                running.fetch_sub(1, SeqCst);
                if call == 20_000 {
                    resume_unwind(Box::new("twenty thousand"));
                }
                order
            });
            assert!(!ended);
            assert_eq!(running.load(SeqCst), 0);
        }
    });
}

#[test]
fn a_key_function_that_panics_loses_no_element_and_no_key() {
    in_pools(|random| {
        for _ in 0..test_scale::rounds(40) {
            let live = AtomicUsize::new(0);
            let last = random.below(3_000);
            let mut items: Vec<usize> = (0..3_000).rev().collect();
            let calls = AtomicUsize::new(0);
            let result = catch_unwind(AssertUnwindSafe(|| {
                items.par_sort_by_cached_key(|item| {
                    if calls.fetch_add(1, SeqCst) == last {
                        resume_unwind(Box::new("no key"));
                    }
                    live.fetch_add(1, SeqCst);
                    LiveKey(*item, &live)
                });
            }));
            assert!(result.is_err());
            assert!(items.iter().copied().eq((0..3_000).rev()));
            assert_eq!(live.into_inner(), 0);
        }
    });
}

/// A key that counts itself.
struct LiveKey<'a>(usize, &'a AtomicUsize);

impl Drop for LiveKey<'_> {
    fn drop(&mut self) {
        self.1.fetch_sub(1, SeqCst);
        if self.0 == BAD_TO_DROP {
            resume_unwind(Box::new("a bad key"));
        }
    }
}

const BAD_TO_DROP: usize = 1_000_000;

impl PartialEq for LiveKey<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for LiveKey<'_> {}

impl PartialOrd for LiveKey<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for LiveKey<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

#[test]
fn a_key_that_panics_when_dropped_loses_no_element_and_no_key() {
    in_pools(|random| {
        let mut items: Vec<usize> = (0..6_000).map(|_| random.below(9_000)).collect();
        items[1_234] = BAD_TO_DROP;
        let live = AtomicUsize::new(0);
        let result = catch_unwind(AssertUnwindSafe(|| {
            items.par_sort_by_cached_key(|item| {
                live.fetch_add(1, SeqCst);
                LiveKey(*item, &live)
            });
        }));
        assert!(result.is_err());
        assert_eq!(live.into_inner(), 0);
        assert_eq!(items.iter().filter(|item| **item == BAD_TO_DROP).count(), 1);
    });
}
