//! Parallel sorts: order, stability, and changes that comparisons make.

mod common;

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicU8, AtomicUsize};

use common::sort_inputs::{in_pools, inputs};
use reunite::prelude::*;

/// Sizes at which the sorts begin to do something else, and some others.
const SIZES: [usize; 10] = [0, 1, 2, 3, 21, 500, 4_095, 4_096, 4_097, 12_345];

/// An element that is compared by its key only.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Item<P> {
    key: usize,
    number: usize,
    rest: P,
}

fn items<P: Clone>(keys: &[usize], rest: &P) -> Vec<Item<P>> {
    let keys = keys.iter().enumerate();
    let item = |(number, &key)| Item {
        key,
        number,
        rest: rest.clone(),
    };
    keys.map(item).collect()
}

fn by_key<P>(a: &Item<P>, b: &Item<P>) -> Ordering {
    a.key.cmp(&b.key)
}

fn sorts_like_std<P: Clone + Send + PartialEq>(keys: &[usize], rest: &P, what: &str) {
    let input = items(keys, rest);
    let mut expected = input.clone();
    expected.sort_by(by_key);
    let check = |sort: &dyn Fn(&mut [Item<P>]), name: &str| {
        let mut sorted = input.clone();
        sort(&mut sorted);
        let len = keys.len();
        if name.contains("unstable") {
            assert!(
                sorted.is_sorted_by_key(|it| it.key),
                "{name}, {what}, {len}"
            );
            sorted.sort_by_key(|it| (it.key, it.number));
        }
        assert!(sorted == expected, "{name}, {what}, {len}");
    };
    check(&|v| v.par_sort_by(by_key), "par_sort_by");
    check(&|v| v.par_sort_by_key(|it| it.key), "par_sort_by_key");
    check(&|v| v.par_sort_by_cached_key(|it| it.key), "cached");
    check(&|v| v.par_sort_unstable_by(by_key), "unstable_by");
    check(&|v| v.par_sort_unstable_by_key(|it| it.key), "unstable_key");
}

#[test]
fn sorts_like_std_and_keeps_the_order_of_equal_elements() {
    in_pools(|random| {
        for size in SIZES {
            for (what, keys) in inputs(size, random) {
                sorts_like_std(&keys, &(), what);
            }
        }
    });
}

#[test]
fn sorts_random_inputs_of_random_sizes() {
    in_pools(|random| {
        for _ in 0..test_scale::rounds(40) {
            let size = random.below(20_000);
            let inputs = inputs(size, random);
            let (what, keys) = &inputs[random.below(inputs.len())];
            sorts_like_std(keys, &(), what);
        }
    });
}

#[test]
fn sorts_large_elements() {
    in_pools(|random| {
        for (what, keys) in inputs(10_000, random) {
            sorts_like_std(&keys, &[1_u64; 16], what);
        }
    });
}

#[test]
fn sorts_by_the_order_of_the_type() {
    in_pools(|random| {
        let numbers: Vec<usize> = (0..20_000).map(|_| random.below(30_000)).collect();
        let texts: Vec<String> = numbers.iter().map(usize::to_string).collect();
        let mut expected = texts.clone();
        expected.sort();
        let mut sorted = texts.clone();
        sorted.par_sort();
        assert!(sorted == expected);
        let mut sorted = texts.clone();
        sorted.par_sort_unstable();
        assert!(sorted == expected);
        let mut sorted = texts.clone();
        sorted.par_sort_by_cached_key(String::clone);
        assert!(sorted == expected);
    });
}

#[test]
fn sorts_elements_without_a_size() {
    in_pools(|_| {
        let mut items = [(); 50_000];
        items.par_sort();
        items.par_sort_by(|(), ()| Ordering::Less);
        items.par_sort_unstable();
        let calls = AtomicUsize::new(0);
        items.par_sort_by_cached_key(|()| calls.fetch_add(1, SeqCst));
        assert_eq!((items.len(), calls.into_inner()), (50_000, 50_000));
    });
}

#[test]
fn a_cached_key_is_computed_once() {
    in_pools(|random| {
        for size in SIZES {
            let mut items: Vec<(usize, AtomicU8)> = (0..size)
                .map(|_| (random.below(1_000), AtomicU8::new(0)))
                .collect();
            items.par_sort_by_cached_key(|(key, calls)| {
                calls.fetch_add(1, SeqCst);
                key.to_string()
            });
            assert!(items.is_sorted_by_key(|(key, _)| key.to_string()));
            let expected = u8::from(size > 1);
            assert!(items.iter_mut().all(|it| *it.1.get_mut() == expected));
        }
    });
}

/// An element that comparisons change, and that is not `Sync`.
struct Changing {
    key: usize,
    compared: Cell<usize>,
    /// A reference to freed memory would be left in an outdated copy.
    text: RefCell<String>,
}

#[test]
fn changes_that_comparisons_make_to_elements_are_kept() {
    in_pools(|random| {
        for (what, keys) in inputs(8_000, random) {
            for sort in 0..2 {
                let changing = |key: &usize| Changing {
                    key: *key,
                    compared: Cell::new(0),
                    text: RefCell::default(),
                };
                let mut items: Vec<Changing> = keys.iter().map(changing).collect();
                let calls = AtomicUsize::new(0);
                let compare = |a: &Changing, b: &Changing| {
                    calls.fetch_add(1, SeqCst);
                    for item in [a, b] {
                        item.compared.set(item.compared.get() + 1);
                        *item.text.borrow_mut() = item.compared.get().to_string();
                    }
                    a.key.cmp(&b.key)
                };
                if sort == 0 {
                    items.par_sort_by(compare);
                } else {
                    items.par_sort_unstable_by(compare);
                }
                let sum: usize = items.iter().map(|item| item.compared.get()).sum();
                assert_eq!(sum, 2 * calls.into_inner(), "{what}");
                let is_whole = |item: &Changing| {
                    let count = item.compared.get();
                    count == 0 || *item.text.borrow() == count.to_string()
                };
                assert!(items.iter().all(is_whole));
                assert!(items.is_sorted_by_key(|item| item.key));
            }
        }
    });
}

#[test]
fn an_element_is_compared_by_one_thread_at_a_time() {
    in_pools(|random| {
        let here = || std::thread::current().id();
        for (what, keys) in inputs(12_000, random) {
            for sort in 0..2 {
                let users = keys.iter().map(|_| std::sync::Mutex::new(None));
                let users: Vec<_> = users.collect();
                let input = items(&keys, &());
                // Says who compares the element meanwhile.
                let compare = |a: &Item<()>, b: &Item<()>| {
                    let enter = |it: &Item<()>| users[it.number].lock().unwrap().replace(here());
                    let others = [enter(a), enter(b)];
                    assert!(others.iter().flatten().all(|id| *id == here()), "{what}");
                    let order = by_key(a, b);
                    for it in [a, b] {
                        *users[it.number].lock().unwrap() = None;
                    }
                    order
                };
                let mut items = input;
                match sort {
                    0 => items.par_sort_by(compare),
                    _ => items.par_sort_unstable_by(compare),
                }
                assert!(items.is_sorted_by(|a, b| by_key(a, b).is_le()));
            }
        }
    });
}
