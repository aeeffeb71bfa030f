//! Regressions of parallel iterators: each test is named after what was wrong.

mod common;

use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use common::watchdog;
use reunite::Pool;
use reunite::iter::plumbing::{Consumer, Drive, DriveIndexed, Producer};
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

/// There are 2^64 items, but the greatest number was taken for their number.
#[test]
#[cfg(target_pointer_width = "64")]
fn all_numbers_of_64_bits_in_reverse_are_refused() {
    let all = catch_unwind(|| (0..=u64::MAX).into_par_iter().rev().find_first(|_| true));
    let payload = all.unwrap_err();
    let message = payload.downcast_ref::<&str>().copied();
    let message = message.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    assert_eq!(
        message,
        Some("the number of items of the range exceeds usize::MAX")
    );
    let last = in_pool(1, || (0..=u64::MAX).into_par_iter().find_any(|n| *n > 4));
    assert_eq!(last, Some(5));
}

/// Splits gave the left part `usize::MAX / 2` items, however many there were.
#[test]
fn a_range_of_128_bits_is_split_in_its_middle() {
    let range = (0..1_u128 << 100).into_par_iter();
    let middle = range.firsts_of_parts();
    assert_eq!(middle, (0, 1 << 99));
    let range = (i128::MIN..=i128::MAX).into_par_iter();
    assert_eq!(range.firsts_of_parts(), (i128::MIN, -1));
}

trait FirstOfParts<T> {
    /// Returns the first items of both parts of a split.
    fn firsts_of_parts(self) -> (T, T);
}

impl<T: Send, P: Producer<Item = T>> FirstOfParts<T> for P {
    fn firsts_of_parts(self) -> (T, T) {
        let middle = self.len() / 2;
        let (mut left, mut right) = self.split_at(middle);
        let left = left.next_block(1).next();
        let right = right.next_block(1).next();
        (left.unwrap(), right.unwrap())
    }
}

/// A slice of values without a size can have as many items as `usize` can count.
#[test]
fn windows_of_the_longest_slice_are_counted() {
    let units = [(); usize::MAX];
    assert_eq!(units.par_windows(1).exact_len(), usize::MAX);
    assert_eq!(units[..3].par_windows(4).exact_len(), 0);
}

#[test]
fn repeat_n_clones_its_value_once_less_than_it_has_items() {
    static CLONES: AtomicUsize = AtomicUsize::new(0);
    struct Value;
    impl Clone for Value {
        fn clone(&self) -> Self {
            CLONES.fetch_add(1, Ordering::Relaxed);
            Self
        }
    }
    in_pool(1, || {
        assert_eq!(reunite::iter::repeat_n(Value, 100).for_each(drop), ())
    });
    assert_eq!(CLONES.load(Ordering::Relaxed), 99);
    let mut three = reunite::iter::repeat_n(Value, 3);
    let (left, mut right) = three.producer().split_at(0);
    assert_eq!(
        (
            left.exact_len(),
            right.next_block(3).map(drop).fold(0, |n, ()| n + 1)
        ),
        (0, 3)
    );
    assert_eq!(CLONES.load(Ordering::Relaxed), 99 + 2);
}

/// The numbers of places must be right for the separators, too.
#[test]
fn intersperse_counts_its_separators() {
    for len in 0..40_usize {
        let expected: Vec<usize> = (0..2 * len.max(1) - usize::from(len > 0))
            .take(if len == 0 { 0 } else { 2 * len - 1 })
            .map(|place| if place % 2 == 0 { place / 2 } else { 99 })
            .collect();
        let spaced = || (0..len).into_par_iter().intersperse(99);
        assert_eq!(spaced().len(), expected.len());
        for threads in [1, 4] {
            in_pool(threads, || {
                assert_eq!(spaced().collect::<Vec<_>>(), expected);
                assert_eq!(
                    spaced().chain(spaced()).skip(1).count() + 1,
                    (2 * expected.len()).max(1)
                );
                let halves = (0..len / 2)
                    .into_par_iter()
                    .chain(len / 2..len)
                    .intersperse(99);
                assert_eq!(halves.collect::<Vec<_>>(), expected);
                let filtered = (0..len).into_par_iter().filter(|_| true).intersperse(99);
                assert_eq!(filtered.collect::<Vec<_>>(), expected);
            });
        }
    }
}

