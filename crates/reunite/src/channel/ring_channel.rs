//! A bounded channel: a ring, and the lists of threads that wait for a message or for room in it.
//!
//! # Protocol
//! A sender that finds the ring full (1) is listed among the *putters* and (2) tries once more. A receiver that takes a
//! message (3) moves `head` and (4) looks at the list of putters, and wakes the first one. All four steps are
//! sequentially consistent, so either the sender sees the room or the receiver sees the sender in the list. The same
//! holds for messages, with `tail` and the list of *takers*, and for closing, which wakes all listed threads.
//!
//! A taker removes the putter that it wakes from the list. The woken putter may not need the room, because it has put
//! its message in the meantime, or gives up. Therefore a putter that stops waiting and finds that it is not listed any
//! more checks whether there is room, and if so wakes the next putter. Proof that no putter sleeps for ever while there
//! is room: suppose that there is room and that a listed putter sleeps. Either the last take found the list empty: then
//! the putter was listed later, tried once more and saw the room. Or the last take woke a putter: then that putter
//! stopped waiting, saw the room and woke the next one, and so on until the list was empty.

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

    /// Ends the wait of a putter that was listed at this spot. If it was woken and there is room, wakes the next
    /// putter.
    pub(super) fn stop_putting(&self, spot: Spot) {
        if !self.putters.remove(spot) && !self.ring.is_full() {
            self.putters.wake_one();
        }
    }

    /// Ends the wait of a taker that was listed at this spot. If it was woken and there is a message, wakes the next
    /// taker.
    pub(super) fn stop_taking(&self, spot: Spot) {
        if !self.takers.remove(spot) && self.ring.len() > 0 {
            self.takers.wake_one();
        }
    }

    /// Returns true if the other end had nothing left to do: the ring was empty just before the caller's put, or full
    /// just before its take. To be called after the first put or take that follows a wait. True means that both ends
    /// share a core: on another core, the caller would have gone on before the other end had used up all that it could.
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
