//! The messages of a channel that holds few, none, or any number: a queue under a lock.
//!
//! # Protocol
//! All under one lock. A sender that finds no room leaves its message among the *putters*, and its parker; a
//! receiver that takes a message moves the first putter's into the room (or takes it, if nothing is held),
//! removes that putter and unparks it. So a putter that is no longer listed has sent, and one that still
//! is can take its message back: when it is cancelled, when its time is up, when the channel closes.
//!
//! A receiver that finds nothing leaves its parker among the *takers*. Whoever brings a message removes one
//! taker and unparks it; that one asks again, under the lock, and may find that another was faster. No
//! message waits while a taker sleeps: each message wakes one taker that was listed, and a taker that goes
//! away though it was woken wakes the next in its place if there is still a message.

use std::collections::VecDeque;

use super::core::{Found, Unsent};
use super::lock::{Guard, Lock};
use crate::park::Parker;

pub(super) struct Queue<T> {
    state: Lock<State<T>>,
}

struct State<T> {
    messages: VecDeque<T>,
    capacity: usize,
    putters: VecDeque<(T, Parker)>,
    takers: VecDeque<Parker>,
    is_closed: bool,
}

impl<T> Queue<T> {
    pub(super) fn new(capacity: usize) -> Self {
        let state = Lock::new(State {
            messages: VecDeque::new(),
            capacity,
            putters: VecDeque::new(),
            takers: VecDeque::new(),
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
                (
                    false,
                    holds_nothing.then(|| state.takers.pop_front()).flatten(),
                )
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

    pub(super) fn take_or_list(&self, parker: &Parker) -> Found<T> {
        let mut state = self.lock();
        let (found, putter) = state.take();
        if let Found::Nothing = found
            && !state.takers.iter().any(|other| other.is_same(parker))
        {
            state.takers.push_back(parker.clone());
        }
        drop(state);
        wake(putter);
        found
    }

    /// Strikes a receiver off that waits no longer. If it was woken and leaves a message, the next is woken.
    pub(super) fn stop_taking(&self, parker: &Parker) {
        let mut state = self.lock();
        let at = state.takers.iter().position(|other| other.is_same(parker));
        let next = match at {
            Some(at) => {
                state.takers.remove(at);
                None
            }
            None if state.messages.is_empty() && state.putters.is_empty() => None,
            None => state.takers.pop_front(),
        };
        drop(state);
        wake(next);
    }

    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        let takers = std::mem::take(&mut state.takers);
        // Their messages stay until they take them back.
        let putters: Vec<_> = state.putters.iter().map(|(_, it)| it.clone()).collect();
        drop(state);
        takers.iter().chain(&putters).for_each(Parker::unpark);
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
        if self.messages.len() >= self.capacity {
            return Err(Unsent::Full(message));
        }
        self.messages.push_back(message);
        Ok(self.takers.pop_front())
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