#[test]
fn a_map_whose_place_panics_drops_what_was_collected() {
    let live = AtomicUsize::new(0);
    struct Live<'a>(&'a AtomicUsize);
    impl Drop for Live<'_> {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
    in_pool(4, || {
        for bad in [0, 1, 500, 999] {
            let mut target = Vec::new();
            let failed = catch_unwind(AssertUnwindSafe(|| {
                let items = (0..1_000).into_par_iter().map(|n| {
                    assert_ne!(n, bad, "bad");
                    live.fetch_add(1, Ordering::Relaxed);
                    Live(&live)
                });
                items.collect_into_vec(&mut target);
            }));
            assert!(failed.is_err());
            assert_eq!((target.len(), live.load(Ordering::Relaxed)), (0, 0));
        }
    });
}

/// A consumer that wrote into a vector was split after more items than it had room for: the sum wrapped, and a slot
/// without an item passed for one.
#[test]
#[should_panic(expected = "split after more items")]
fn a_split_behind_the_last_slot_made_a_slot_without_an_item() {
    struct Wrong;
    impl Drive for Wrong {
        type Item = String;
        fn drive<C: Consumer<String>>(self, _: &'static Location<'static>, mut consumer: C) -> C {
            consumer.consume((0..5).map(|n| format!("item {n}")));
            let seed = consumer.split_off(usize::MAX);
            let mut right = C::begin(seed);
            right.consume(std::iter::once("right".to_owned()));
            consumer.append(right.finish());
            consumer
        }
        fn opt_len(&self) -> Option<usize> {
            Some(6)
        }
    }
    let _items: Vec<String> = Wrong.collect();
}

/// Items that were pulled for a later block waited while the iterator waited for what became of them.
#[test]
fn a_bridge_held_items_back_while_its_iterator_waited() {
    let _watch = watchdog();
    for threads in [1, 2, 4] {
        let pool = Pool::builder().threads(threads).build().unwrap();
        let (ask, asked) = mpsc::channel::<u32>();
        let (answer, answered) = mpsc::channel();
        let asker = std::thread::spawn(move || {
            (0..2_000).for_each(|n| ask.send(n).unwrap());
            // From here on each item is sent once the one before was worked on.
            (0..2_000).for_each(|_| _ = answered.recv().unwrap());
            for n in 0..500 {
                ask.send(n).unwrap();
                answered.recv().unwrap();
            }
        });
        let answer = std::sync::Mutex::new(answer);
        pool.enter(|| {
            let items = asked.into_iter().par_bridge();
            items.for_each(|n| answer.lock().unwrap().send(n).unwrap());
        });
        asker.join().unwrap();
    }
}

/// Calls `f` for the items of a bridge in a pool of two threads. Each of `count` items, an even number, waits for
/// another one that is worked on at the same time.
fn in_pairs<R: Send>(count: usize, f: impl Fn() -> R + Send + Sync) -> impl Iterator<Item = R> {
    let _watch = watchdog();
    let pool = Pool::builder().threads(2).build().unwrap();
    let threads = std::sync::Mutex::new(std::collections::HashSet::new());
    let meeting = std::sync::Barrier::new(2);
    let (mut alone, mut left) = (true, count);
    let items = std::iter::from_fn(|| {
        // Items that meet come once two threads have joined in.
        alone = alone && threads.lock().unwrap().len() < 2;
        if !alone {
            left = left.checked_sub(1)?;
        }
        Some(!alone)
    });
    let items = items.par_bridge().map(|meets| {
        threads.lock().unwrap().insert(std::thread::current().id());
        if meets {
            meeting.wait();
            return Some(f());
        }
        let begun = std::time::Instant::now();
        while begun.elapsed() < std::time::Duration::from_micros(20) {}
        None
    });
    let last = pool.enter(|| items.reduce_with(|a, b| b.or(a)));
    last.flatten().into_iter()
}

