//! A ring of slots: a queue with a fixed capacity, without a lock.
//!
//! # States
//! A *position* consists of the index of a slot and the number of the round through the ring. `tail` is the position of
//! the next put, `head` that of the next take. The lowest bit of `tail` is [`CLOSED`]. Each slot has a *stamp*:
//! - the position for which the slot is *free*, or
//! - that position with [`FILLED`]: the slot holds the message of that position.
//!
//! # Access rules
//! 1. A thread that finds the slot at `tail` free for `tail`, and moves `tail` on from there, has the slot alone. It
//!    writes the message, then stamps the slot filled.
//! 2. A thread that finds the slot at `head` filled for `head`, and moves `head` on from there, has the slot alone. It
//!    reads the message, then stamps the slot free for the next round.
//! 3. A stamp is stored with release and read with acquire, so a thread that has the slot by rule 1 or 2 sees what the
//!    thread before it did to the message.
//! 4. A thread that changes `head` to [`MOVED`] after `tail` was closed has all slots from the old `head` to `tail`
//!    alone. Those that are not stamped filled yet will be, by rule 1.
//!
//! # Protocol
//! Only `head` and `tail` tell whether there is a message or room. If the stamp of a slot is older than that, a thread
//! is between moving `tail` or `head` and storing the stamp. That takes a few instructions, and other threads wait for
//! it. So a put that has returned is found by every take that begins after it, and a ring is never reported full or
//! empty while it is neither. Both words only grow, so if `head` is read after `tail` and is a whole round behind, the
//! ring was full at that moment, however old `tail` was; the same holds the other way round for empty.
//!
//! `tail` also tells whether the ring is closed, so no put can succeed after the closing, nor a take find the end
//! before it.
//!
//! A ring can be emptied for good: see [`Ring::move_out`]. It is closed first, so `tail` is final. Then `head` becomes
//! [`MOVED`] in one step, and by rule 4 no take gets another message.
//!
//! The moves of `head` and `tail`, and the reads that find the ring full, empty or closed, are sequentially consistent.
//! The waiting around the ring (`channel::ring_channel`) relies on that.
//!
//! A thread that has just made a step may begin with a guess: that no other thread has made a step since
//! ([`super::position_guess`]). A guess may be wrong, or belong to another ring. Then the slot has another stamp, or
//! the exchange of `tail` (or `head`) fails. If the exchange succeeds, the word had the guessed value, as if it had
//! been read. Whether the ring is full, empty or closed is decided by positions that were read, never by a guess.
//!
//! After D. Vyukov's bounded queue for many producers and consumers (1024cores.net), with the two words of a position
//! in one, so that a ring of one slot can distinguish full from free for the next round.

use std::mem::MaybeUninit;

use super::backoff::Backoff;
use super::outcome::{PutError, TakeResult};
use super::position_guess::RingSide;
use crate::primitive::{AtomicUsize, Ordering, UnsafeCell};

/// The bit of a stamp that means: the slot holds the message of that position.
const FILLED: usize = 1;
/// The bit of `tail` that means: nothing more is put.
const CLOSED: usize = 1;
/// The value of `head` after all messages were moved out. Positions are even, so none has this value.
const MOVED: usize = usize::MAX;
/// The distance from a position to the next in the same round. The bit below it is [`FILLED`] or [`CLOSED`].
const STEP: usize = 2;

pub(super) struct Ring<T> {
    head: Position,
    tail: Position,
    slots: Box<[Slot<T>]>,
    /// The distance from a position to that of the same slot in the next round: a power of two.
    round: usize,
}

/// A word on cache lines of its own: takers write `head`, putters write `tail`.
#[repr(align(128))]
struct Position(AtomicUsize);

/// A step that a thread is about to make.
struct RingStep {
    of: RingSide,
    at: usize,
    /// True if the thread has not read the word: only the success of the exchange proves that the word is at `at`.
    is_guess: bool,
}

