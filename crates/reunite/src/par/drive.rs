//! Going through a producer, and sharing it out when other threads are hungry.
//!
//! A thread works through its items in blocks of some microseconds. Between two blocks, and now and then within one,
//! it checks whether other threads are hungry (one relaxed load). If so, and if the items that remain last longer than
//! it takes to wake a thread, it splits them in two and forks. So items are split as often as there are thieves for
//! them, and no more ("lazy binary splitting": Tzannes, Caragea, Barua, Vishkin, PPoPP 2010).
//!
//! A thread splits its items before it begins the first one if another thread is hungry then, because nobody knows how
//! long the first one takes. A split of an iterator that is not indexed may put all items on one side; a part that has
//! more than its half is not split again before it has begun an item.
//!
//! Once a thread unwinds, the others begin no further blocks: their results are dropped with the panic.

use std::panic::Location;

use super::plumbing::{Consumer, Producer};
use crate::cut_short::is_unwinding_here;
use crate::pool::{is_hungry, join_at, take_part};
use crate::primitive::{AtomicBool, Instant, Ordering, now};

/// The time that a block should last, in nanoseconds: shorter than it takes to wake a thread, and much longer than it
/// takes to read the clock.
const BLOCK: u64 = 8_000;
/// The time that the items of a split should last, at least: about as long as it takes to wake a thread.
const SHORT: u64 = 4_000;
/// The most by which a block grows: the items of the last one may have been quicker than the next ones.
const GROWTH: usize = 16;
/// The number of checks for hungry threads within a block.
const LOOKS: usize = 16;
/// The most items between two checks. They may be slower than all before.
const LOOK: usize = 2048;
/// The same, of the last items, which are done sooner than a thread is woken if they are as quick as those before.
const LAST_LOOK: usize = 64;
/// The number of items that are done without reading the clock, if no thread is hungry.
const FREE: usize = 16;

/// Hands all items of `producer` to `consumer` and to consumers that are split off it, in the pool of the calling
/// thread or the global one. Returns `consumer` with these appended.
///
/// # Panics
/// If the producer or a consumer panics, with the payload of the leftmost part that did, once no other thread works on
/// the items.
pub fn drive_producer<P, C>(at: &'static Location<'static>, producer: P, consumer: C) -> C
where
    P: Producer,
    C: Consumer<P::Item>,
{
    let shared = DriveShared {
        at,
        can_split: !is_unwinding_here(),
        is_unwinding: AtomicBool::new(false),
    };
    take_part(at, || {
        let pace = Pace::new(producer.len());
        shared.run(pace, producer, consumer)
    })
}

/// The values that the threads share that go through a producer.
struct DriveShared {
    /// The user's source line.
    at: &'static Location<'static>,
    /// False in a destructor during unwinding: there both halves of a fork run on this thread.
    can_split: bool,
    is_unwinding: AtomicBool,
}

/// Records that a thread unwinds.
pub(super) struct OnUnwind<'a>(&'a AtomicBool);

impl<'a> OnUnwind<'a> {
    /// Makes a guard that sets `is_unwinding` when it is dropped. Forget it where all went well.
    pub(super) fn of(is_unwinding: &'a AtomicBool) -> Self {
        Self(is_unwinding)
    }
}

impl Drop for OnUnwind<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl DriveShared {
    fn run<P, C>(&self, mut pace: Pace, mut producer: P, mut consumer: C) -> C
    where
        P: Producer,
        C: Consumer<P::Item>,
    {
        let guard = OnUnwind::of(&self.is_unwinding);
        loop {
            let left = producer.len();
            if left == 0 || consumer.is_full() || self.is_unwinding.load(Ordering::Relaxed) {
                break;
            }
            let can_split = self.can_split && pace.can_split(left, producer.min_len());
            if can_split && is_hungry() && pace.is_split_worth_it(left) {
                consumer = self.split(pace, producer, consumer);
                break;
            }
            let size = pace.next(left);
            consumer.consume(producer.next_block(size));
            pace.done(size);
        }
        std::mem::forget(guard);
        consumer
    }

    #[inline(never)]
    fn split<P, C>(&self, pace: Pace, producer: P, mut consumer: C) -> C
    where
        P: Producer,
        C: Consumer<P::Item>,
    {
        let len = producer.len();
        let middle = len / 2;
        let seed = consumer.split_off(middle);
        let (left, right) = producer.split_at(middle);
        let pace = pace.after_split(len);
        let (mut consumer, right) = join_at(
            self.at,
            || self.run(pace, left, consumer),
            || self.run(pace, right, C::begin(seed)).finish(),
        );
        consumer.append(right);
        consumer
    }
}

/// The number of items to do before the next check, measured by the clock.
#[derive(Clone, Copy)]
struct Pace {
    /// The number of items of a block.
    block: usize,
    /// The items of the block that are not done.
    rest: usize,
    /// The items that may still be done before the clock is read.
    free: usize,
    /// The start of the block; `None` while the clock is not read.
    since: Option<Instant>,
    /// The number of items that last `SHORT`, as far as is known; 0 while nothing is known.
    short: usize,
    /// The most items of a part that is split before it has begun one; `usize::MAX` once it has.
    most: usize,
}

