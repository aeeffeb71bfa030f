//! The identity of locks.
//!
//! A lock's address does not identify it: a lock whose guard was forgotten can be moved or freed, and then another lock
//! may have its address. So each lock has a number, which moves with it and which no other lock ever has. The number is
//! assigned when the lock is first taken or waited for, because locks can be made in constants.

use crate::primitive::{Counter, Ordering};

/// The distance between two numbers. It leaves room for two more bits in a word with a number.
const STEP: u64 = 4;

static NEXT: Counter = Counter::new(STEP);

/// A lock's number, which is not assigned at first.
pub(crate) struct LockNumber(Counter);

impl LockNumber {
    pub(crate) const fn new() -> Self {
        Self(Counter::new(0))
    }

    /// Returns the number, or zero if it is not assigned yet.
    #[inline]
    pub(crate) fn if_given(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Returns the number. Assigns one if that was not done yet.
    pub(crate) fn get(&self) -> u64 {
        match self.if_given() {
            0 => self.give(),
            number => number,
        }
    }

    #[cold]
    fn give(&self) -> u64 {
        let new = NEXT.fetch_add(STEP, Ordering::Relaxed);
        let given = self
            .0
            .compare_exchange(0, new, Ordering::Relaxed, Ordering::Relaxed);
        // Another thread may have assigned a number in the meantime.
        given.map_or_else(|theirs| theirs, |_| new)
    }
}