impl RingStep {
    #[inline]
    fn next(of: RingSide, word: &Position) -> Self {
        let guess = of.guess();
        Self {
            of,
            at: guess.unwrap_or_else(|| word.0.load(Ordering::Relaxed)),
            is_guess: guess.is_some(),
        }
    }

    #[inline]
    fn look(&mut self, word: &Position) {
        self.set(word.0.load(Ordering::Relaxed));
    }

    #[inline]
    fn set(&mut self, at: usize) {
        self.at = at;
        self.is_guess = false;
    }
}

struct Slot<T> {
    stamp: AtomicUsize,
    message: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: by rules 1 and 2 a message is written by one thread and read by one other, each alone, so it is only sent.
unsafe impl<T: Send> Sync for Ring<T> {}

impl<T> Ring<T> {
    /// Makes a ring for `capacity` messages, at least one.
    pub(super) fn new(capacity: usize) -> Self {
        let free = |slot| Slot {
            stamp: AtomicUsize::new(slot * STEP),
            message: UnsafeCell::new(MaybeUninit::uninit()),
        };
        Self {
            head: Position(AtomicUsize::new(0)),
            tail: Position(AtomicUsize::new(0)),
            slots: (0..capacity).map(free).collect(),
            round: capacity.next_power_of_two() * STEP,
        }
    }

    /// Returns the slot of a position; `None` for a position of another ring that has no slot here.
    #[inline]
    fn slot(&self, position: usize) -> Option<&Slot<T>> {
        self.slots.get(self.index(position))
    }

    #[inline]
    fn index(&self, position: usize) -> usize {
        (position & (self.round - 1)) / STEP
    }

    #[inline]
    fn after(&self, position: usize) -> usize {
        if self.index(position) + 1 < self.slots.len() {
            position + STEP
        } else {
            self.next_round(position)
        }
    }

    /// Out of line, so that on the usual path only one addition precedes the exchange of the word.
    #[cold]
    fn next_round(&self, position: usize) -> usize {
        (position & !(self.round - 1)).wrapping_add(self.round)
    }

    /// # Errors
    /// Returns the message if there is no room or the ring is closed.
    #[inline]
    pub(super) fn put(&self, message: T) -> Result<(), PutError<T>> {
        let mut patience = Backoff::new();
        let mut step = RingStep::next(RingSide::Put, &self.tail);
        loop {
            let tail = step.at;
            if tail & CLOSED != 0 {
                return Err(PutError::Closed(message));
            }
            match self.slot(tail) {
                Some(slot) if slot.stamp.load(Ordering::Acquire) == tail => {
                    match self.make(&step, &self.tail) {
                        Ok(()) => {
                            // SAFETY: rule 1: this thread moved `tail` on from here, so it has the slot alone until it
                            // stamps it; the slot's last message was read before the slot was stamped free (rules 2 and
                            // 3).
                            unsafe { (*slot.message.get()).write(message) };
                            slot.stamp.store(tail | FILLED, Ordering::Release);
                            return Ok(());
                        }
                        Err(now) => step.set(now),
                    }
                }
                _ if step.is_guess => step.look(&self.tail),
                _ if self.head.0.load(Ordering::SeqCst).wrapping_add(self.round) == tail => {
                    return Err(PutError::Full(message));
                }
                _ => {
                    patience.pause();
                    step.look(&self.tail);
                }
            }
        }
    }

