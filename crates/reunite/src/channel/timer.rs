//! The state of a channel into which the clock sends.
//!
//! No thread sends their messages. A message is due at an instant, and the first receive at or after that instant takes
//! it. A wait for it is a wait with a deadline. So such a channel costs nothing while no thread waits for it.
//!
//! # Protocol
//! The instant at which the next message is due changes under a lock. A receiver that finds that no message is due is
//! listed, and waits until that instant. If another receiver takes the message first, the waiting one finds that, and
//! waits for the next message. Closing wakes all listed receivers.

use super::lock::Lock;
use super::outcome::{PutError, TakeResult};
use super::waiters::Waiters;
use crate::deadline;
use crate::deadlock::{WaitSite, WaitsOn};
use crate::park::Parker;
use crate::primitive::{Duration, Instant, now};
use crate::wait::{Heed, WaitOutcome, block_until};
use crate::wait_queue::Spot;

pub(super) struct Timer<T> {
    next: Lock<NextMessage>,
    /// The time between two messages; `None` if there is one message at most.
    period: Option<Duration>,
    message: fn(Instant) -> Option<T>,
    /// The number of messages that it holds at most: one, or zero if none ever comes.
    capacity: usize,
    takers: Waiters,
}

#[derive(Clone, Copy)]
struct NextMessage {
    due: Option<Instant>,
    is_closed: bool,
}

impl<T> Timer<T> {
    pub(super) fn new(
        due: Option<Instant>,
        period: Option<Duration>,
        message: fn(Instant) -> Option<T>,
    ) -> Self {
        let is_closed = false;
        Self {
            next: Lock::new(NextMessage { due, is_closed }),
            period,
            message,
            capacity: usize::from(due.is_some()),
            takers: Waiters::new(),
        }
    }

    /// The instant at which the next message is due; `None` if there is none.
    pub(super) fn due(&self) -> Option<Instant> {
        self.next.lock().due
    }

    /// Only the clock sends.
    #[cold]
    #[inline(never)]
    pub(super) fn put(&self, message: T) -> Result<(), PutError<T>> {
        Err(PutError::Closed(message))
    }

    /// Takes the message if it is due. Out of line, so that the receives of other channels stay short.
    #[cold]
    #[inline(never)]
    pub(super) fn take(&self) -> TakeResult<T> {
        loop {
            let seen = *self.next.lock();
            let at = now();
            let Some(due) = seen.due.filter(|due| *due <= at) else {
                return if seen.is_closed {
                    TakeResult::Closed
                } else {
                    TakeResult::Nothing
                };
            };
            let after = self.period.and_then(|period| at.checked_add(period));
            let mut next = self.next.lock();
            if next.due != Some(due) {
                // Another receiver was faster. There may be another message already.
                continue;
            }
            next.due = if next.is_closed { None } else { after };
            drop(next);
            return (self.message)(due).map_or(TakeResult::Nothing, TakeResult::Message);
        }
    }

    pub(super) fn take_or_list(&self, parker: &Parker, spot: &mut Option<Spot>) -> TakeResult<T> {
        self.takers.list(parker, spot);
        self.take()
    }

    pub(super) fn stop_taking(&self, spot: Spot) {
        self.takers.remove(spot);
    }

    /// Waits until a message is due and `ready` takes it.
    pub(super) fn wait(
        &self,
        site: WaitSite,
        deadline: Option<Instant>,
        ready: &mut dyn FnMut(&Parker) -> bool,
    ) -> WaitOutcome {
        loop {
            let due = self.due();
            let mut site = site.clone();
            if due.is_some() {
                site.on = WaitsOn::Time;
            }
            let until = deadline::earlier(deadline, due);
            let ended = block_until(site, until, Heed::TaskUntold, &mut *ready);
            if !matches!(ended, WaitOutcome::TimedOut) || deadline::has_passed(deadline) {
                return ended;
            }
        }
    }

    /// Closes the channel. A message that is due stays.
    pub(super) fn close(&self) {
        let at = now();
        {
            let mut next = self.next.lock();
            next.is_closed = true;
            next.due = next.due.filter(|due| *due <= at);
        }
        self.takers.wake_all();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.next.lock().is_closed
    }

    /// The number of messages that are due: one at most.
    pub(super) fn len(&self) -> usize {
        usize::from(self.due().is_some_and(|due| due <= now()))
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }
}
