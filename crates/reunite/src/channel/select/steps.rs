//! The steps that the arms of a select make at a channel.

use super::super::claims::ClaimState;
use super::super::outcome::{Grant, PutError, TakeResult};
use super::super::queue::LockedQueue;
use super::super::selection::Listing;
use super::super::state::{ChannelState, MessageBuffer};
use super::super::waiters::WaitSpots;
use crate::park::Parker;
use crate::primitive::Instant;

impl<T> ChannelState<T> {
    /// Takes a message for a select. If there is none, lists the select, if `listing` is given.
    #[inline]
    pub(super) fn take_selected(
        &self,
        listing: Option<&Listing>,
        spots: &mut WaitSpots,
    ) -> TakeResult<T> {
        let Some(listing) = listing else {
            return self.take();
        };
        match &self.buffer {
            MessageBuffer::Ring(slots) => {
                slots.take_or_list(&listing.parker, spots, |queue, spot| {
                    queue.take_or_list_select(listing, spot)
                })
            }
            MessageBuffer::Queue(queue) => queue.take_or_list_select(listing, &mut spots.in_queue),
            MessageBuffer::Timer(timer) => timer.take_or_list(&listing.parker, &mut spots.in_list),
        }
    }

    /// Returns the state of a select whose receive a sender has chosen.
    pub(super) fn look_handed(&self, spots: &WaitSpots) -> ClaimState<T> {
        match (&self.buffer, spots.in_queue) {
            (MessageBuffer::Queue(queue), Some(spot)) => queue.look_handed(spot),
            // Only a queue that has had a capacity of 0 from its beginning chooses selects.
            _ => ClaimState::Free,
        }
    }

    /// Returns true if a sender may choose a select that waits for a message of this channel.
    pub(super) fn chooses_selects(&self) -> bool {
        match &self.buffer {
            MessageBuffer::Queue(queue) => queue.capacity() == 0,
            MessageBuffer::Ring(_) | MessageBuffer::Timer(_) => false,
        }
    }

    /// Wakes a select that can choose the caller's own, which has begun to wait.
    pub(super) fn wake_chooser(&self, own: &Parker) {
        if let MessageBuffer::Queue(queue) = &self.buffer {
            queue.wake_select_putter(own);
        }
    }

    /// The instant at which the clock sends the next message, if it does.
    pub(super) fn due(&self) -> Option<Instant> {
        match &self.buffer {
            MessageBuffer::Timer(timer) => timer.due(),
            MessageBuffer::Ring(_) | MessageBuffer::Queue(_) => None,
        }
    }

    /// The queue in which a select reserves room; `None` if the channel accepts no messages.
    #[inline]
    fn queue_for_sends(&self) -> Option<&LockedQueue<T>> {
        match &self.buffer {
            MessageBuffer::Queue(queue) => Some(queue),
            MessageBuffer::Ring(slots) => slots.become_queue(),
            MessageBuffer::Timer(_) => None,
        }
    }

    /// Grants a select that it may send one message. If that is not possible now, lists the select, if it has a parker.
    #[inline]
    pub(super) fn grant(&self, parker: Option<&Parker>, spots: &mut WaitSpots) -> Option<Grant> {
        match self.queue_for_sends() {
            Some(queue) => queue.promise(parker, &mut spots.in_queue),
            None => Some(Grant::Closed),
        }
    }

    /// Puts the message of a select.
    ///
    /// # Errors
    /// Returns the message if the channel is closed, or if the receiver that was granted has given up and there is no
    /// other.
    #[inline]
    pub(super) fn put_granted(&self, grant: Grant, message: T) -> Result<(), PutError<T>> {
        match self.queue_for_sends() {
            Some(queue) => queue.keep(grant, message),
            None => Err(PutError::Closed(message)),
        }
    }

    /// Takes back a grant: there will be no message.
    pub(super) fn revoke(&self, grant: Grant) {
        if let Some(queue) = self.queue_for_sends() {
            queue.break_promise(grant);
        }
    }

    /// Removes a select that no longer waits to send. If it was woken, wakes the next sender.
    pub(super) fn stop_select_putting(&self, spots: &WaitSpots) {
        if let (Some(queue), Some(spot)) = (self.queue_for_sends(), spots.in_queue) {
            queue.stop_select_putting(spot);
        }
    }
}
