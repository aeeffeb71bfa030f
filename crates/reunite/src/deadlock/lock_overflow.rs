//! The list of the locks that a thread holds beyond the few that are kept inline, in the order in which the thread took
//! them. A lock is found by its number.
//!
//! Each lock has a slot, and slots are numbered in that order. The slot of a released lock stays in the list as a gap
//! until it is the first or last of the list, or until more than half of the slots are gaps. Guards are mostly dropped
//! in the reverse order, and then a released lock is among the newest few slots, which are searched first. When a lock
//! is not found there, an index is made, which is kept until the list is empty. The index has the number of the newest
//! slot of each lock, and each slot has the number of the previous slot of the same lock. So releasing a lock costs the
//! same however many are held.

use std::collections::VecDeque;

use crate::id::ByNumber;

/// The number of slots that are searched before an index is made.
const LOOKED_AT: usize = 8;

/// The largest number of slots at which gaps are never removed from the middle of the list.
const SLOTS: usize = 32;

/// A list of held locks. A lock is identified by a word; `V` is what the list keeps for each.
pub(super) struct LockOverflow<V> {
    slots: VecDeque<Option<HeldSlot<V>>>,
    /// The number of the first slot.
    first: u64,
    /// The number of slots that are not gaps.
    len: usize,
    newest: Option<ByNumber<u64, u64>>,
}

struct HeldSlot<V> {
    lock: u64,
    held: V,
    /// The number of the previous slot of the same lock, if there is an index and the lock is held for reading more
    /// than once. That slot may be a gap by now, or not in the list any more.
    before: Option<u64>,
}

impl<V: Copy> LockOverflow<V> {
    pub(super) const fn new() -> Self {
        Self {
            slots: VecDeque::new(),
            first: 0,
            len: 0,
            newest: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Iterates over the held locks, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &V> {
        self.slots.iter().flatten().map(|slot| &slot.held)
    }

    pub(super) fn push(&mut self, lock: u64, held: V) {
        let number = self.first + self.slots.len() as u64;
        let newest = self.newest.as_mut();
        let before = newest.and_then(|newest| newest.insert(lock, number));
        self.slots.push_back(Some(HeldSlot { lock, held, before }));
        self.len += 1;
    }

    /// Removes the newest slot of this lock. Returns false if the lock has none.
    pub(super) fn remove(&mut self, lock: u64) -> bool {
        if self.newest.is_none() {
            if let Some(Some(last)) = self.slots.back()
                && last.lock == lock
            {
                self.slots.pop_back();
                self.count_gap();
                return true;
            }
            let mut last = self.slots.iter().enumerate().rev().take(LOOKED_AT);
            let is_it =
                |slot: &Option<HeldSlot<V>>| slot.as_ref().is_some_and(|it| it.lock == lock);
            if let Some((at, _)) = last.find(|(_, slot)| is_it(slot)) {
                self.slots[at] = None;
                self.count_gap();
                return true;
            }
            if self.slots.len() <= LOOKED_AT {
                return false;
            }
            self.index();
        }
        let newest = self.newest.as_ref();
        let Some(number) = newest.and_then(|newest| newest.get(&lock)).copied() else {
            return false;
        };
        self.take(number);
        true
    }

    /// Removes the oldest slot.
    pub(super) fn pop_oldest(&mut self) -> Option<V> {
        // The first slot is never a gap.
        let oldest = self.slots.front()?.as_ref()?.held;
        if self.newest.is_some() {
            self.take(self.first);
        } else {
            self.slots[0] = None;
            self.count_gap();
        }
        Some(oldest)
    }

    /// Makes a filled slot a gap, when there is an index.
    fn take(&mut self, number: u64) {
        let Some(slot) = self.slot(number).and_then(Option::take) else {
            return;
        };
        let before = slot.before.filter(|before| self.is_filled(*before));
        if let Some(newest) = &mut self.newest
            && newest.get(&slot.lock) == Some(&number)
        {
            match before {
                Some(before) => newest.insert(slot.lock, before),
                None => newest.remove(&slot.lock),
            };
        }
        self.count_gap();
    }

    fn slot(&mut self, number: u64) -> Option<&mut Option<HeldSlot<V>>> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.slots.get_mut(at)
    }

    fn is_filled(&mut self, number: u64) -> bool {
        self.slot(number).is_some_and(|slot| slot.is_some())
    }

    /// Counts one more gap.
    fn count_gap(&mut self) {
        self.len -= 1;
        while let Some(None) = self.slots.back() {
            self.slots.pop_back();
        }
        while let Some(None) = self.slots.front() {
            self.slots.pop_front();
            self.first += 1;
        }
        if self.slots.is_empty() {
            self.newest = None;
        } else if self.slots.len() > SLOTS && self.slots.len() > 2 * self.len {
            self.slots.retain(Option::is_some);
            if self.newest.is_some() {
                self.index();
            }
        }
    }

    fn index(&mut self) {
        let mut newest = ByNumber::with_capacity_and_hasher(self.len, Default::default());
        let numbers = self.first..;
        for (number, slot) in numbers.zip(&mut self.slots) {
            if let Some(slot) = slot {
                slot.before = newest.insert(slot.lock, number);
            }
        }
        self.newest = Some(newest);
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;

    /// The list is compared with one that is searched from end to end, over steps from a random number generator.
    #[test]
    fn it_holds_what_a_plain_list_holds() {
        let (mut many, mut plain) = (LockOverflow::new(), Vec::new());
        let mut state = 1_u64;
        let mut below = |limit: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) % limit
        };
        for step in 0..20_000_u64 {
            // The list grows for a while and shrinks for a while.
            let grows = if step / 1_000 % 2 == 0 { 6 } else { 3 };
            // Some locks are held for reading more than once.
            let lock = if below(3) == 0 { below(50) } else { 100 + step };
            if below(10) < grows {
                many.push(lock, lock);
                plain.push(lock);
            } else if below(4) == 0 {
                let oldest = (!plain.is_empty()).then(|| plain.remove(0));
                assert_eq!(many.pop_oldest(), oldest);
            } else {
                let at = below(plain.len() as u64 + 1) as usize;
                let lock = plain.get(at).copied().unwrap_or(lock);
                let newest = plain.iter().rposition(|other| *other == lock);
                assert_eq!(many.remove(lock), newest.is_some());
                newest.map(|at| plain.remove(at));
            }
            assert_eq!(
                (many.len(), many.iter().copied().collect()),
                (plain.len(), plain.clone())
            );
        }
    }

    /// The list keeps at most twice as many slots as locks, and no index of released locks.
    #[test]
    fn nothing_is_kept_of_what_was_released() {
        let mut many = LockOverflow::new();
        many.push(2, ());
        for number in 2..10_000 {
            many.push(number, ());
            many.push(1_000_000, ());
            assert!(many.remove(number));
            assert!(many.remove(1_000_000));
            assert!(many.slots.len() <= SLOTS);
        }
        assert!(many.remove(2));
        assert!(many.slots.is_empty() && many.newest.is_none());
    }

    #[test]
    fn the_newest_are_found_without_an_index() {
        let mut many = LockOverflow::new();
        (1..=1_000).for_each(|number| many.push(number, ()));
        for number in (1..=1_000).rev() {
            assert!(many.remove(number));
            assert!(many.newest.is_none());
        }
        assert!(!many.remove(2));
    }
}