    #[inline]
    pub(super) fn take(&self) -> TakeResult<T> {
        let mut patience = Backoff::new();
        let mut step = RingStep::next(RingSide::Take, &self.head);
        loop {
            let head = step.at;
            match self.slot(head) {
                Some(slot) if slot.stamp.load(Ordering::Acquire) == head | FILLED => {
                    match self.make(&step, &self.head) {
                        Ok(()) => {
                            // SAFETY: rule 2: this thread moved `head` on from here, so it has the slot alone until it
                            // stamps it.
                            let place = unsafe { &*slot.message.get() };
                            // SAFETY: rules 1 and 3: the slot was stamped filled after its message was written. Rule 2:
                            // it is read only once.
                            let message = unsafe { place.assume_init_read() };
                            let free = head.wrapping_add(self.round);
                            slot.stamp.store(free, Ordering::Release);
                            return TakeResult::Message(message);
                        }
                        Err(now) => step.set(now),
                    }
                }
                _ if step.is_guess => step.look(&self.head),
                _ if head == MOVED => return TakeResult::Closed,
                _ => {
                    let tail = self.tail.0.load(Ordering::SeqCst);
                    if tail == head {
                        return TakeResult::Nothing;
                    } else if tail == head | CLOSED {
                        return TakeResult::Closed;
                    }
                    patience.pause();
                    step.look(&self.head);
                }
            }
        }
    }

    /// Moves the word on from the position of the step.
    ///
    /// # Errors
    /// Returns where the word is now, if another thread was faster or the step was guessed wrong.
    #[inline]
    fn make(&self, step: &RingStep, word: &Position) -> Result<(), usize> {
        let (from, to) = (step.at, self.after(step.at));
        word.0
            .compare_exchange_weak(from, to, Ordering::SeqCst, Ordering::Relaxed)
            .map(|_| step.of.record_step(from, to))
    }

    pub(super) fn close(&self) {
        self.tail.0.fetch_or(CLOSED, Ordering::SeqCst);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.tail.0.load(Ordering::SeqCst) & CLOSED != 0
    }

    /// Closes the ring, and gives all messages that it holds to `keep`, in their order. Every take that begins later,
    /// or that has not taken a message yet, finds the ring closed and empty.
    pub(super) fn move_out(&self, mut keep: impl FnMut(T)) {
        self.close();
        let tail = self.tail.0.load(Ordering::SeqCst) & !CLOSED;
        let mut at = self.head.0.swap(MOVED, Ordering::SeqCst);
        while at != MOVED && at != tail {
            let slot = &self.slots[self.index(at)];
            let mut patience = Backoff::new();
            while slot.stamp.load(Ordering::Acquire) != at | FILLED {
                patience.pause();
            }
            // SAFETY: rule 4: this thread changed `head` to `MOVED`, so it has the slot alone.
            let place = unsafe { &*slot.message.get() };
            // SAFETY: rules 1 and 3: the slot was stamped filled after its message was written. It is read only here:
            // no take gets a slot while `head` is `MOVED`, and a second call finds `MOVED`.
            keep(unsafe { place.assume_init_read() });
            at = self.after(at);
        }
    }

    /// Returns true if all messages were moved out.
    pub(super) fn is_moved(&self) -> bool {
        self.head.0.load(Ordering::SeqCst) == MOVED
    }

    /// The number of messages that are put and not taken. None are left after they were moved out.
    pub(super) fn len(&self) -> usize {
        loop {
            let tail = self.tail.0.load(Ordering::SeqCst) & !CLOSED;
            let head = self.head.0.load(Ordering::SeqCst);
            if head == MOVED {
                return 0;
            }
            // Both words had these values at the same moment.
            if self.tail.0.load(Ordering::SeqCst) & !CLOSED == tail {
                return match self.index(tail).checked_sub(self.index(head)) {
                    Some(0) if head != tail => self.slots.len(),
                    Some(between) => between,
                    None => self.slots.len() - (self.index(head) - self.index(tail)),
                };
            }
        }
    }

    pub(super) fn capacity(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() == self.capacity()
    }

    fn drop_messages(&self) {
        while let TakeResult::Message(message) = self.take() {
            drop(message);
        }
    }
}

impl<T> Drop for Ring<T> {
    fn drop(&mut self) {
        struct DropRest<'a, T>(&'a Ring<T>);

