//! A bounded channel: a ring, and the lists of threads that wait for a message or for room in it.
//!
//! # Protocol
//! A sender that finds the ring full is listed among the *putters* and then tries once more. A receiver that takes a
//! message first moves `head` and *then* looks at the list of putters, and wakes the first one. All four steps are
//! sequentially consistent, so either the putter sees the room or the taker sees the putter. The same holds for
//! messages, with `tail` and the *takers*, and for closing, which wakes all who are listed.
//!
//! A taker removes the putter that it wakes from the list. The woken putter may not need the room: it has put its
//! message in the meantime, or it gives up. So a putter that stops waiting and finds that it is no longer listed looks
//! whether there is still room, and if so wakes the next putter. Proof: suppose that there were room for good and a
//! putter asleep in the list. Then the last take either found the list empty, in which case the putter was listed later
//! and saw the room; or it woke a putter, which then stopped waiting, saw the room and woke the next one, and so on
//! until the list was empty.

use super::outcome::{PutError, TakeResult};
use super::position_guess::RingSide;
use super::ring::Ring;
use super::waiters::Waiters;
use crate::park::Parker;
use crate::wait_queue::Spot;

pub(super) struct RingChannel<T> {
    ring: Ring<T>,
    putters: Waiters,
    takers: Waiters,
}

impl<T> RingChannel<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            ring: Ring::new(capacity),
            putters: Waiters::new(),
            takers: Waiters::new(),
        }
    }

    #[inline]
    pub(super) fn put(&self, message: T) -> Result<(), PutError<T>> {
        self.ring.put(message)?;
        self.takers.wake_one();
        Ok(())
    }

    #[inline]
    pub(super) fn take(&self) -> TakeResult<T> {
        let found = self.ring.take();
        if let TakeResult::Message(_) = found {
            self.putters.wake_one();
        }
        found
    }

    pub(super) fn put_or_list(
        &self,
        message: T,
        parker: &Parker,
        spot: &mut Option<Spot>,
    ) -> Result<(), PutError<T>> {
        match self.put(message) {
            Err(PutError::Full(message)) => {
                self.putters.list(parker, spot);
                self.put(message)
            }
            ended => ended,
        }
    }

    pub(super) fn take_or_list(&self, parker: &Parker, spot: &mut Option<Spot>) -> TakeResult<T> {
        match self.take() {
            TakeResult::Nothing => {
                self.takers.list(parker, spot);
                self.take()
            }
            found => found,
        }
    }

    /// Stops a putter from waiting that was listed at this spot.
    pub(super) fn stop_putting(&self, spot: Spot) {
        if !self.putters.remove(spot) && !self.ring.is_full() {
            self.putters.wake_one();
        }
    }

    /// Stops a taker from waiting that was listed at this spot.
    pub(super) fn stop_taking(&self, spot: Spot) {
        if !self.takers.remove(spot) && self.ring.len() > 0 {
            self.takers.wake_one();
        }
    }

    /// Returns true if the other end had gone as far as it could (the ring was full, or empty) when the caller, who has
    /// waited, made its first step after that wait. If the other end runs on another core, the two meet halfway.
    pub(super) fn has_idle_peer(&self, step: RingSide) -> bool {
        match step {
            RingSide::Put => self.ring.len() <= 1,
            RingSide::Take => self.ring.len() + 1 >= self.ring.capacity(),
        }
    }

    pub(super) fn close(&self) {
        self.ring.close();
        self.takers.wake_all();
        self.putters.wake_all();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.ring.is_closed()
    }

    pub(super) fn len(&self) -> usize {
        self.ring.len()
    }
}
