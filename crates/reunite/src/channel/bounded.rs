//! A ring, and those who wait for a message or for room in it.
//!
//! # Protocol
//! Who finds the ring full is listed among the *putters* and then asks once more; who takes a message looks whether
//! putters are listed *after* it has moved `head`, and wakes the first. All four are sequentially consistent, so
//! either the putter sees the room or the taker sees the putter. The same with messages, `tail` and *takers*, and
//! with closing and everybody.
//!
//! Each take strikes off the putter that it wakes. That one may have no need of it: it has just put by itself, or
//! gives up. So whoever stops waiting and finds itself struck off looks whether there is room left, and if so wakes
//! the next. Suppose there were room for good, and a putter asleep in the list: the last take either found that list
//! empty, so that the putter was listed later and saw the room; or it woke somebody, who then stopped waiting, saw
//! the room and woke the next, and so on until the list was empty.

use super::foreseen::Steps;
use super::outcome::{Found, Unsent};
use super::ring::Ring;
use super::waiters::Waiters;
use crate::park::Parker;
use crate::wait_queue::Spot;

pub(super) struct Bounded<T> {
    ring: Ring<T>,
    putters: Waiters,
    takers: Waiters,
}

impl<T> Bounded<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            ring: Ring::new(capacity),
            putters: Waiters::new(),
            takers: Waiters::new(),
        }
    }

    #[inline]
    pub(super) fn put(&self, message: T) -> Result<(), Unsent<T>> {
        self.ring.put(message)?;
        self.takers.wake_one();
        Ok(())
    }

    #[inline]
    pub(super) fn take(&self) -> Found<T> {
        let found = self.ring.take();
        if let Found::Message(_) = found {
            self.putters.wake_one();
        }
        found
    }

    pub(super) fn put_or_list(
        &self,
        message: T,
        parker: &Parker,
        spot: &mut Option<Spot>,
    ) -> Result<(), Unsent<T>> {
        match self.put(message) {
            Err(Unsent::Full(message)) => {
                self.putters.list(parker, spot);
                self.put(message)
            }
            ended => ended,
        }
    }

    pub(super) fn take_or_list(&self, parker: &Parker, spot: &mut Option<Spot>) -> Found<T> {
        match self.take() {
            Found::Nothing => {
                self.takers.list(parker, spot);
                self.take()
            }
            found => found,
        }
    }

    /// Of one that was listed at this spot.
    pub(super) fn stop_putting(&self, spot: Spot) {
        if !self.putters.strike(spot) && !self.ring.is_full() {
            self.putters.wake_one();
        }
    }

    /// Of one that was listed at this spot.
    pub(super) fn stop_taking(&self, spot: Spot) {
        if !self.takers.strike(spot) && self.ring.len() > 0 {
            self.takers.wake_one();
        }
    }

    /// Whether the other end had gone as far as it could when the caller, who has waited, made the first step after that.
    /// Where it runs on another core, the two meet on their way.
    pub(super) fn was_left_alone(&self, step: Steps) -> bool {
        match step {
            Steps::Puts => self.ring.len() <= 1,
            Steps::Takes => self.ring.len() + 1 >= self.ring.capacity(),
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
