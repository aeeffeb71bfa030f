//! The ends of a channel: how many there are, and whether one was dropped before its task was done.
//!
//! # Protocol
//! A channel that closes with its last sender tells its receivers that they got all messages that were to come. That is
//! not true if a sender was dropped by a task that was cut short: a task that unwinds; that was told of a cancellation;
//! or that learned from a refused wait, or from a channel that was cut short, that what it waited for will not come.
//!
//! 1. An end that is dropped calls `cut_short::reason` and stores the answer in `EndCount::cut`, before it is counted
//!    out.
//! 2. The drop of the last sender (or receiver) finds the reason that any of them has stored there. If the channel is
//!    still open, it copies the reason to `closed_by_cut` before it closes the channel. So a task that finds the
//!    channel closed also finds the reason. If `close` was called before, the reason is ignored, because `close`
//!    declares that everything was sent.
//! 3. A task that finds the reason is cut short, too, and passes the reason on by the same rule.
//!
//! A cancellation that was returned to a task counts until the task ends. But a task may cope with a refusal: a sender
//! that has sent, or was made, after the refusal is not affected. So each sender keeps the number of the last notice
//! before it last sent (see `cut_epoch`). Likewise, a sender that a destructor made while its thread unwinds is not
//! affected by that unwinding: work that began after a panic is not cut short by it.

use super::cut_epoch::CutShortEpoch;
use crate::current;
use crate::error::CutShort;
use crate::primitive::{AtomicUsize, OnceLock, Ordering};

/// The senders of a channel, or its receivers.
pub(super) struct EndCount {
    count: AtomicUsize,
    /// The reason for which one of them was dropped before its task was done.
    cut: OnceLock<CutShort>,
    /// The same reason, set if the drop of the last one closes the channel.
    closed_by_cut: OnceLock<CutShort>,
}

impl EndCount {
    /// One end, with which the channel is made.
    pub(super) fn new() -> Self {
        Self {
            count: AtomicUsize::new(1),
            cut: OnceLock::new(),
            closed_by_cut: OnceLock::new(),
        }
    }

    pub(super) fn add(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one less. Returns true if that was the last.
    pub(super) fn remove(&self, told: &CutShortEpoch, is_closed: impl FnOnce() -> bool) -> bool {
        if let Some(why) = told.reason() {
            // If there are several reasons, the first one stays.
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

    /// The reason for which those at the other end miss messages, if they do. Tells the current task, which passes it
    /// on with the ends of channels that it drops.
    pub(super) fn report_cut(&self) -> Option<CutShort> {
        let why = self.closed_by_cut.get()?;
        current::tell_current_task(why);
        Some(why.clone())
    }
}
