//! Parallel sorts.

mod common;

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize};

use common::watchdog;
use reunite::Pool;
use reunite::prelude::*;

/// Sizes at which the sorts begin to do something else, and some others.
const SIZES: [usize; 10] = [0, 1, 2, 3, 21, 500, 4_095, 4_096, 4_097, 12_345];

/// Runs the test in pools of several sizes. How the work is divided also depends on which threads are hungry when.
fn in_pools(mut test: impl FnMut(&mut Random)) {
    let mut random = Random(0x5eed);
    for threads in [1, 2, 4] {
        let _watch = watchdog();
        let pool = Pool::builder().threads(threads).build().unwrap();
        pool.enter(|| test(&mut random));
    }
}

/// A generator of pseudo-random numbers (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        (mix(self.0) % end as u64) as usize
    }
}

fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// Inputs of many kinds of order.
fn inputs(size: usize, random: &mut Random) -> Vec<(&'static str, Vec<usize>)> {
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
