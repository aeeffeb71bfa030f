//! The state of a queue, under its lock. The protocol is at the top of [`super::queue`].

use std::collections::VecDeque;

use super::claims::{ClaimState, Claims};
use super::outcome::{Grant, PutError, TakeResult};
use super::selection::Listing;
use crate::park::Parker;
use crate::wait_queue::{Spot, WaitQueue};

pub(super) struct QueueState<T> {
    messages: VecDeque<T>,
    capacity: usize,
    /// The number of messages that selects have yet to put, for which there is room.
    promised: usize,
    putters: WaitQueue<(T, Parker)>,
    /// The selects that wait for room or, with capacity 0, for a taker. Spots of both lists are numbered in one order.
    select_putters: WaitQueue<Parker>,
    next_putter: Spot,
    /// The takers that wait for this channel alone (kind 1), and below those that also wait for others (kind 2). Spots
    /// of both lists are numbered in one order.
    single_takers: WaitQueue<Parker>,
    select_takers: WaitQueue<Listing>,
    next_taker: Spot,
    /// The messages that were handed to takers of kind 1, each at its taker's spot.
    handed: WaitQueue<T>,
    /// The takers that were claimed, and the messages that were handed to takers of kind 2.
    claims: Claims<T>,
    is_closed: bool,
}

