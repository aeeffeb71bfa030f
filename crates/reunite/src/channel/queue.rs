//! The messages of a channel that holds few, none, or any number: a queue under a lock.
//!
//! # Protocol
//! All steps are made under one lock. A sender that finds no room leaves its message and its parker among the
//! *putters*. A receiver that takes a message moves the first putter's message into the room (or takes that message, if
//! the queue holds none), removes that putter and unparks it. So a putter that is no longer listed has sent, and a
//! putter that is still listed can take its message back: when it is cancelled, when its time is up, or when the
//! channel closes.
//!
//! A receiver that finds nothing leaves its parker among the *takers*. A sender that brings a message removes the first
//! taker and unparks it. If that taker waits for this channel alone, it is *handed* the oldest message: the message is
//! its own from then on, and its room is free for the next one. So two threads that take turns switch once in three
//! messages, and a channel that holds nothing passes a message on without a wait of its sender. A taker looks for a
//! handed message whenever it tries again, and when it gives up for any reason: if there is one, it has received. A
//! taker that waits for several channels could be handed more than it may take, so it is only woken; it tries again,
//! under the lock, and may find that another taker was faster. On a channel that holds nothing, a message passes by the
//! takers that wait for several channels, and is handed to the first one behind them that waits for this channel alone:
//! there is no room in which the message could wait until one of the former has tried again. If there is no such taker,
//! the sender becomes a putter (if it waits), and wakes the first taker that waits for several channels.
//!
//! A message is never handed over while an older one waits with a putter. No message waits while a taker sleeps: each
//! message is handed to a listed taker, or wakes one; and a taker that goes away after it was woken wakes the
//! next one in its place if there is still a message.

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
    /// Takers that wait for this channel alone, and those that wait for others, too. Their spots are in one order.
    single_takers: WaitQueue<Parker>,
    select_takers: WaitQueue<Parker>,
    next_taker: Spot,
    /// The messages handed to takers, at the spots of those.
    handed: WaitQueue<T>,
    is_closed: bool,
}

/// The channels for which a taker waits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum TakerScope {
    /// A message of this channel only.
    ThisChannel,
    /// A message of this channel or of others.
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

    /// Puts the message in, or leaves it with its sender's parker at a spot. Returns true if there is nothing more to
    /// wait for: the message is put, now or since it was left, or the channel is closed.
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
                // A channel with a capacity: the sender waits for room, and the takers were woken before.
                let holds_nothing = state.capacity == 0;
                (false, holds_nothing.then(|| state.next_taker()).flatten())
            }
        };
        drop(state);
        wake(taker);
        is_over
    }

    /// Takes back the message of a sender that gives up, unless it is sent.
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

    /// Takes a message; lists a receiver that finds none, unless it is still listed at its spot.
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

    /// Removes a receiver that no longer waits. Returns the message that it was handed, if any. If it was woken and
    /// leaves a message behind, the next taker is woken.
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
        // Their messages stay until the putters take them back.
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
    /// Returns the parker of the thread to wake.
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

    /// The taker that a message is handed to: the first one, if it waits for this channel alone; on a channel that
    /// holds nothing, the first one that does.
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

    /// Removes a taker from the list, if it is there.
    fn remove(&mut self, spot: Spot) -> Option<Parker> {
        self.single_takers
            .remove(spot)
            .or_else(|| self.select_takers.remove(spot))
    }

    /// The next message, and the parker of the sender that has sent by that.
    fn take(&mut self) -> (TakeResult<T>, Option<Parker>) {
        let message = self.messages.pop_front();
        // A closed channel takes nothing more in: its putters take their messages back.
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
    use super::{LockedQueue, Parker, TakeResult, TakerScope};

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
        // The first taker waits for other channels, too: it is only woken.
        assert!(queue.put('a').is_ok() && queue.put('b').is_ok() && queue.put('c').is_err());
        assert_eq!(queue.stop_taking(spots[1].unwrap()), Some('a'));
        assert!(matches!(queue.take(), TakeResult::Message('b')));
        assert!(matches!(queue.take(), TakeResult::Nothing));
    }
}
