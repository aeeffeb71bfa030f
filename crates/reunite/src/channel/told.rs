//! The last telling of the process at which something was done.

use crate::current::tellings;
use crate::primitive::{Counter, Ordering};

/// Changed by whoever uses an end, read when that is dropped.
pub(super) struct Told(Counter);

impl Told {
    #[inline]
    pub(super) fn now() -> Self {
        Self(Counter::new(tellings()))
    }

    /// It was done again. Tellings are rare: this is two loads.
    #[inline]
    pub(super) fn renew(&self) {
        let now = tellings();
        if self.0.load(Ordering::Relaxed) != now {
            self.0.store(now, Ordering::Relaxed);
        }
    }

    pub(super) fn number(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
