//! The messages of a channel that holds few, none, or any number: a queue under a lock.
//!
//! # Protocol
//! All under one lock. A sender that finds no room leaves its message among the *putters*, and its parker; a
//! receiver that takes a message moves the first putter's into the room (or takes it, if nothing is held),
//! removes that putter and unparks it. So a putter that is no longer listed has sent, and one that still
//! is can take its message back: when it is cancelled, when its time is up, when the channel closes.
//!
//! A receiver that finds nothing leaves its parker among the *takers*. Whoever brings a message removes the first
//! taker and unparks it. If that one waits for this channel alone, it is *handed* the oldest message, which is its
//! own from then on, and leaves its room to the next: two threads in turns change places once in three messages, and
//! a channel that holds nothing passes one on without a wait of its sender. A taker looks for what it was handed
//! whenever it asks, and when it gives up, for whatever reason: then it has received. One that waits for several
//! channels could be handed more than it may take, so it is only woken; it asks again, under the lock, and may find
//! that another was faster. Of a channel that holds nothing, a message passes by those that wait for several, and is
//! handed to the first behind them that waits for this one alone: there is no room in which it could wait until one of
//! the former has asked again. If there is none, its sender becomes a putter, if it waits, and wakes the first of them.
//!
//! Nobody is handed a message while an older one waits with a putter. No message waits while a taker sleeps: each
//! is handed to a taker that was listed, or wakes it, and a taker that goes away though it was woken wakes the
//! next in its place if there is still a message.

use std::collections::VecDeque;

use super::lock::{Guard, Lock};
use super::outcome::{Found, Unsent};
use crate::park::Parker;

pub(super) struct Queue<T> {
    state: Lock<State<T>>,
}

struct State<T> {
    messages: VecDeque<T>,
    capacity: usize,
    putters: VecDeque<(T, Parker)>,
    takers: VecDeque<Taker>,
    handed: VecDeque<(Parker, T)>,
    is_closed: bool,
}

struct Taker {
    parker: Parker,
    /// It waits for nothing else.
    is_alone: bool,
}

impl<T> Queue<T> {
    pub(super) fn new(capacity: usize) -> Self {
        let state = Lock::new(State {
            messages: VecDeque::new(),
            capacity,
            putters: VecDeque::new(),
            takers: VecDeque::new(),
            handed: VecDeque::new(),
            is_closed: false,
        });
        Self { state }
    }

