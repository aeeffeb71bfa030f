//! `par_bridge`: the items of a sequential iterator.
//!
//! # Protocol
//! The threads that work on the items, the *participants*, share the iterator under a lock. There are at most as many
//! as the pool has places; one more is forked when a thread is hungry, and each stays until the iterator ends. So forks
//! nest only so deep.
//!
//! 1. A participant pulls one item under the lock, releases the lock, and works on the item. No item is pulled before a
//!    thread is about to begin it: if the iterator then waits for long, no pulled item waits with it.
//! 2. Neighbouring items that one participant pulls, with no other pull in between, are one *part*, with one consumer.
//!    The lock holds the seed of the consumer of all items that are not pulled. A participant that begins a part makes
//!    its consumer of the seed, and splits the next seed off it, under the lock. So parts are numbered in the order of
//!    their items. The participant that the caller is appends those that are done, in that order, to the whole: whenever
//!    it begins a part, and at the end. So what is kept of parts does not grow with the number of items, unless that
//!    participant works on one item for long.
//! 3. While items are so quick that taking the lock costs more than sharing them gains, one participant keeps the lock
//!    and works on blocks of items; the others wait. The first slow block ends that for good.
//!
//! A consumer of a part is full when it needs no more items. If it is full when the part begins, nothing that follows
//! is needed, and the iterator is dropped.

use std::collections::BTreeMap;
use std::iter::once;
use std::panic::Location;

use crate::current::shield;
use crate::cut_short::is_unwinding_here;
use crate::par::drive::OnUnwind;
use crate::par::plumbing::{Consumer, Drive};
use crate::pool::{is_hungry, join_at, places, take_part};
use crate::primitive::{AtomicBool, AtomicUsize, Instant, Mutex, Ordering, now};
use crate::sync;

/// Sequential iterators, which can be turned into parallel ones.
pub trait ParallelBridge: Sized {
    /// Returns a parallel iterator over the items. Unlike rayon's, it keeps their order: `collect` returns them in
    /// the order of the iterator, and `find_first` finds the first one.
    ///
    /// The iterator is advanced by one thread at a time. An item is pulled when a thread is about to work on it, and not
    /// before. Items that take less than half a microsecond are not shared.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// let (tx, rx) = std::sync::mpsc::channel();
    /// ["to", "be"].into_iter().for_each(|word| tx.send(word).unwrap());
    /// drop(tx);
    /// let lengths: Vec<usize> = rx.into_iter().par_bridge().map(str::len).collect();
    /// assert_eq!(lengths, [2, 2]);
    /// ```
    fn par_bridge(self) -> Bridge<Self>;
}

impl<I: Iterator<Item: Send> + Send> ParallelBridge for I {
    fn par_bridge(self) -> Bridge<I> {
        Bridge(self)
    }
}

/// The result of [`par_bridge`](ParallelBridge::par_bridge).
#[derive(Clone, Debug)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct Bridge<I>(I);

impl<I: Iterator<Item: Send> + Send> Drive for Bridge<I> {
    type Item = I::Item;

    fn drive<C: Consumer<I::Item>>(self, at: &'static Location<'static>, mut consumer: C) -> C {
        let shared: SharedBridge<I, C::Seed, C::Done> = SharedBridge {
            at,
            source: sync::Mutex::new(Source {
                items: Some(self.0),
                seed: Some(consumer.split_off(0)),
                parts: 0,
                last: 0,
            }),
            done: Mutex::new(DoneParts {
                next: 0,
                parts: BTreeMap::new(),
            }),
            participants: AtomicUsize::new(1),
            are_slow: AtomicBool::new(false),
            is_unwinding: AtomicBool::new(false),
        };
        take_part(at, || {
            let most = if is_unwinding_here() { 1 } else { places() };
            shared.participate(0, most, Some(&mut consumer), None);
        });
        shared.append_to(&mut consumer);
        assert!(
            shared.source.into_inner().items.is_none(),
            "`par_bridge` could not wait for its iterator: every thread of the pool waits for another one"
        );
        consumer
    }
}

/// From how many nanoseconds on items are shared.
const SLOW: u64 = 500;
/// The number of items that must be quick before a participant keeps the lock.
const SAMPLES: u32 = 3;
/// The time that a block of quick items should last, in nanoseconds.
const BLOCK: u64 = 8_000;

/// The values that the participants share.
struct SharedBridge<I, S, D> {
    at: &'static Location<'static>,
    source: sync::Mutex<Source<I, S>>,
    done: Mutex<DoneParts<D>>,
    participants: AtomicUsize,
    /// True once an item or a block was slow.
    are_slow: AtomicBool,
    is_unwinding: AtomicBool,
}

/// The iterator, and the seed of the items that are not pulled.
struct Source<I, S> {
    /// `None` once it has ended, or nothing more is needed.
    items: Option<I>,
    /// `None` only if making a consumer panicked.
    seed: Option<S>,
    /// The number of parts that were begun.
    parts: usize,
    /// The participant that pulled last.
    last: usize,
}

/// The parts that are done, by their numbers, and not appended to the whole.
struct DoneParts<D> {
    /// The number of the part that is to be appended next.
    next: usize,
    parts: BTreeMap<usize, D>,
}

/// A part that a participant works on.
struct BridgePart<C> {
    number: usize,
    consumer: C,
}

