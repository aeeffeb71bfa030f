//! What the two ends of a channel share.
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
//! away without a message, though it was woken for one, wakes the next in its place.

use std::collections::VecDeque;
use std::panic::Location;

use super::lock::{Guard, Lock};
use crate::deadlock::{Object, On, Site};
use crate::park::Parker;
use crate::primitive::Arc;

/// Tells one wait from another.
pub(super) type Ticket = u64;

pub(super) struct Core<T> {
    made_at: &'static Location<'static>,
    state: Lock<State<T>>,
}

pub(super) struct State<T> {
    messages: VecDeque<T>,
    capacity: usize,
    putters: VecDeque<(Ticket, T, Parker)>,
    takers: VecDeque<(Ticket, Parker)>,
    next: Ticket,
    pub(super) senders: usize,
    pub(super) receivers: usize,
    closed: bool,
}

/// What a receiver finds.
pub(super) enum Found<T> {
    Message(T),
    Nothing,
    /// Nothing, and there never will be.
    Closed,
}

impl<T> Core<T> {
    pub(super) fn new(capacity: usize, made_at: &'static Location<'static>) -> Arc<Self> {
        let state = Lock::new(State {
            messages: VecDeque::new(),
            capacity,
            putters: VecDeque::new(),
            takers: VecDeque::new(),
            next: 0,
            senders: 1,
            receivers: 1,
            closed: false,
        });
        Arc::new(Self { made_at, state })
    }

    /// What a wait for this channel says about itself. Anybody may hold its other end.
    pub(super) fn site(&self, verb: &'static str, at: &'static Location<'static>) -> Site {
        Site {
            verb,
            object: Object::Made("a channel", self.made_at),
            at,
            on: On::Anyone,
        }
    }

    pub(super) fn lock(&self) -> Guard<'_, State<T>> {
        self.state.lock()
    }

    /// Closes the channel and wakes everybody.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let takers = std::mem::take(&mut state.takers);
        let putters: Vec<_> = state
            .putters
            .iter()
            .map(|(.., parker)| parker.clone())
            .collect();
        drop(state);
        takers.iter().for_each(|(_, parker)| parker.unpark());
        putters.iter().for_each(Parker::unpark);
    }

    /// Closes the channel and drops what it holds; returns how much that was.
    pub(super) fn close_now(&self) -> usize {
        self.close();
        let dropped = std::mem::take(&mut self.lock().messages);
        dropped.len()
    }
}

impl<T> State<T> {
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Gives the message to the channel if there is room; whom to wake.
    ///
    /// # Errors
    /// The message, if there is none.
    pub(super) fn put(&mut self, message: T) -> Result<Option<Parker>, T> {
        if self.messages.len() >= self.capacity {
            return Err(message);
        }
        self.messages.push_back(message);
        Ok(self.next_taker())
    }

    /// Leaves the message with its sender's parker; whom to wake.
    pub(super) fn wait_to_put(&mut self, message: T, parker: &Parker) -> (Ticket, Option<Parker>) {
        let ticket = self.ticket();
        self.putters.push_back((ticket, message, parker.clone()));
        // Of a channel that holds something, it waits for room, and the takers have been woken before.
        let taker = (self.capacity == 0).then(|| self.next_taker()).flatten();
        (ticket, taker)
    }

    pub(super) fn is_put(&self, ticket: Ticket) -> bool {
        !self.putters.iter().any(|(other, ..)| *other == ticket)
    }

    /// Takes the message of a sender back that gives up, unless it is sent.
    pub(super) fn take_back(&mut self, ticket: Ticket) -> Option<T> {
        let at = self
            .putters
            .iter()
            .position(|(other, ..)| *other == ticket)?;
        self.putters.remove(at).map(|(_, message, _)| message)
    }

    /// The next message; which sender has sent by that.
    pub(super) fn take(&mut self) -> (Found<T>, Option<Parker>) {
        let message = self.messages.pop_front();
        // A closed channel takes nothing more in: its putters have their messages back.
        let putter = if self.closed {
            None
        } else {
            self.putters.pop_front()
        };
        match (message, putter) {
            (Some(message), Some((_, next, parker))) => {
                self.messages.push_back(next);
                (Found::Message(message), Some(parker))
            }
            (None, Some((_, message, parker))) => (Found::Message(message), Some(parker)),
            (Some(message), None) => (Found::Message(message), None),
            (None, None) if self.closed => (Found::Closed, None),
            (None, None) => (Found::Nothing, None),
        }
    }

    /// Lists a receiver that found nothing, once.
    pub(super) fn wait_to_take(&mut self, ticket: &mut Option<Ticket>, parker: &Parker) {
        let mine = match *ticket {
            Some(mine) => mine,
            None => *ticket.insert(self.ticket()),
        };
        if !self.takers.iter().any(|(other, _)| *other == mine) {
            self.takers.push_back((mine, parker.clone()));
        }
    }

    /// Strikes a receiver off that waits no longer. If it was woken for a message that it leaves, the next
    /// is woken instead.
    pub(super) fn stop_taking(&mut self, ticket: Ticket) -> Option<Parker> {
        match self.takers.iter().position(|(other, _)| *other == ticket) {
            Some(at) => {
                self.takers.remove(at);
                None
            }
            None if self.messages.is_empty() && self.putters.is_empty() => None,
            None => self.next_taker(),
        }
    }

    fn next_taker(&mut self) -> Option<Parker> {
        self.takers.pop_front().map(|(_, parker)| parker)
    }

    fn ticket(&mut self) -> Ticket {
        self.next += 1;
        self.next
    }
}
