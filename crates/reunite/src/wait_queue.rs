//! A queue of waiters, in the order in which they came.
//!
//! Each waiter has a *spot*, by which it can check whether it is still in the queue, and leave the queue. Spots are
//! in the order of the queue, and no spot is given twice. A waiter that leaves from the middle leaves an empty entry
//! behind, so that no entry has to move. The first and the last entry are never empty, and empty entries are removed
//! when they outnumber the others. So every operation takes a constant number of steps on average, and finding a spot
//! takes a number of steps logarithmic in the length of the queue.

use std::collections::VecDeque;

/// A waiter's place in a queue; no two waiters have the same spot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot(i64);

impl Spot {
    /// The first spot of a queue whose user assigns the spots.
    pub(crate) const FIRST: Self = Self(0);

    pub(crate) fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

#[derive(Debug)]
pub(crate) struct WaitQueue<T> {
    entries: VecDeque<(Spot, Option<T>)>,
    /// The number of entries that are not empty.
    len: usize,
    /// The next spots to be given at the front and at the back.
    ends: (i64, i64),
}

/// The number of empty entries up to which none is removed.
const FEW: usize = 16;

impl<T> Default for WaitQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> WaitQueue<T> {
    pub(crate) const fn new() -> Self {
        Self {
            entries: VecDeque::new(),
            len: 0,
            ends: (-1, 0),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn push_back(&mut self, waiter: T) -> Spot {
        let spot = Spot(self.ends.1);
        self.push_back_at(spot, waiter);
        spot
    }

    /// Adds a waiter at a spot of another queue, which must lie behind all spots given here.
    pub(crate) fn push_back_at(&mut self, spot: Spot, waiter: T) {
        debug_assert!(spot.0 >= self.ends.1, "spots are in the order of the queue");
        self.ends.1 = spot.0 + 1;
        self.entries.push_back((spot, Some(waiter)));
        self.len += 1;
    }

    pub(crate) fn push_front(&mut self, waiter: T) -> Spot {
        let spot = Spot(self.ends.0);
        self.ends.0 -= 1;
        self.entries.push_front((spot, Some(waiter)));
        self.len += 1;
        spot
    }

    /// Adds a waiter again at the spot that it was given before, and so at its old place in the order.
    pub(crate) fn return_to(&mut self, spot: Spot, waiter: T) {
        match self.entries.binary_search_by(|(other, _)| other.cmp(&spot)) {
            Ok(at) => self.entries[at].1 = Some(waiter),
            Err(at) => self.entries.insert(at, (spot, Some(waiter))),
        }
        self.len += 1;
    }

    pub(crate) fn front(&self) -> Option<(Spot, &T)> {
        let (spot, waiter) = self.entries.front()?;
        Some((*spot, waiter.as_ref()?))
    }

    pub(crate) fn pop_front(&mut self) -> Option<T> {
        let (_, first) = self.entries.pop_front()?;
        self.len -= 1;
        self.tidy();
        first
    }

    /// Takes out the first waiter for which `accepts` returns true, and returns it with its spot.
    pub(crate) fn remove_first(
        &mut self,
        mut accepts: impl FnMut(&T) -> bool,
    ) -> Option<(Spot, T)> {
        let mut listed = self.entries.iter();
        let found = listed.find(|(_, waiter)| waiter.as_ref().is_some_and(&mut accepts));
        let spot = found?.0;
        Some((spot, self.remove(spot)?))
    }

    fn find(&self, spot: Spot) -> Option<usize> {
        let found = self.entries.binary_search_by(|(other, _)| {
            #[cfg(all(test, not(reunite_model)))]
            tests::LOOKS.set(tests::LOOKS.get() + 1);
            other.cmp(&spot)
        });
        found.ok()
    }

    pub(crate) fn contains(&self, spot: Spot) -> bool {
        self.find(spot)
            .is_some_and(|at| self.entries[at].1.is_some())
    }

    /// Takes out the waiter at this spot, if it is still in the queue.
    pub(crate) fn remove(&mut self, spot: Spot) -> Option<T> {
        let at = self.find(spot)?;
        let waiter = self.entries[at].1.take()?;
        self.len -= 1;
        self.tidy();
        Some(waiter)
    }

    /// Takes out all waiters.
    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = T> + use<T> {
        self.len = 0;
        let all = std::mem::take(&mut self.entries);
        all.into_iter().filter_map(|(_, waiter)| waiter)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.entries
            .iter()
            .filter_map(|(_, waiter)| waiter.as_ref())
    }

    fn tidy(&mut self) {
        let is_empty = |entry: Option<&(Spot, Option<T>)>| entry.is_some_and(|it| it.1.is_none());
        while is_empty(self.entries.front()) {
            self.entries.pop_front();
        }
        while is_empty(self.entries.back()) {
            self.entries.pop_back();
        }
        if self.entries.len() > 2 * self.len + FEW {
            self.entries.retain(|(_, waiter)| waiter.is_some());
        }
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::primitive::thread_local;

    thread_local! {
        /// The number of entries that were looked at.
        pub(super) static LOOKS: Cell<usize> = const { Cell::new(0) };
    }

    #[test]
    fn those_who_wait_leave_in_their_order_or_by_their_spot() {
        let mut queue = WaitQueue::new();
        let [a, b, c] = ['a', 'b', 'c'].map(|name| queue.push_back(name));
        assert_eq!(queue.pop_front(), Some('a'));
        assert!(!queue.contains(a) && queue.remove(a).is_none());
        let again = queue.push_front('a');
        assert_eq!(queue.front(), Some((again, &'a')));
        assert_eq!(queue.remove(b), Some('b'));
        assert!(!queue.contains(b) && queue.contains(c));
        assert_eq!(queue.iter().copied().collect::<String>(), "ac");
        assert_eq!(queue.take_all().collect::<String>(), "ac");
        assert!(queue.is_empty());
        let later = queue.push_back('d');
        assert!(later > c && !queue.contains(c) && !queue.contains(again));
        assert_eq!(queue.len(), 1);
    }

    #[test]
    fn one_that_stays_does_not_keep_the_entries_of_those_who_left() {
        let mut queue = WaitQueue::new();
        queue.push_back(0);
        let mut last = queue.push_back(0);
        for n in 1..10_000 {
            let next = queue.push_back(n);
            assert_eq!(queue.remove(last), Some(n - 1));
            last = next;
            assert!(queue.entries.len() <= 2 * queue.len() + FEW);
        }
    }

    #[test]
    fn to_ask_and_to_leave_costs_the_logarithm_of_how_many_wait() {
        for doublings in [4, 10, 16] {
            let mut queue = WaitQueue::new();
            let spots: Vec<_> = (0..1 << doublings).map(|n| queue.push_back(n)).collect();
            for spot in spots.into_iter().rev().step_by(7) {
                LOOKS.set(0);
                assert!(queue.contains(spot) && queue.remove(spot).is_some());
                assert!(LOOKS.get() <= 2 * (doublings + 2));
            }
        }
    }
}