impl Pace {
    /// Makes the pace of the first part, which has `len` items.
    fn new(len: usize) -> Self {
        let is_asked = is_hungry();
        Self {
            block: 1,
            rest: 1,
            free: if is_asked { 0 } else { FREE },
            since: (is_asked || len > FREE).then(now),
            short: 0,
            most: usize::MAX,
        }
    }

    /// Returns what each part goes on with after a split of `len` items.
    fn after_split(self, len: usize) -> Self {
        Self {
            rest: self.block,
            free: 0,
            since: None,
            most: len / 2 + 1,
            ..self
        }
    }

    #[inline]
    fn can_split(&self, left: usize, min: usize) -> bool {
        left > 1 && left <= self.most && left / 2 >= min
    }

    /// Returns true unless `left` items are done sooner than a thread is woken. If that seems so, the time of the block
    /// so far is measured first, because its items may be slower than those before.
    fn is_split_worth_it(&mut self, left: usize) -> bool {
        if left < self.short && self.rest < self.block {
            self.end_block();
        }
        left >= self.short
    }

    /// Returns the number of items to do next, of the `left` that there are.
    #[inline]
    fn next(&mut self, left: usize) -> usize {
        if self.rest == 0 {
            self.end_block();
        }
        let look = if self.free > 0 {
            (FREE - self.free).max(2).min(self.free)
        } else if left < self.short {
            self.rest.min(LAST_LOOK)
        } else {
            (self.block / LOOKS).clamp(1, LOOK).min(self.rest)
        };
        look.min(left)
    }

    #[inline]
    fn done(&mut self, size: usize) {
        self.most = usize::MAX;
        if self.free > 0 {
            self.free -= size;
            if self.free == 0 {
                (self.block, self.rest) = (FREE, 0);
            }
        } else {
            self.rest -= size;
        }
    }

    /// Measures the time of the items of the block that are done, and begins another block.
    #[inline(never)]
    fn end_block(&mut self) {
        let now = now();
        if let Some(since) = self.since {
            let done = self.block - self.rest;
            let spent = now.duration_since(since).as_nanos();
            let spent = u64::try_from(spent).unwrap_or(u64::MAX).max(1);
            let in_time = |time: u64| {
                let count = u128::from(time) * done as u128 / u128::from(spent);
                usize::try_from(count).unwrap_or(usize::MAX)
            };
            self.short = in_time(SHORT);
            self.block = in_time(BLOCK).clamp(1, done.saturating_mul(GROWTH));
        }
        self.since = Some(now);
        self.rest = self.block;
    }
}

/// Implements [`Drive`] by [`DriveIndexed`], in the block of `impl Drive for …`.
macro_rules! drive_by_producer {
    () => {
        fn drive<Taker: $crate::par::plumbing::Consumer<Self::Item>>(
            mut self,
            at: &'static ::std::panic::Location<'static>,
            consumer: Taker,
        ) -> Taker {
            let producer = $crate::par::plumbing::DriveIndexed::producer(&mut self);
            $crate::par::drive::drive_producer(at, producer, consumer)
        }

        fn opt_len(&self) -> Option<usize> {
            Some($crate::par::plumbing::DriveIndexed::exact_len(self))
        }
    };
}
pub(super) use drive_by_producer;

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use std::cell::Cell;
    use std::panic::Location;

    use super::*;
    use crate::par::consumers::ForEach;
    use crate::par::convert::IntoParallelIterator;
    use crate::par::plumbing::Drive;
    use crate::pool::{Pool, ask};
    use crate::primitive::{AtomicUsize, Duration};

    std::thread_local! {
        /// The number of items that this thread has begun since another thread asked for work, while that
        /// request is not answered.
        static UNHEARD: Cell<Option<usize>> = const { Cell::new(None) };
    }

    /// The number of items in a block may be large, and the next items might be slow.
    #[test]
    fn a_request_for_work_is_answered_after_a_few_items() {
        const ITEM: Duration = Duration::from_nanos(100);
        let most = AtomicUsize::new(0);
        let item = |number: usize| {
            let begun = now();
            let unheard = UNHEARD.get().filter(|_| is_hungry()).map(|count| count + 1);
            most.fetch_max(unheard.unwrap_or(0), Ordering::Relaxed);
            UNHEARD.set(unheard);
            if number.is_multiple_of(997) {
                ask();
                UNHEARD.set(Some(0));
            }
            while now().duration_since(begun) < ITEM {}
        };
        let pool = Pool::builder().threads(1).build().unwrap();
        let items = (0..100_000_usize).into_par_iter();
        pool.enter(|| {
            items.drive(Location::caller(), ForEach::new(&item));
        });
        let most = most.into_inner();
        assert!(most <= LOOK / 8, "{most} items were begun unheard");
    }
}
