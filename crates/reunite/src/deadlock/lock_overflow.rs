//! The locks that a thread holds beyond the few that most threads hold: in the order in which it took them, and found
//! by number.
//!
//! Each lock has a slot, and slots are numbered in that order. The slot of a released lock stays as a gap until it is
//! at an end of the list, or until more than half of the slots are gaps. While locks are released in the reverse of
//! that order, as guards mostly are, a look at the newest few slots finds them. The first lock that is not found in
//! this way has an index made, which is kept until the list is empty. The index knows the newest slot of each lock, and
//! each slot knows the one before of the same lock. So releasing a lock costs the same however many are held.

use std::collections::VecDeque;

use crate::id::ByNumber;

/// The number of slots that are looked at before an index is made.
const LOOKED_AT: usize = 8;

/// Up to this number of slots, gaps are left alone.
const SLOTS: usize = 32;

/// Locks are identified by a word; `V` is what is kept of a lock that is held.
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
    /// The number of the slot that the same lock had before: of a lock that is held for reading more than once, once
    /// there is an index. That slot may be a gap by now, or gone.
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

    /// Removes the newest slot of this lock. Returns false if there was none.
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

    /// Removes the oldest of all slots.
    pub(super) fn pop_oldest(&mut self) -> Option<V> {
        // There is no gap at the end of the list.
        let oldest = self.slots.front()?.as_ref()?.held;
        if self.newest.is_some() {
            self.take(self.first);
        } else {
            self.slots[0] = None;
            self.count_gap();
        }
        Some(oldest)
    }

    /// Makes a gap of a filled slot, when there is an index.
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

    /// Compares it with a list that is searched from end to end, by steps from a generator.
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
            // It grows for a while and shrinks for a while.
            let grows = if step / 1_000 % 2 == 0 { 6 } else { 3 };
            // Some locks are read more than once.
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

    /// It keeps at most twice as many slots as locks, and no index of released locks.
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
