//! Going through a source, and sharing it out when other threads are hungry.
//!
//! A thread works through its run of items in blocks of some microseconds. Between two blocks, and now and
//! then within one, it checks whether other threads are hungry (one relaxed load). If so, it splits the
//! remaining items in two and forks. So items are split as often as there are thieves for them, and no more
//! ("lazy binary splitting": Tzannes, Caragea, Barua, Vishkin, PPoPP 2010).

use std::ops::ControlFlow;
use std::panic::Location;

use super::source::Source;
use crate::pool::{is_hungry, join_at};
use crate::primitive::{AtomicUsize, Duration, Instant, Ordering, now};

/// A block should last between `SHORT` and `LONG`: shorter than it takes to wake a thread, and much longer
/// than it takes to read the clock.
const SHORT: Duration = Duration::from_micros(4);
const LONG: Duration = Duration::from_micros(16);
/// The number of checks for hungry threads within a block: its items were quick so far, but the next ones may
/// be slow.
const LOOKS: usize = 16;
/// The most items between two checks.
const LOOK: usize = 64;

/// The functions to call for each item, and the place to stop.
pub(super) struct Drive<I, F> {
    begin: I,
    step: F,
    /// The user's source line.
    at: &'static Location<'static>,
    /// The number of the first item that need not be begun.
    end: AtomicUsize,
    /// True if the items before the item that stopped the drive must still be done.
    ordered: bool,
}

impl<I, F> Drive<I, F> {
    /// Creates a drive that stops everywhere when a step breaks.
    pub(super) fn until_any(at: &'static Location<'static>, begin: I, step: F) -> Self {
        Self {
            begin,
            step,
            at,
            end: AtomicUsize::new(usize::MAX),
            ordered: false,
        }
    }

    /// Creates a drive that stops after the item whose step breaks.
    pub(super) fn until_first(at: &'static Location<'static>, begin: I, step: F) -> Self {
        Self {
            ordered: true,
            ..Self::until_any(at, begin, step)
        }
    }

    /// Goes through `source`; returns the results of its runs, in order.
    pub(super) fn run<S, A>(&self, source: S) -> Vec<A>
    where
        S: Source,
        A: Send,
        I: Fn() -> A + Sync,
        F: Fn(&mut A, S::Item) -> ControlFlow<()> + Sync,
    {
        let mut runs = Vec::new();
        self.run_from(0, source, &mut runs);
        runs
    }

    fn run_from<S, A>(&self, first: usize, mut source: S, runs: &mut Vec<A>)
    where
        S: Source,
        A: Send,
        I: Fn() -> A + Sync,
        F: Fn(&mut A, S::Item) -> ControlFlow<()> + Sync,
    {
        let mut run = (self.begin)();
        let mut at = first;
        let mut block = 1;
        // The items of the block that are not done.
        let mut rest = block;
        let mut before: Option<Instant> = None;
        loop {
            let left = source.len();
            if left == 0 || at >= self.end.load(Ordering::Relaxed) {
                runs.push(run);
                return;
            }
            if left > 1 && is_hungry() {
                runs.push(run);
                let half = left / 2;
                let (left, right) = source.split_at(half);
                let ((), mut tail) = join_at(
                    self.at,
                    || self.run_from(at, left, runs),
                    || {
                        let mut tail = Vec::new();
                        self.run_from(at + half, right, &mut tail);
                        tail
                    },
                );
                runs.append(&mut tail);
                return;
            }
            let look = (block / LOOKS).clamp(1, LOOK);
            let size = rest.min(look).min(left);
            for (place, item) in source.next_block(size).enumerate() {
                if (self.step)(&mut run, item).is_break() {
                    let end = if self.ordered { at + place + 1 } else { 0 };
                    self.end.fetch_min(end, Ordering::Relaxed);
                    runs.push(run);
                    return;
                }
            }
            at += size;
            rest -= size;
            if rest > 0 {
                continue;
            }
            let after = now();
            match before.map(|before| after.duration_since(before)) {
                Some(spent) if spent < SHORT => block = block.saturating_mul(2),
                Some(spent) if spent > LONG => block = (block / 2).max(1),
                _ => {}
            }
            before = Some(after);
            rest = block;
        }
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::par::par;
    use crate::pool::{Pool, ask};

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
        pool.enter(|| par(0..100_000_usize).for_each(item));
        let most = most.into_inner();
        assert!(most <= LOOK / 8, "{most} items were begun unheard");
    }
}
