//! The number of the process's last telling when an end of a channel was last used; and whether it was first used in a
//! destructor of a stack that unwinds: that unwinding does not cut it short.

use crate::current::cut_short_epoch;
use crate::cut_short::{self, unwinding_thread};
use crate::error::CutShort;
use crate::primitive::{Counter, Ordering};

/// Changed when an end is used, read when it is dropped.
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

    /// Notes another use. Tellings are rare: this is two loads.
    #[inline]
    pub(super) fn renew(&self) {
        let now = cut_short_epoch();
        if self.number.load(Ordering::Relaxed) != now {
            self.number.store(now, Ordering::Relaxed);
        }
    }

    /// The reason for which the task that drops the end leaves its work undone, if it does.
    pub(super) fn reason(&self) -> Option<CutShort> {
        cut_short::reason(self.number.load(Ordering::Relaxed), self.created_unwinding)
    }
}