    fn lock(&self) -> Guard<'_, State<T>> {
        self.state.lock()
    }

    pub(super) fn put(&self, message: T) -> Result<(), Unsent<T>> {
        let taker = self.lock().put(message)?;
        wake(taker);
        Ok(())
    }

    /// Puts the message in, or leaves it with its sender's parker. Whether there is nothing more to wait for: it is
    /// put, now or since it was left, or the channel is closed.
    pub(super) fn put_or_list(&self, message: &mut Option<T>, parker: &Parker) -> bool {
        let mut state = self.lock();
        let Some(mine) = message.take() else {
            let mut left = state.putters.iter();
            return state.is_closed || !left.any(|(_, other)| other.is_same(parker));
        };
        let (is_over, taker) = match state.put(mine) {
            Ok(taker) => (true, taker),
            Err(Unsent::Closed(mine)) => {
                *message = Some(mine);
                (true, None)
            }
            Err(Unsent::Full(mine)) => {
                state.putters.push_back((mine, parker.clone()));
                // Of a channel that holds something, it waits for room, and the takers have been woken before.
                let holds_nothing = state.capacity == 0;
                (false, holds_nothing.then(|| state.next_taker()).flatten())
            }
        };
        drop(state);
        wake(taker);
        is_over
    }

    /// Takes the message of a sender back that gives up, unless it is sent.
    pub(super) fn stop_putting(&self, message: &mut Option<T>, parker: &Parker) {
        if message.is_none() {
            let putters = &mut self.lock().putters;
            let at = putters.iter().position(|(_, other)| other.is_same(parker));
            *message = at.and_then(|at| putters.remove(at)).map(|(mine, _)| mine);
        }
    }

    pub(super) fn take(&self) -> Found<T> {
        let (found, putter) = self.lock().take();
        wake(putter);
        found
    }

    /// Lists a receiver that finds nothing, once; whether it waits for this channel alone.
    pub(super) fn take_or_list(&self, parker: &Parker, is_alone: bool) -> Found<T> {
        let mut state = self.lock();
        if let Some(message) = state.handed_to(parker) {
            return Found::Message(message);
        }
        let (found, putter) = state.take();
        match (&found, state.place_of(parker)) {
            (Found::Nothing, None) => {
                let parker = parker.clone();
                state.takers.push_back(Taker { parker, is_alone });
            }
            (Found::Nothing, Some(_)) | (_, None) => {}
            (Found::Message(_) | Found::Closed, Some(place)) => drop(state.takers.remove(place)),
        }
        drop(state);
        wake(putter);
        found
    }

    /// Strikes a receiver off that waits no longer; what it was handed. If it was woken and leaves a message, the
    /// next is woken.
    pub(super) fn stop_taking(&self, parker: &Parker) -> Option<T> {
        let mut state = self.lock();
        let handed = state.handed_to(parker);
        let next = match state.place_of(parker) {
            Some(place) => {
                state.takers.remove(place);
                None
            }
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
        let takers = std::mem::take(&mut state.takers);
        // Their messages stay until they take them back.
        let putters: Vec<_> = state.putters.iter().map(|(_, it)| it.clone()).collect();
        drop(state);
        let takers = takers.iter().map(|taker| &taker.parker);
        takers.chain(&putters).for_each(Parker::unpark);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    pub(super) fn len(&self) -> usize {
        self.lock().messages.len()
    }
}

impl<T> State<T> {
    /// Whom to wake.
    fn put(&mut self, message: T) -> Result<Option<Parker>, Unsent<T>> {
        if self.is_closed {
            return Err(Unsent::Closed(message));
        }
        let Some(place) = self.place_of_handed() else {
            if self.messages.len() >= self.capacity {
                return Err(Unsent::Full(message));
            }
            self.messages.push_back(message);
            return Ok(self.next_taker());
        };
        self.messages.push_back(message);
        let taker = self.takers.remove(place).map(|taker| taker.parker);
        if let (Some(taker), Some(oldest)) = (&taker, self.messages.pop_front()) {
            self.handed.push_back((taker.clone(), oldest));
        }
        Ok(taker)
    }

    /// The place of the taker that a message is handed to: the first, if it waits for this channel alone; of a channel
    /// that holds nothing, the first that does.
    fn place_of_handed(&self) -> Option<usize> {
        if !self.putters.is_empty() {
            return None;
        }
        let first_alone = self.takers.iter().position(|taker| taker.is_alone);
        first_alone.filter(|place| *place == 0 || self.capacity == 0)
    }

    fn next_taker(&mut self) -> Option<Parker> {
        self.takers.pop_front().map(|taker| taker.parker)
    }

    fn place_of(&self, parker: &Parker) -> Option<usize> {
        let mut takers = self.takers.iter();
        takers.position(|taker| taker.parker.is_same(parker))
    }

    fn handed_to(&mut self, parker: &Parker) -> Option<T> {
        let mut handed = self.handed.iter();
        let place = handed.position(|(taker, _)| taker.is_same(parker))?;
        self.handed.remove(place).map(|(_, message)| message)
    }

    /// The next message; which sender has sent by that.
    fn take(&mut self) -> (Found<T>, Option<Parker>) {
        let message = self.messages.pop_front();
        // A closed channel takes nothing more in: its putters have their messages back.
        let putter = if self.is_closed {
            None
        } else {
            self.putters.pop_front()
        };
        match (message, putter) {
            (Some(message), Some((next, parker))) => {
                self.messages.push_back(next);
                (Found::Message(message), Some(parker))
            }
            (None, Some((message, parker))) => (Found::Message(message), Some(parker)),
            (Some(message), None) => (Found::Message(message), None),
            (None, None) if self.is_closed => (Found::Closed, None),
            (None, None) => (Found::Nothing, None),
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
    use super::{Found, Parker, Queue};

    #[test]
    fn the_oldest_message_is_handed_over() {
        let (several, alone) = (
            std::thread::spawn(Parker::here).join().unwrap(),
            Parker::here(),
        );
        let queue = Queue::new(1);
        assert!(matches!(
            queue.take_or_list(&several, false),
            Found::Nothing
        ));
        assert!(matches!(queue.take_or_list(&alone, true), Found::Nothing));
        // The first only wakes the one that may take another channel's.
        assert!(queue.put('a').is_ok() && queue.put('b').is_ok() && queue.put('c').is_err());
        assert_eq!(queue.stop_taking(&alone), Some('a'));
        assert!(matches!(queue.take(), Found::Message('b')));
        assert!(matches!(queue.take(), Found::Nothing));
    }
}
