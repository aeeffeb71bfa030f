//! A channel whose messages are in a queue under a lock: for capacities of none and one, and for no limit. On one core
//! also for other small capacities. A ring becomes such a queue when a select sends into it.
//!
//! # Protocol
//! All steps are made under one lock.
//!
//! *Putters.* A sender that finds no room is listed among the *putters*, with its message and its parker. A receiver
//! that takes a message from the queue moves the first putter's message into the queue; if the queue is empty, it takes
//! that putter's message. In both cases it removes the putter from the list and unparks it. So a putter that is not
//! listed any more has sent. A putter that is still listed can take its message back when it is cancelled, when its
//! time is up, or when the channel closes.
//!
//! *Takers.* A receiver that finds no message is listed among the *takers*, with its parker. A sender that puts a
//! message removes the first taker and unparks it.
//!
//! 1. A taker that waits for this channel alone is *handed* the oldest message: the message belongs to the taker from
//!    then on, and its room is free for the next message. So two threads that take turns switch once in three messages,
//!    and the sender of a channel with capacity 0 need not wait if there is a taker. A taker looks for a handed message
//!    whenever it tries again, and when it gives up for any reason: if there is one, it has received.
//! 2. A taker that waits for several channels (a select) is only woken. It tries again under the lock, and may find
//!    that another taker was faster.
//! 3. A channel with capacity 0 has no room in which a message could wait until a taker of kind 2 tries again. So its
//!    message is handed to the first taker of kind 1, even if takers of kind 2 are ahead of it. If there is none, the
//!    sender *chooses* the first taker of kind 2 whose select is waiting ([`super::selection`]), and hands it the
//!    message. If there is none either, the sender becomes a putter (if it waits), and wakes the first taker of kind 2:
//!    its select is trying, and will find the putter.
//!
//! *Selects that send* have no message before they are chosen. They are listed among the *select putters*, with their
//! parker only.
//!
//! 4. With a capacity, a select that finds room is *promised* the room, which counts as taken until the select has put
//!    its message or breaks the promise. Room that becomes free goes to the first of both kinds of putters: a select
//!    putter is removed from its list and woken, and tries again. When it stops waiting, and when its message was handed
//!    to a taker, room that is left goes to the next putter.
//! 5. With capacity 0, a select that sends *claims* a taker, by the order of rule 3, and hands it the message later
//!    ([`super::claims`]). If the taker has given up by then, the select sends as other senders do.
//! 6. With capacity 0, a taker of kind 1 that is listed wakes the first select putter. A taker of kind 2 does that when
//!    its select has begun to wait, because nothing can choose it before that. A select putter that was woken and goes
//!    away wakes the next one if a taker is listed.
//!
//! So two selects on a channel with capacity 0 meet: the sender is listed in the same critical section in which it
//! finds that no receiver is waiting. The receiver begins to wait, and then looks for select putters in a critical
//! section. If that section is the later one, it finds the sender and wakes it, and the sender finds it waiting. If it
//! is the earlier one, the sender finds it waiting at once. A select that tries its arms is not waiting, so it can
//! neither be chosen while it takes something else, nor choose itself.
//!
//! A message is never handed over while an older one waits with a putter. No message waits while a taker sleeps: each
//! message is handed to a listed taker, or wakes one; and a taker that was woken and does not wait any more, with a
//! message or without, wakes the next taker if there is still a message. The same holds for select putters: one that was
//! woken and does not wait any more, with a promise or without, wakes the next one if there is still room, or a taker.

use std::collections::VecDeque;

use super::claims::ClaimState;
use super::lock::{Guard, Lock};
use super::outcome::{Grant, PutError, TakeResult};
use super::queue_state::QueueState;
use super::selection::Listing;
use crate::park::Parker;
use crate::wait_queue::Spot;

pub(super) struct LockedQueue<T> {
    state: Lock<QueueState<T>>,
}

