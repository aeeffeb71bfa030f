//! The identity of locks.
//!
//! A lock's address is none: a lock whose guard was forgotten can be moved, or freed, and another comes to lie
//! there. So each has a number, which moves with it and which no other lock ever has. It is given when the lock
//! is first taken or waited for, as locks are made in constants.

use crate::primitive::{Counter, Ordering};

/// Even, so that a word has room for one more bit.
const STEP: u64 = 2;

static NEXT: Counter = Counter::new(STEP);

/// A lock's number; none at first.
pub(crate) struct Number(Counter);

impl Number {
    pub(crate) const fn new() -> Self {
        Self(Counter::new(0))
    }

    /// Zero if it has none yet.
    #[inline]
    pub(crate) fn if_given(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

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
        // Somebody else may have been faster.
        given.map_or_else(|theirs| theirs, |_| new)
    }
}
