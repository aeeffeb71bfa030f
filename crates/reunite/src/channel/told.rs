//! The last telling of the process at which something was done; and whether that began in a destructor of a stack that
//! unwinds, which that does not cut short.

use crate::current::tellings;
use crate::cut_short::{self, unwinding_thread};
use crate::error::CutShort;
use crate::primitive::{Counter, Ordering};

/// Changed by whoever uses an end, read when that is dropped.
pub(super) struct Told {
    number: Counter,
    made_by: usize,
}

impl Told {
    #[inline]
    pub(super) fn now() -> Self {
        Self {
            number: Counter::new(tellings()),
            made_by: unwinding_thread(),
        }
    }

    /// It was done again. Tellings are rare: this is two loads.
    #[inline]
    pub(super) fn renew(&self) {
        let now = tellings();
        if self.number.load(Ordering::Relaxed) != now {
            self.number.store(now, Ordering::Relaxed);
        }
    }

    /// Why who drops the end leaves its work undone, if so.
    pub(super) fn reason(&self) -> Option<CutShort> {
        cut_short::reason(self.number.load(Ordering::Relaxed), self.made_by)
    }
}
