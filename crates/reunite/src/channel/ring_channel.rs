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
//!
//! # Becoming a queue
//! A ring cannot keep room free for a message that does not exist yet, as a select that sends needs it. So when a select
//! sends into the channel for the first time, the channel becomes a [`LockedQueue`] for good. Under the lock `ending`,
//! which closing takes, too:
//!
//! 1. All messages are moved out of the ring ([`Ring::move_out`]), which is closed from then on.
//! 2. The queue with these messages is published.
//!
//! After that all listed threads are woken, as by closing. A thread that finds the ring closed takes the lock and so
//! waits for the end of step 2. If there is a queue then, it goes on there; otherwise the channel is closed. So nobody
//! can find the channel closed or empty because of the move, no message changes its place in the order, and a thread
//! that is listed after the wake-up tries once more by step (2) above, and finds the ring closed.

use std::collections::VecDeque;

use super::outcome::{PutError, TakeResult};
use super::position_guess::RingSide;
use super::queue::LockedQueue;
use super::ring::Ring;
use super::waiters::{WaitSpots, Waiters};
use crate::park::Parker;
use crate::primitive::{Mutex, OnceLock};
use crate::wait_queue::Spot;

pub(super) struct RingChannel<T> {
    ring: Ring<T>,
    putters: Waiters,
    takers: Waiters,
    /// The queue that the channel has become, if a select has sent into it.
    queue: OnceLock<LockedQueue<T>>,
    /// Held while the channel closes, or becomes a queue.
    ending: Mutex<()>,
}

