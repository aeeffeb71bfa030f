//! A channel whose messages are in a queue under a lock: for capacities of none and one, and for no limit. On one core
//! also for other small capacities.
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
//! 2. A taker that waits for several channels is only woken, because it could be handed messages by several of them. It
//!    tries again under the lock, and may find that another taker was faster.
//! 3. A channel with capacity 0 has no room in which a message could wait until a taker of kind 2 tries again. So its
//!    message is handed to the first taker of kind 1, even if takers of kind 2 are ahead of it. If there is no taker of
//!    kind 1, the sender becomes a putter (if it waits), and wakes the first taker of kind 2.
//!
//! A message is never handed over while an older one waits with a putter. No message waits while a taker sleeps: each
//! message is handed to a listed taker, or wakes one; and a taker that was woken and goes away without a message wakes
//! the next taker if there is still a message.

use std::collections::VecDeque;

use super::lock::{Guard, Lock};
use super::outcome::{PutError, TakeResult};
use crate::park::Parker;
use crate::wait_queue::{Spot, WaitQueue};

pub(super) struct LockedQueue<T> {
    state: Lock<QueueState<T>>,
}

struct QueueState<T> {
    messages: VecDeque<T>,
    capacity: usize,
    putters: WaitQueue<(T, Parker)>,
    /// The takers that wait for this channel alone (kind 1), and below those that also wait for others (kind 2). Spots
    /// of both lists are numbered in one order.
    single_takers: WaitQueue<Parker>,
    select_takers: WaitQueue<Parker>,
    next_taker: Spot,
    /// The messages that were handed to takers, each at its taker's spot.
    handed: WaitQueue<T>,
    is_closed: bool,
}

/// The channels for which a taker waits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum TakerScope {
    /// This channel only.
    ThisChannel,
    /// This channel and others.
    SeveralChannels,
}

impl<T> LockedQueue<T> {
    pub(super) fn new(capacity: usize) -> Self {
        let state = Lock::new(QueueState {
            messages: VecDeque::new(),
            capacity,
            putters: WaitQueue::new(),
            single_takers: WaitQueue::new(),
            select_takers: WaitQueue::new(),
            next_taker: Spot::FIRST,
            handed: WaitQueue::new(),
            is_closed: false,
        });
        Self { state }
    }

    fn lock(&self) -> Guard<'_, QueueState<T>> {
        self.state.lock()
    }

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
            let is_left = spot.is_some_and(|spot| state.putters.contains(spot));
            if !is_left {
                *spot = None;
            }
            return state.is_closed || !is_left;
        };
        let (is_over, taker) = match state.put(mine) {
            Ok(taker) => (true, taker),
            Err(PutError::Closed(mine)) => {
                *message = Some(mine);
                (true, None)
            }
            Err(PutError::Full(mine)) => {
                *spot = Some(state.putters.push_back((mine, parker.clone())));
                // On a channel with a capacity, the queue is full and its messages have woken takers already.
                let holds_nothing = state.capacity == 0;
                (false, holds_nothing.then(|| state.next_taker()).flatten())
            }
        };
        drop(state);
        wake(taker);
        is_over
    }

    /// Takes back the message of a sender that gives up, unless it was sent.
    pub(super) fn stop_putting(&self, message: &mut Option<T>, spot: Spot) {
        if message.is_none() {
            let left = self.lock().putters.remove(spot);
            *message = left.map(|(mine, _)| mine);
        }
    }

    pub(super) fn take(&self) -> TakeResult<T> {
        let (found, putter) = self.lock().take();
        wake(putter);
        found
    }

    /// Takes a message. If there is none, lists the receiver, unless it is still listed at its spot.
    pub(super) fn take_or_list(
        &self,
        parker: &Parker,
        waits: TakerScope,
        spot: &mut Option<Spot>,
    ) -> TakeResult<T> {
        let mut state = self.lock();
        if let Some(message) = spot.and_then(|spot| state.handed.remove(spot)) {
            *spot = None;
            return TakeResult::Message(message);
        }
        let (found, putter) = state.take();
        match &found {
            TakeResult::Nothing => state.list(parker, waits, spot),
            TakeResult::Message(_) | TakeResult::Closed => {
                let _listed = spot.take().and_then(|spot| state.remove(spot));
            }
        }
        drop(state);
        wake(putter);
        found
    }

    /// Removes a receiver that does not wait any more. Returns the message that it was handed, if any. If the receiver
    /// was woken and there is still a message, wakes the next taker.
    pub(super) fn stop_taking(&self, spot: Spot) -> Option<T> {
        let mut state = self.lock();
        let handed = state.handed.remove(spot);
        let next = match state.remove(spot) {
            Some(_) => None,
            None if state.messages.is_empty() && state.putters.is_empty() => None,
            None => state.next_taker(),
        };
        drop(state);
        wake(next);
        handed
    }

    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        let alone = state.single_takers.take_all();
        let takers = alone.chain(state.select_takers.take_all());
        // The putters' messages stay listed until the putters take them back.
        let putters: Vec<_> = state.putters.iter().map(|(_, it)| it.clone()).collect();
        drop(state);
        takers.chain(putters).for_each(|waiter| waiter.unpark());
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    pub(super) fn len(&self) -> usize {
        self.lock().messages.len()
    }
}