impl<T> LockedQueue<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self::with_messages(VecDeque::new(), capacity)
    }

    pub(super) fn with_messages(messages: VecDeque<T>, capacity: usize) -> Self {
        let state = Lock::new(QueueState::new(messages, capacity));
        Self { state }
    }

    #[inline]
    fn lock(&self) -> Guard<'_, QueueState<T>> {
        self.state.lock()
    }

    #[inline]
    pub(super) fn put(&self, message: T) -> Result<(), PutError<T>> {
        let taker = self.lock().put(message)?;
        wake(taker);
        Ok(())
    }

    /// Puts the message, or lists it at a spot with its sender's parker. Returns true if the sender need not wait: the
    /// message was put, now or since it was listed, or the channel is closed.
    pub(super) fn put_or_list(
        &self,
        message: &mut Option<T>,
        parker: &Parker,
        spot: &mut Option<Spot>,
    ) -> bool {
        let mut state = self.lock();
        let Some(mine) = message.take() else {
            let is_left = spot.is_some_and(|spot| state.is_putter(spot));
            if !is_left {
                *spot = None;
            }
            return state.is_closed() || !is_left;
        };
        let (is_over, taker) = match state.put(mine) {
            Ok(taker) => (true, taker),
            Err(PutError::Closed(mine)) => {
                *message = Some(mine);
                (true, None)
            }
            Err(PutError::Full(mine)) => {
                let (listed, taker) = state.list_putter(mine, parker);
                *spot = Some(listed);
                (false, taker)
            }
        };
        drop(state);
        wake(taker);
        is_over
    }

    /// Takes back the message of a sender that gives up, unless it was sent.
    pub(super) fn stop_putting(&self, message: &mut Option<T>, spot: Spot) {
        if message.is_none() {
            *message = self.lock().remove_putter(spot);
        }
    }

    #[inline]
    pub(super) fn take(&self) -> TakeResult<T> {
        let (found, putter) = self.lock().take();
        wake(putter);
        found
    }

    /// Takes a message. If there is none, lists the receiver, unless it is still listed at its spot, or claimed.
    pub(super) fn take_or_list(&self, parker: &Parker, spot: &mut Option<Spot>) -> TakeResult<T> {
        let mut state = self.lock();
        if let Some(at) = *spot {
            match state.look_handed(at) {
                ClaimState::Free => {}
                ClaimState::Pending => return TakeResult::Nothing,
                ClaimState::Handed(message) => {
                    *spot = None;
                    return TakeResult::Message(message);
                }
            }
        }
        let (found, mut sender) = state.take();
        let mut next = None;
        match &found {
            TakeResult::Nothing => {
                state.list_single(parker, spot);
                sender = state.next_select_putter(parker);
            }
            TakeResult::Message(_) | TakeResult::Closed => {
                next = spot.take().and_then(|spot| state.leave_takers(spot));
            }
        }
        drop(state);
        wake(sender);
        wake(next);
        found
    }

    /// Takes a message for a select. If there is none, lists the select, unless it is still listed at its spot.
    pub(super) fn take_or_list_select(
        &self,
        taker: &Listing,
        spot: &mut Option<Spot>,
    ) -> TakeResult<T> {
        let mut state = self.lock();
        let (found, putter) = state.take();
        if let TakeResult::Nothing = found {
            state.list_select(taker, spot);
        }
        drop(state);
        wake(putter);
        found
    }

    /// Wakes a select that waits to send to a receiver: the caller's select is listed here, and has begun to wait.
    pub(super) fn wake_select_putter(&self, own: &Parker) {
        let putter = self.lock().next_select_putter(own);
        wake(putter);
    }

    /// Returns what the taker at this spot was given while it waited.
    pub(super) fn look_handed(&self, spot: Spot) -> ClaimState<T> {
        self.lock().look_handed(spot)
    }

    /// Removes a receiver that does not wait any more. Returns the message that it was handed, if any. If it was claimed
    /// and has no message yet, it takes one if there is one: it may have come while the receiver was claimed. If the
    /// receiver was woken and there is still a message, wakes the next taker.
    pub(super) fn stop_taking(&self, spot: Spot) -> Option<T> {
        let (message, woken) = self.lock().stop_taking(spot);
        woken.into_iter().for_each(wake);
        message
    }

    /// Promises a select that it can send. If that is not possible now, lists the select, if it has a parker.
    pub(super) fn promise(
        &self,
        parker: Option<&Parker>,
        spot: &mut Option<Spot>,
    ) -> Option<Grant> {
        let mut state = self.lock();
        let grant = state.promise();
        if grant.is_none()
            && let Some(parker) = parker
        {
            state.list_select_putter(parker, spot);
        }
        grant
    }

    /// Removes a select that does not wait to send any more. If it was woken, wakes the next sender, unless that would be
    /// in vain.
    pub(super) fn stop_select_putting(&self, spot: Spot) {
        let next = self.lock().remove_select_putter(spot);
        wake(next);
    }

    /// Puts the message for which there was a promise.
    ///
    /// # Errors
    /// Returns the message if the channel was closed meanwhile, or if the claimed taker has withdrawn and there is no
    /// other.
    pub(super) fn keep(&self, grant: Grant, message: T) -> Result<(), PutError<T>> {
        let woken = self.lock().keep(grant, message)?;
        woken.into_iter().for_each(wake);
        Ok(())
    }

    pub(super) fn break_promise(&self, grant: Grant) {
        let next = self.lock().break_promise(grant);
        wake(next);
    }

    pub(super) fn close(&self) {
        let waiting = self.lock().close();
        waiting.into_iter().for_each(|waiter| waiter.unpark());
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().is_closed()
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    pub(super) fn capacity(&self) -> usize {
        self.lock().capacity()
    }

    /// Returns true if there is no room that is not promised.
    pub(super) fn is_full(&self) -> bool {
        !self.lock().has_room()
    }
}