impl<T> RingChannel<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            ring: Ring::new(capacity),
            putters: Waiters::new(),
            takers: Waiters::new(),
            queue: OnceLock::new(),
            ending: Mutex::new(()),
        }
    }

    /// Returns the queue that the channel has become, for a caller that has found the ring closed; `None` if the
    /// channel is closed.
    #[cold]
    fn queue(&self) -> Option<&LockedQueue<T>> {
        self.queue.get().or_else(|| {
            let _until_published = self.ending.lock();
            self.queue.get()
        })
    }

    /// Makes the channel a queue, unless it is one. Returns `None` if the channel is closed and never was one.
    pub(super) fn become_queue(&self) -> Option<&LockedQueue<T>> {
        if self.queue.get().is_none() {
            self.move_to_queue();
        }
        self.queue.get()
    }

    #[cold]
    fn move_to_queue(&self) {
        let ending = self.ending.lock();
        if !self.ring.is_closed() {
            let mut messages = VecDeque::new();
            self.ring.move_out(|message| messages.push_back(message));
            let queue = LockedQueue::with_messages(messages, self.capacity());
            let published = self.queue.set(queue);
            debug_assert!(published.is_ok(), "a ring is moved once");
        }
        drop(ending);
        self.wake_all();
    }

    fn wake_all(&self) {
        self.takers.wake_all();
        self.putters.wake_all();
    }

    #[inline]
    pub(super) fn put(&self, message: T) -> Result<(), PutError<T>> {
        match self.put_in_ring(message) {
            Ok(()) => Ok(()),
            Err(unsent) => self.put_in_queue(unsent),
        }
    }

    #[inline]
    fn put_in_ring(&self, message: T) -> Result<(), PutError<T>> {
        self.ring.put(message)?;
        self.takers.wake_one();
        Ok(())
    }

    /// Puts a message for which the ring is closed into the queue, if there is one.
    #[cold]
    fn put_in_queue(&self, unsent: PutError<T>) -> Result<(), PutError<T>> {
        let PutError::Closed(message) = unsent else {
            return Err(unsent);
        };
        match self.queue() {
            Some(queue) => queue.put(message),
            None => Err(PutError::Closed(message)),
        }
    }

    #[inline]
    pub(super) fn take(&self) -> TakeResult<T> {
        let found = self.take_from_ring();
        if let TakeResult::Message(_) = found {
            return found;
        }
        self.take_from_queue(found, LockedQueue::take)
    }

    #[inline]
    fn take_from_ring(&self) -> TakeResult<T> {
        let found = self.ring.take();
        if let TakeResult::Message(_) = found {
            self.putters.wake_one();
        }
        found
    }

    /// Takes from the queue, if there is one, after the ring was found closed.
    #[cold]
    fn take_from_queue(
        &self,
        found: TakeResult<T>,
        take: impl FnOnce(&LockedQueue<T>) -> TakeResult<T>,
    ) -> TakeResult<T> {
        match found {
            TakeResult::Closed => self.queue().map_or(TakeResult::Closed, take),
            found => found,
        }
    }

    /// Puts the message, or lists its sender. Returns true if the sender need not wait: the message was put (it is
    /// `None` then), or the channel is closed.
    pub(super) fn put_or_list(
        &self,
        message: &mut Option<T>,
        parker: &Parker,
        spots: &mut WaitSpots,
    ) -> bool {
        let put = |message: &mut Option<T>| match message.take().map(|it| self.put_in_ring(it)) {
            None | Some(Ok(())) => Some(true),
            Some(Err(PutError::Full(back))) => {
                *message = Some(back);
                Some(false)
            }
            Some(Err(PutError::Closed(back))) => {
                *message = Some(back);
                None
            }
        };
        let mut is_put = match self.queue.get() {
            Some(_) => None,
            None => put(message),
        };
        if is_put == Some(false) {
            self.putters.list(parker, &mut spots.in_list);
            is_put = put(message);
        }
        is_put.unwrap_or_else(|| {
            let queue = self.queue();
            queue.is_none_or(|queue| queue.put_or_list(message, parker, &mut spots.in_queue))
        })
    }

    /// Takes a message. If there is none, lists the receiver: in the ring's list, or by `list_in_queue` if the channel
    /// is a queue.
    pub(super) fn take_or_list(
        &self,
        parker: &Parker,
        spots: &mut WaitSpots,
        list_in_queue: impl FnOnce(&LockedQueue<T>, &mut Option<Spot>) -> TakeResult<T>,
    ) -> TakeResult<T> {
        let mut found = self.take_from_ring();
        if let TakeResult::Nothing = found {
            self.takers.list(parker, &mut spots.in_list);
            found = self.take_from_ring();
        }
        self.take_from_queue(found, |queue| list_in_queue(queue, &mut spots.in_queue))
    }

    /// Ends the wait of a sender, and takes back its message, unless it was put. If the sender was woken and there is
    /// room, wakes the next one.
    pub(super) fn stop_putting(&self, message: &mut Option<T>, spots: &WaitSpots) {
        if let Some(spot) = spots.in_list
            && !self.putters.remove(spot)
            && !self.ring.is_full()
        {
            self.putters.wake_one();
        }
        if let (Some(queue), Some(spot)) = (self.queue.get(), spots.in_queue) {
            queue.stop_putting(message, spot);
        }
    }

    /// Ends the wait of a receiver. Returns the message that it was handed, if any. If the receiver was woken and there
    /// is a message, wakes the next one.
    pub(super) fn stop_taking(&self, spots: &WaitSpots) -> Option<T> {
        if let Some(spot) = spots.in_list
            && !self.takers.remove(spot)
            && self.ring.len() > 0
        {
            self.takers.wake_one();
        }
        self.queue.get()?.stop_taking(spots.in_queue?)
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
        let ending = self.ending.lock();
        let queue = self.queue.get();
        if queue.is_none() {
            self.ring.close();
        }
        drop(ending);
        match queue {
            Some(queue) => queue.close(),
            None => self.wake_all(),
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.ring.is_closed() && self.queue().is_none_or(LockedQueue::is_closed)
    }

    pub(super) fn len(&self) -> usize {
        let len = self.ring.len();
        // If they are moved out only after that, they were all there.
        if !self.ring.is_moved() {
            return len;
        }
        self.queue().map_or(0, LockedQueue::len)
    }

    /// Returns true if the channel has no room that is free.
    pub(super) fn is_full(&self) -> bool {
        match self.queue.get() {
            Some(queue) => queue.is_full(),
            None => self.len() >= self.capacity(),
        }
    }

    pub(super) fn capacity(&self) -> usize {
        self.ring.capacity()
    }
}
