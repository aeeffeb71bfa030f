//! The ends of a channel: how many there are, and whether one was dropped before its task was done.
//!
//! # Protocol
//! A channel that closes with its last sender says to receivers that they have all there was to be. That is not so if
//! the sender was dropped by a task that was cut short: that unwinds, that was told of a cancellation, or that was
//! told by a refused wait, or by a channel cut short, that what it waited for will not come.
//!
//! 1. An end that is dropped asks `cut_short::reason` and leaves it in `End::cut`, before it is counted out.
//! 2. The last one of an end finds what any of them left there, and if the channel is open still, moves it to
//!    `closed_by_cut` before it closes. So whoever finds the channel closed finds that, too, and an explicit `close`
//!    before is the clean end that it says it is.
//! 3. Whoever finds it is told, and passes it on by the same rule.
//!
//! Of a cancellation a task is told for good. A refusal it may have coped with: a sender that has sent since, or was made
//! since, is not affected. So each sender keeps the number of the last telling in the process at which it sent. Nor is
//! one that a destructor made while its thread unwinds, by that unwinding: what began after a panic is not cut short by it.

use super::told::Told;
use crate::current;
use crate::error::CutShort;
use crate::primitive::{AtomicUsize, OnceLock, Ordering};

/// The senders of a channel, or its receivers.
pub(super) struct End {
    count: AtomicUsize,
    /// Why one of them was dropped before its task was done.
    cut: OnceLock<CutShort>,
    /// The same, once the last of them is gone and the channel closed with that.
    closed_by_cut: OnceLock<CutShort>,
}

impl End {
    /// One, which the channel is made with.
    pub(super) fn one() -> Self {
        Self {
            count: AtomicUsize::new(1),
            cut: OnceLock::new(),
            closed_by_cut: OnceLock::new(),
        }
    }

    pub(super) fn one_more(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether that was the last.
    pub(super) fn one_less(&self, told: &Told, is_closed: impl FnOnce() -> bool) -> bool {
        if let Some(why) = told.reason() {
            // Of several, the first tells.
            let _told = self.cut.set(why);
        }
        let is_last = self.count.fetch_sub(1, Ordering::AcqRel) == 1;
        if is_last
            && let Some(why) = self.cut.get()
            && !is_closed()
        {
            let _once = self.closed_by_cut.set(why.clone());
        }
        is_last
    }

    /// Why those at the other end miss something, if they do. Tells the current task, which passes it on with the
    /// ends of channels that it drops.
    pub(super) fn tell_cut(&self) -> Option<CutShort> {
        let why = self.closed_by_cut.get()?;
        current::tell_here(why);
        Some(why.clone())
    }
}