impl<I, S, D> SharedBridge<I, S, D>
where
    I: Iterator<Item: Send> + Send,
    S: Send,
    D: Send,
{
    /// Works on items until there are no more. `id` is the number of the participant, `most` the most participants.
    /// `whole` is the consumer to which all parts are appended, if the caller has it.
    fn participate<C>(
        &self,
        id: usize,
        most: usize,
        mut whole: Option<&mut C>,
        mut part: Option<BridgePart<C>>,
    ) where
        C: Consumer<I::Item, Seed = S, Done = D>,
    {
        let guard = OnUnwind::of(&self.is_unwinding);
        let mut quick = 0;
        let mut ended = None;
        while !self.is_unwinding.load(Ordering::Relaxed) {
            if let Some(other) = self.next_participant(most) {
                let whole = whole.take();
                join_at(
                    self.at,
                    || self.participate(id, most, whole, part.take()),
                    || self.participate::<C>(other, most, None, None),
                );
                break;
            }
            if let Some(ended) = ended.take() {
                // Not under the lock, because it may run closures.
                self.finish(ended);
                if let Some(whole) = whole.as_deref_mut() {
                    self.append_to(whole);
                }
            }
            let Some(mut source) = self.lock() else { break };
            ended = self.continue_part(id, &mut source, &mut part);
            let (Some(part), Some(items)) = (&mut part, &mut source.items) else {
                break;
            };
            let is_measured = !self.are_slow.load(Ordering::Relaxed);
            if is_measured && quick >= SAMPLES {
                if self.keep(items, &mut part.consumer) {
                    source.items = None;
                }
                continue;
            }
            let since = is_measured.then(now);
            let Some(item) = items.next() else {
                source.items = None;
                break;
            };
            drop(source);
            part.consumer.consume(once(item));
            quick += 1;
            self.measure(since, 1);
        }
        ended
            .into_iter()
            .chain(part)
            .for_each(|part| self.finish(part));
        std::mem::forget(guard);
    }

    /// Returns the number of another participant, if there should be one.
    fn next_participant(&self, most: usize) -> Option<usize> {
        let number = self.participants.load(Ordering::Relaxed);
        if number >= most || !is_hungry() {
            return None;
        }
        let next = self.participants.fetch_add(1, Ordering::Relaxed);
        (next < most).then_some(next)
    }

    /// Takes the lock. Returns `None` if that fails: another participant panicked under it, or the wait would never end.
    /// A cancellation does not end the wait, because endings work on all items.
    fn lock(&self) -> Option<sync::MutexGuard<'_, Source<I, S>>> {
        match self.source.try_lock() {
            Ok(source) => Some(source),
            Err(error) if error.is_busy() => shield(|| self.source.lock()).ok(),
            Err(_) => None,
        }
    }

    /// Begins a part, unless the participant can go on with the one that it has; returns the one that has ended. Drops
    /// the iterator if the items that follow are not needed.
    fn continue_part<C>(
        &self,
        id: usize,
        source: &mut Source<I, S>,
        part: &mut Option<BridgePart<C>>,
    ) -> Option<BridgePart<C>>
    where
        C: Consumer<I::Item, Seed = S, Done = D>,
    {
        let goes_on = part.as_ref().is_some_and(|part| !part.consumer.is_full());
        if (goes_on && source.last == id) || source.items.is_none() {
            return None;
        }
        let ended = part.take();
        let Some(seed) = source.seed.take() else {
            return ended;
        };
        let mut consumer = C::begin(seed);
        if consumer.is_full() {
            source.items = None;
        }
        source.seed = Some(consumer.split_off(0));
        *part = Some(BridgePart {
            number: source.parts,
            consumer,
        });
        source.parts += 1;
        source.last = id;
        ended
    }

    fn finish<C>(&self, part: BridgePart<C>)
    where
        C: Consumer<I::Item, Seed = S, Done = D>,
    {
        let done = part.consumer.finish();
        self.done.lock().parts.insert(part.number, done);
    }

    /// Appends the parts that are done to `whole`, up to the first that is not.
    fn append_to<C>(&self, whole: &mut C)
    where
        C: Consumer<I::Item, Seed = S, Done = D>,
    {
        let next = || {
            let mut done = self.done.lock();
            let number = done.next;
            let part = done.parts.remove(&number)?;
            done.next += 1;
            Some(part)
        };
        std::iter::from_fn(next).for_each(|part| whole.append(part));
    }

    /// Works on quick items in blocks, until a block is slow, the consumer is full, or there are no more: then it
    /// returns true.
    fn keep<C: Consumer<I::Item>>(&self, items: &mut I, consumer: &mut C) -> bool {
        let mut size = 1;
        while !consumer.is_full() && !self.is_unwinding.load(Ordering::Relaxed) {
            let since = now();
            let mut is_over = true;
            let mut count = 0;
            consumer.consume(items.by_ref().take(size).inspect(|_| {
                count += 1;
                is_over = count < size;
            }));
            if is_over && !consumer.is_full() {
                return true;
            }
            let spent = self.measure(Some(since), size);
            if self.are_slow.load(Ordering::Relaxed) {
                break;
            }
            let fitting = BLOCK * size as u64 / spent;
            size = usize::try_from(fitting).unwrap_or(size).clamp(1, 4 * size);
        }
        false
    }

    /// Records whether items are slow. Returns the time since `since` in nanoseconds, at least 1.
    fn measure(&self, since: Option<Instant>, count: usize) -> u64 {
        let Some(since) = since else { return 1 };
        let spent = now().duration_since(since).as_nanos();
        let spent = u64::try_from(spent).unwrap_or(u64::MAX).max(1);
        if spent / count as u64 >= SLOW {
            self.are_slow.store(true, Ordering::Relaxed);
        }
        spent
    }
}