        impl<T> Drop for DropRest<'_, T> {
            fn drop(&mut self) {
                self.0.drop_messages();
            }
        }

        // If the destructor of a message panics, this drops the other messages.
        let rest = DropRest(self);
        rest.0.drop_messages();
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use std::collections::VecDeque;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Arc;

    use super::*;

    /// The ring does what a plain queue does.
    #[test]
    fn it_is_a_queue_of_so_many_messages() {
        for capacity in 1..10 {
            let (ring, mut queue) = (Ring::new(capacity), VecDeque::new());
            for step in 0..500_usize {
                // The ring becomes fuller and emptier in turns, each time at another place.
                if step * step / 7 % 11 < 3 + step / 30 % 6 {
                    let is_put = ring.put(Arc::new(step)).is_ok();
                    assert_eq!(is_put, queue.len() < capacity);
                    queue.extend(is_put.then_some(step));
                } else {
                    match ring.take() {
                        TakeResult::Message(message) => {
                            assert_eq!(Some(*message), queue.pop_front())
                        }
                        TakeResult::Nothing => assert!(queue.is_empty()),
                        TakeResult::Closed => panic!("it is open"),
                    }
                }
                assert_eq!(ring.len(), queue.len());
                assert_eq!(ring.is_full(), queue.len() == capacity);
            }
            ring.close();
            assert!(matches!(ring.put(Arc::new(0)), Err(PutError::Closed(_))));
            assert_eq!(ring.len(), queue.len());
            while let TakeResult::Message(message) = ring.take() {
                assert_eq!(Some(*message), queue.pop_front());
            }
            assert!(queue.is_empty() && matches!(ring.take(), TakeResult::Closed));
        }
    }

    /// A thread guesses its next step from its last one, whichever ring that was in.
    #[test]
    fn a_thread_that_changes_rings_finds_each_as_it_left_it() {
        for steps in [RingSide::Put, RingSide::Take] {
            steps.set_shares_core(true);
        }
        let rings = [1, 2, 3, 5, 8, 100].map(Ring::new);
        let put = |ring: &Ring<_>, count| {
            for n in 0..count {
                assert!(ring.put(n).is_ok());
            }
        };
        let take = |ring: &Ring<_>, count| {
            for n in 0..count {
                assert!(matches!(ring.take(), TakeResult::Message(taken) if taken == n));
            }
        };
        for (at, one) in rings.iter().enumerate() {
            for other in rings[..at].iter().chain(&rings[at + 1..]) {
                for _ in 0..=one.capacity() {
                    // More than two steps in one ring: from the third on, the thread guesses.
                    let some = one.capacity().min(3);
                    put(one, some);
                    put(other, other.capacity());
                    assert!(matches!(other.put(0), Err(PutError::Full(_))));
                    take(one, some);
                    assert!(matches!(one.take(), TakeResult::Nothing));
                    take(other, other.capacity());
                    assert!(matches!(other.take(), TakeResult::Nothing));
                }
            }
        }
        for ring in rings {
            ring.close();
            assert!(matches!(ring.put(0), Err(PutError::Closed(_))));
            assert!(matches!(ring.take(), TakeResult::Closed));
        }
    }