#[inline]
fn wake(parker: Option<Parker>) {
    if let Some(parker) = parker {
        parker.unpark();
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::{Listing, LockedQueue, Parker, PutError, TakeResult};

    /// On several cores no channel is a queue of three to seven messages.
    #[test]
    fn a_full_queue_takes_the_messages_of_its_putters_in_order() {
        let parker = Parker::current();
        for capacity in 0..10 {
            let queue = LockedQueue::new(capacity);
            for n in 0..capacity {
                assert!(queue.put(n).is_ok());
            }
            assert!(matches!(queue.put(0), Err(PutError::Full(0))));
            let mut waiting = [(Some(capacity), None), (Some(capacity + 1), None)];
            for (message, spot) in &mut waiting {
                assert!(!queue.put_or_list(message, &parker, spot));
            }
            for n in 0..capacity + 2 {
                assert_eq!(queue.len(), capacity.min(capacity + 2 - n));
                assert!(matches!(queue.take(), TakeResult::Message(taken) if taken == n));
            }
            assert!(matches!(queue.take(), TakeResult::Nothing));
            for (message, spot) in &mut waiting {
                assert!(queue.put_or_list(message, &parker, spot) && message.is_none());
            }
        }
    }

    #[test]
    fn the_oldest_message_is_handed_over() {
        let (several, alone) = (
            std::thread::spawn(Parker::current).join().unwrap(),
            Parker::current(),
        );
        let queue = LockedQueue::new(1);
        let mut spots = [None; 2];
        let [at_several, at_alone] = &mut spots;
        let several = Listing {
            parker: several,
            selection: None,
            arm: 0,
        };
        let found = queue.take_or_list_select(&several, at_several);
        assert!(matches!(found, TakeResult::Nothing));
        let found = queue.take_or_list(&alone, at_alone);
        assert!(matches!(found, TakeResult::Nothing));
        // The first taker also waits for other channels, so it is only woken.
        assert!(queue.put('a').is_ok() && queue.put('b').is_ok() && queue.put('c').is_err());
        assert_eq!(queue.stop_taking(spots[1].unwrap()), Some('a'));
        assert!(matches!(queue.take(), TakeResult::Message('b')));
        assert!(matches!(queue.take(), TakeResult::Nothing));
    }
}