impl<T> QueueState<T> {
    /// Puts the message. Returns the parker of the taker to wake.
    fn put(&mut self, message: T) -> Result<Option<Parker>, PutError<T>> {
        if self.is_closed {
            return Err(PutError::Closed(message));
        }
        let Some((spot, taker)) = self.pop_to_hand() else {
            if self.messages.len() >= self.capacity {
                return Err(PutError::Full(message));
            }
            self.messages.push_back(message);
            return Ok(self.next_taker());
        };
        self.messages.push_back(message);
        if let Some(oldest) = self.messages.pop_front() {
            self.handed.push_back_at(spot, oldest);
        }
        Ok(Some(taker))
    }

    /// Removes and returns the taker to which a message is handed: the first taker, if it waits for this channel alone;
    /// on a channel with capacity 0, the first one that waits for this channel alone. `None` if a putter is listed.
    fn pop_to_hand(&mut self) -> Option<(Spot, Parker)> {
        let (spot, _) = self.single_takers.front()?;
        let is_first = self
            .select_takers
            .front()
            .is_none_or(|(other, _)| spot < other);
        if !self.putters.is_empty() || !(is_first || self.capacity == 0) {
            return None;
        }
        Some((spot, self.single_takers.pop_front()?))
    }

    fn next_taker(&mut self) -> Option<Parker> {
        match (self.single_takers.front(), self.select_takers.front()) {
            (Some((alone, _)), Some((several, _))) if several < alone => {
                self.select_takers.pop_front()
            }
            (Some(_), _) => self.single_takers.pop_front(),
            (None, _) => self.select_takers.pop_front(),
        }
    }

    fn list(&mut self, parker: &Parker, waits: TakerScope, spot: &mut Option<Spot>) {
        let takers = match waits {
            TakerScope::ThisChannel => &mut self.single_takers,
            TakerScope::SeveralChannels => &mut self.select_takers,
        };
        if !spot.is_some_and(|spot| takers.contains(spot)) {
            takers.push_back_at(self.next_taker, parker.clone());
            *spot = Some(self.next_taker);
            self.next_taker = self.next_taker.next();
        }
    }

    /// Removes a taker from its list. Returns its parker if it was still listed.
    fn remove(&mut self, spot: Spot) -> Option<Parker> {
        self.single_takers
            .remove(spot)
            .or_else(|| self.select_takers.remove(spot))
    }

    /// Takes the next message. Also returns the parker of the putter whose message was sent by that.
    fn take(&mut self) -> (TakeResult<T>, Option<Parker>) {
        let message = self.messages.pop_front();
        // A closed channel accepts no more messages: its putters take theirs back.
        let putter = if self.is_closed {
            None
        } else {
            self.putters.pop_front()
        };
        match (message, putter) {
            (Some(message), Some((next, parker))) => {
                self.messages.push_back(next);
                (TakeResult::Message(message), Some(parker))
            }
            (None, Some((message, parker))) => (TakeResult::Message(message), Some(parker)),
            (Some(message), None) => (TakeResult::Message(message), None),
            (None, None) if self.is_closed => (TakeResult::Closed, None),
            (None, None) => (TakeResult::Nothing, None),
        }
    }
}

fn wake(parker: Option<Parker>) {
    if let Some(parker) = parker {
        parker.unpark();
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::{LockedQueue, Parker, PutError, TakeResult, TakerScope};

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
        let found = queue.take_or_list(&several, TakerScope::SeveralChannels, at_several);
        assert!(matches!(found, TakeResult::Nothing));
        let found = queue.take_or_list(&alone, TakerScope::ThisChannel, at_alone);
        assert!(matches!(found, TakeResult::Nothing));
        // The first taker also waits for other channels, so it is only woken.
        assert!(queue.put('a').is_ok() && queue.put('b').is_ok() && queue.put('c').is_err());
        assert_eq!(queue.stop_taking(spots[1].unwrap()), Some('a'));
        assert!(matches!(queue.take(), TakeResult::Message('b')));
        assert!(matches!(queue.take(), TakeResult::Nothing));
    }
}