    /// Messages are moved out while others are taken: each taker, and the mover, sees them in their order, and the mover
    /// has the last ones.
    #[test]
    fn the_messages_are_moved_out_once_and_in_order() {
        for round in 0..200 {
            let ring = Ring::new(1 + round % 7);
            let (moved, taken, put) = std::thread::scope(|s| {
                let putter = s.spawn(|| {
                    let (mut n, mut patience) = (0, Backoff::new());
                    loop {
                        match ring.put(Box::new(n)) {
                            Ok(()) => n += 1,
                            Err(PutError::Full(_)) => patience.pause(),
                            Err(PutError::Closed(_)) => return n,
                        }
                    }
                });
                let taker = s.spawn(|| {
                    let (mut taken, mut patience) = (Vec::new(), Backoff::new());
                    loop {
                        match ring.take() {
                            TakeResult::Message(message) => taken.push(*message),
                            TakeResult::Nothing => patience.pause(),
                            TakeResult::Closed => return taken,
                        }
                    }
                });
                let mut patience = Backoff::new();
                while ring.tail.0.load(Ordering::SeqCst) < 20 * STEP {
                    patience.pause();
                }
                let mut moved = Vec::new();
                ring.move_out(|message| moved.push(*message));
                ring.move_out(|_| panic!("they were moved out"));
                assert!(ring.is_moved() && ring.is_closed() && ring.len() == 0);
                (moved, taker.join().unwrap(), putter.join().unwrap())
            });
            assert!(taken.into_iter().chain(moved).eq(0..put));
        }
    }

    #[test]
    fn what_is_left_is_dropped_with_it_once() {
        let message = Arc::new(());
        let ring = Ring::new(3);
        for _ in 0..2 {
            assert!(ring.put(Arc::clone(&message)).is_ok());
        }
        drop(ring.take());
        assert!(ring.put(Arc::clone(&message)).is_ok());
        assert_eq!(Arc::strong_count(&message), 3);
        drop(ring);
        assert_eq!(Arc::strong_count(&message), 1);
    }

    #[test]
    fn a_message_whose_destructor_panics_does_not_keep_the_others() {
        struct Message {
            panics: bool,
            _counted: Arc<()>,
        }
        impl Drop for Message {
            fn drop(&mut self) {
                if self.panics {
                    std::panic::resume_unwind(Box::new("dropped"));
                }
            }
        }

        for capacity in 3..10 {
            for panicking in 0..3 {
                let counted = Arc::new(());
                let ring = Ring::new(capacity);
                for n in 0..3 {
                    let message = Message {
                        panics: n == panicking,
                        _counted: Arc::clone(&counted),
                    };
                    assert!(ring.put(message).is_ok());
                }
                let dropped = catch_unwind(AssertUnwindSafe(|| drop(ring)));
                assert!(dropped.is_err());
                assert_eq!(Arc::strong_count(&counted), 1);
            }
        }
    }

    /// The messages of each putter arrive in its order, each once.
    #[test]
    fn many_at_once_lose_and_double_nothing() {
        // Few: if other programs use the processors, each message may take a switch of threads and a wait for a time
        // slice.
        const EACH: usize = 1_000;
        for capacity in [1, 2, 5, 64] {
            let ring = Ring::new(capacity);
            let insist = |mut message| {
                let mut patience = Backoff::new();
                while let Err(PutError::Full(back)) = ring.put(message) {
                    message = back;
                    patience.pause();
                }
            };
            let taken = std::thread::scope(|s| {
                let takers = [(); 3].map(|()| {
                    s.spawn(|| {
                        let mut taken = Vec::new();
                        let mut patience = Backoff::new();
                        loop {
                            match ring.take() {
                                TakeResult::Message(message) => taken.push(message),
                                TakeResult::Nothing => patience.pause(),
                                TakeResult::Closed => return taken,
                            }
                        }
                    })
                });
                let putters = [0, 1, 2].map(|putter| {
                    s.spawn(move || (0..EACH).for_each(|n| insist((putter, Box::new(n)))))
                });
                for putter in putters {
                    putter.join().unwrap();
                }
                ring.close();
                takers.map(|taker| taker.join().unwrap())
            });
            for part in &taken {
                for putter in 0..3 {
                    let its = part.iter().filter(|(of, _)| *of == putter);
                    assert!(its.is_sorted_by_key(|(_, n)| **n));
                }
            }
            let mut all = taken.concat();
            all.sort_unstable();
            assert!(
                all.into_iter()
                    .eq((0..3).flat_map(|of| (0..EACH).map(move |n| (of, Box::new(n)))))
            );
        }
    }
}
