//! The memory of an end of a channel by which its drop finds out whether the task was cut short since the end was
//! last used.
//!
//! A *notice* is an error that tells a task that what it waits for will not come: a refused wait, or a channel that
//! was cut short. Notices are numbered in the order in which they happen in the process (`current::cut_short_epoch`).
//! A task that uses the end again counts as having coped with all earlier notices. If the end was made in a
//! destructor while its thread unwound, that unwinding does not cut it short.

use crate::current::cut_short_epoch;
use crate::cut_short::{self, unwinding_thread};
use crate::error::CutShort;
use crate::primitive::{Counter, Ordering};

/// The last notice before the last use of an end. Changed when the end is used, read when it is dropped.
pub(super) struct CutShortEpoch {
    number: Counter,
    created_unwinding: usize,
}

impl CutShortEpoch {
    #[inline]
    pub(super) fn now() -> Self {
        Self {
            number: Counter::new(cut_short_epoch()),
            created_unwinding: unwinding_thread(),
        }
    }

    /// Records another use of the end. Two loads in most cases, because notices are rare.
    #[inline]
    pub(super) fn renew(&self) {
        let now = cut_short_epoch();
        if self.number.load(Ordering::Relaxed) != now {
            self.number.store(now, Ordering::Relaxed);
        }
    }

    /// Returns the reason why the work of the task that drops the end is incomplete; `None` if the task was not cut
    /// short.
    pub(super) fn reason(&self) -> Option<CutShort> {
        cut_short::reason(self.number.load(Ordering::Relaxed), self.created_unwinding)
    }
}