impl<T> QueueState<T> {
    pub(super) fn new(messages: VecDeque<T>, capacity: usize) -> Self {
        Self {
            messages,
            capacity,
            promised: 0,
            putters: WaitQueue::new(),
            select_putters: WaitQueue::new(),
            next_putter: Spot::FIRST,
            single_takers: WaitQueue::new(),
            select_takers: WaitQueue::new(),
            next_taker: Spot::FIRST,
            handed: WaitQueue::new(),
            claims: Claims::new(),
            is_closed: false,
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn has_room(&self) -> bool {
        self.messages.len() + self.promised < self.capacity
    }

    /// Puts the message. Returns the parker of the taker to wake.
    #[inline]
    pub(super) fn put(&mut self, message: T) -> Result<Option<Parker>, PutError<T>> {
        if self.is_closed {
            return Err(PutError::Closed(message));
        }
        let Some((spot, taker)) = self.pop_to_hand() else {
            return self.store(message);
        };
        self.messages.push_back(message);
        if let Some(oldest) = self.messages.pop_front() {
            self.handed.push_back_at(spot, oldest);
        }
        Ok(Some(taker))
    }

    /// Puts a message that no taker of kind 1 waits for.
    #[inline]
    fn store(&mut self, message: T) -> Result<Option<Parker>, PutError<T>> {
        if self.has_room() {
            self.messages.push_back(message);
            return Ok(self.next_taker());
        }
        match self.choose_select() {
            None => Err(PutError::Full(message)),
            Some((spot, taker)) => {
                self.claims.add(spot, taker.clone(), Some(message));
                Ok(Some(taker))
            }
        }
    }

    /// Removes and returns the taker to which a message is handed: the first taker, if it waits for this channel alone;
    /// on a channel with capacity 0, the first one that waits for this channel alone. `None` if a putter is listed.
    #[inline]
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

    /// Chooses the first waiting select that receives from this channel, if the capacity is 0.
    fn choose_select(&mut self) -> Option<(Spot, Parker)> {
        if self.capacity > 0 || self.select_takers.is_empty() {
            return None;
        }
        let (spot, chosen) = self.select_takers.remove_first(Listing::choose)?;
        Some((spot, chosen.parker))
    }

    /// Lists a sender with its message. Returns the parker of the taker to wake.
    pub(super) fn list_putter(&mut self, message: T, parker: &Parker) -> (Spot, Option<Parker>) {
        let spot = self.next_putter;
        self.next_putter = spot.next();
        self.putters.push_back_at(spot, (message, parker.clone()));
        // Messages in the queue have woken takers already. A taker of kind 2 finds this message among the putters.
        let taker = self
            .messages
            .is_empty()
            .then(|| self.next_taker())
            .flatten();
        (spot, taker)
    }

    pub(super) fn is_putter(&self, spot: Spot) -> bool {
        self.putters.contains(spot)
    }

    pub(super) fn remove_putter(&mut self, spot: Spot) -> Option<T> {
        self.putters.remove(spot).map(|(message, _)| message)
    }

    /// Promises room for a message to a select, or claims a taker for it.
    pub(super) fn promise(&mut self) -> Option<Grant> {
        if self.is_closed {
            return Some(Grant::Closed);
        }
        if self.capacity > 0 {
            let has_room = self.has_room();
            self.promised += usize::from(has_room);
            return has_room.then_some(Grant::Room);
        }
        let (spot, taker) = self.pop_to_hand().or_else(|| self.choose_select())?;
        self.claims.add(spot, taker, None);
        Some(Grant::Taker(spot))
    }

    /// Puts the message for which there was a promise. Returns the parkers of the threads to wake: the taker, and the
    /// next sender, because a message that is handed over leaves the promised room free.
    ///
    /// # Errors
    /// Returns the message if the channel was closed meanwhile, or if the claimed taker has withdrawn and there is no
    /// other.
    pub(super) fn keep(
        &mut self,
        grant: Grant,
        message: T,
    ) -> Result<[Option<Parker>; 2], PutError<T>> {
        match grant {
            Grant::Closed => Err(PutError::Closed(message)),
            Grant::Taker(spot) => match self.claims.hand(spot, message) {
                Ok(taker) => Ok([Some(taker), None]),
                Err(message) => Ok([self.put(message)?, None]),
            },
            Grant::Room => {
                self.promised -= 1;
                let taker = self.put(message)?;
                Ok([taker, self.refill()])
            }
        }
    }

    /// Takes back a promise. Returns the parker of the thread to wake.
    pub(super) fn break_promise(&mut self, grant: Grant) -> Option<Parker> {
        match grant {
            Grant::Closed => None,
            Grant::Taker(spot) => self.claims.release(spot),
            Grant::Room => {
                self.promised -= 1;
                self.refill()
            }
        }
    }

    /// Lists a select that waits to send, unless it is still listed at its spot.
    pub(super) fn list_select_putter(&mut self, parker: &Parker, spot: &mut Option<Spot>) {
        if !spot.is_some_and(|spot| self.select_putters.contains(spot)) {
            self.select_putters
                .push_back_at(self.next_putter, parker.clone());
            *spot = Some(self.next_putter);
            self.next_putter = self.next_putter.next();
        }
    }

    /// Removes a select that does not wait to send any more. If it was woken, returns the parker of the next sender, if
    /// there is room or a taker for it. The select may have been woken after its own promise, so that is also necessary
    /// if it has one.
    pub(super) fn remove_select_putter(&mut self, spot: Spot) -> Option<Parker> {
        if self.select_putters.remove(spot).is_some() {
            None
        } else if self.capacity > 0 {
            self.refill()
        } else if self.single_takers.is_empty() && self.select_takers.is_empty() {
            None
        } else {
            self.select_putters.pop_front()
        }
    }

    /// Removes the first select that waits to send into a channel with capacity 0, other than the caller's own, and
    /// returns its parker: there is a taker for it.
    pub(super) fn next_select_putter(&mut self, own: &Parker) -> Option<Parker> {
        if self.capacity > 0 || self.select_putters.is_empty() {
            return None;
        }
        let (_, parker) = self.select_putters.remove_first(|it| !it.is_same(own))?;
        Some(parker)
    }

    pub(super) fn next_taker(&mut self) -> Option<Parker> {
        match (self.single_takers.front(), self.select_takers.front()) {
            (Some((alone, _)), Some((several, _))) if several < alone => self.pop_select_taker(),
            (Some(_), _) => self.single_takers.pop_front(),
            (None, _) => self.pop_select_taker(),
        }
    }

    fn pop_select_taker(&mut self) -> Option<Parker> {
        self.select_takers.pop_front().map(|taker| taker.parker)
    }

    /// Lists a taker of kind 1, unless it is still listed at its spot.
    pub(super) fn list_single(&mut self, parker: &Parker, spot: &mut Option<Spot>) {
        if !spot.is_some_and(|spot| self.single_takers.contains(spot)) {
            self.single_takers
                .push_back_at(self.next_taker, parker.clone());
            *spot = Some(self.next_taker);
            self.next_taker = self.next_taker.next();
        }
    }

    /// Lists a taker of kind 2, unless it is still listed at its spot.
    pub(super) fn list_select(&mut self, taker: &Listing, spot: &mut Option<Spot>) {
        if !spot.is_some_and(|spot| self.select_takers.contains(spot)) {
            self.select_takers
                .push_back_at(self.next_taker, taker.clone());
            *spot = Some(self.next_taker);
            self.next_taker = self.next_taker.next();
        }
    }

    /// Removes a taker that does not wait any more from its list. If it was woken and there is still a message, returns
    /// the parker of the next one.
    pub(super) fn leave_takers(&mut self, spot: Spot) -> Option<Parker> {
        let is_listed =
            self.single_takers.remove(spot).is_some() || self.select_takers.remove(spot).is_some();
        if is_listed || (self.messages.is_empty() && self.putters.is_empty()) {
            None
        } else {
            self.next_taker()
        }
    }

    /// Returns what a taker was given while it waited at this spot.
    pub(super) fn look_handed(&mut self, spot: Spot) -> ClaimState<T> {
        match self.handed.remove(spot) {
            Some(message) => ClaimState::Handed(message),
            None => self.claims.look(spot),
        }
    }

    /// Removes a taker that does not wait any more. Returns the message that it was handed, if any, and the parkers of the
    /// threads to wake: a sender, and the next taker. If the taker was claimed in vain, takes a message.
    pub(super) fn stop_taking(&mut self, spot: Spot) -> (Option<T>, [Option<Parker>; 2]) {
        let (mut message, mut sender) = (self.handed.remove(spot), None);
        match self.claims.look(spot) {
            ClaimState::Free => {}
            ClaimState::Handed(handed) => message = Some(handed),
            ClaimState::Pending => {
                let _own = self.claims.release(spot);
                let (found, putter) = self.take();
                if let TakeResult::Message(found) = found {
                    message = Some(found);
                }
                sender = putter;
            }
        }
        (message, [sender, self.leave_takers(spot)])
    }

    /// Takes the next message. Also returns the parker of the sender that can go on because of that.
    #[inline]
    pub(super) fn take(&mut self) -> (TakeResult<T>, Option<Parker>) {
        if let Some(message) = self.messages.pop_front() {
            return (TakeResult::Message(message), self.refill());
        }
        // A closed channel accepts no more messages: its putters take theirs back.
        if self.is_closed {
            return (TakeResult::Closed, None);
        }
        match self.putters.pop_front() {
            Some((message, parker)) => (TakeResult::Message(message), Some(parker)),
            None => (TakeResult::Nothing, None),
        }
    }

    /// Gives room to the sender that has waited longest: moves the message of a putter into the queue. Returns the
    /// parker of the sender.
    #[inline]
    fn refill(&mut self) -> Option<Parker> {
        if self.is_closed || !self.has_room() {
            return None;
        }
        match (self.putters.front(), self.select_putters.front()) {
            (None, None) => None,
            (Some((plain, _)), select) if select.is_none_or(|(select, _)| plain < select) => {
                let (message, parker) = self.putters.pop_front()?;
                self.messages.push_back(message);
                Some(parker)
            }
            _ => self.select_putters.pop_front(),
        }
    }

    /// Closes the channel. Returns the parkers of all threads that wait.
    pub(super) fn close(&mut self) -> Vec<Parker> {
        self.is_closed = true;
        // The putters' messages stay listed until the putters take them back.
        let putters = self.putters.iter().map(|(_, parker)| parker.clone());
        let mut all: Vec<_> = putters.collect();
        all.extend(self.select_putters.take_all());
        all.extend(self.single_takers.take_all());
        all.extend(self.select_takers.take_all().map(|taker| taker.parker));
        all.extend(self.claims.release_pending());
        all
    }
}