/// Each split of a bridge was a nested fork. At a certain depth no thread helped any more, so one did all the rest.
#[test]
fn a_long_bridge_was_left_to_one_thread() {
    assert_eq!(in_pairs(1_000, || ()).count(), 1);
}

/// While a stack unwinds, forks run inline, so each split of a bridge took more of the stack.
#[test]
fn a_bridge_in_a_destructor_of_a_panic_overflowed_the_stack() {
    struct Sums(u64);
    impl Drop for Sums {
        fn drop(&mut self) {
            let bridged: u64 = (0..self.0).par_bridge().sum();
            assert_eq!(bridged, (0..self.0).into_par_iter().sum());
        }
    }
    let _watch = watchdog();
    let pool = Pool::builder().threads(2).build().unwrap();
    let payload = pool.install(|| {
        catch_unwind(|| {
            let _sums = Sums(50_000);
            std::panic::resume_unwind(Box::new("torn"));
        })
        .unwrap_err()
    });
    assert_eq!(*payload.downcast::<&str>().unwrap(), "torn");
}

/// `take_any` pulled one item more than it took, and waited for it if the iterator did.
#[test]
fn take_any_waited_for_an_item_that_nobody_needed() {
    let _watch = watchdog();
    let pool = Pool::builder().threads(1).build().unwrap();
    for count in [1, 3, 1_000] {
        let (tx, rx) = mpsc::channel();
        (0..count).for_each(|n| tx.send(n).unwrap());
        let taken = pool.enter(|| rx.into_iter().par_bridge().take_any(count).count());
        assert_eq!(taken, count);
        drop(tx);
    }
}

#[test]
fn lengths_of_chains_wrapped() {
    let long = (0..usize::MAX).into_par_iter().chain(0..2).enumerate();
    let found = catch_unwind(AssertUnwindSafe(|| long.find_first(|pair| pair.1 == 100)));
    assert!(found.is_err(), "{found:?}");
    let long = (0..usize::MAX).into_par_iter().interleave(0..2);
    let found = catch_unwind(AssertUnwindSafe(|| long.find_first(|n| *n == 100)));
    assert!(found.is_err(), "{found:?}");
}

#[test]
fn extending_an_empty_vector_dropped_its_memory() {
    let mut numbers: Vec<u32> = Vec::with_capacity(1_000);
    let memory = numbers.as_ptr();
    numbers.par_extend(0..10);
    assert_eq!(numbers.as_ptr(), memory);
    assert_eq!(numbers.len(), 10);
    let mut others = Vec::with_capacity(1_000);
    (0..10_u32)
        .into_par_iter()
        .map(|n| (n, n))
        .unzip_into_vecs(&mut numbers, &mut others);
    assert_eq!(numbers.as_ptr(), memory);
    assert_eq!(numbers, others);
}

/// The results of parts were kept until the end, so that a loop over an endless iterator took ever more memory.
#[test]
fn a_bridge_kept_something_of_each_item() {
    static KEPT: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    struct Kept;
    impl Drop for Kept {
        fn drop(&mut self) {
            KEPT.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let last = in_pairs(4_000, || {
        let kept = KEPT.fetch_add(1, Ordering::SeqCst) + 1;
        MOST.fetch_max(kept, Ordering::SeqCst);
        Kept
    });
    assert_eq!(last.count(), 1);
    let most = MOST.load(Ordering::SeqCst);
    assert!(most < 500, "{most} results were kept at a time");
}
