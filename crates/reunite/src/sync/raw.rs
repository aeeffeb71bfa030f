//! The lock below [`Mutex`](super::Mutex) and [`OnceCell`](super::OnceCell): one thread at a time holds it.
//!
//! # States
//! One byte of three bits:
//! - `LOCKED`: a thread holds the lock.
//! - `CONTENDED`: a thread queues, or did a moment ago.
//! - `POISONED`: a thread panicked while holding it.
//!
//! Taking the lock is one compare-and-swap while no thread queues; releasing it is one subtraction, which also tells
//! whether a thread queues.
//!
//! # Protocol
//! 1. A thread that finds the lock held takes the queue's lock, raises `CONTENDED`, and learns by the same atomic
//!    operation whether the lock is still held. If so, it stores its parker in the queue. So either the thread sees
//!    the release, or the release sees `CONTENDED` and comes to the queue after the thread.
//! 2. A release takes the first thread out of the queue and unparks it. The woken thread tries again, and goes back
//!    to the front of the queue if another thread was faster.
//! 3. `CONTENDED` is lowered only under the queue's lock, and only when the queue is empty.
//! 4. A thread that gives up leaves the queue. If it is no longer in the queue, it was woken by a release, and wakes
//!    the next thread instead.

use std::panic::Location;

use crate::deadlock::{
    LockNumber, Resource, WaitObject, WaitSite, WaitsOn, forget_leaked, hold, let_go,
};
use crate::error::WaitError;
use crate::observe::Verb;
use crate::park::{Parker, spin_loop};
use crate::primitive::{AtomicU8, Instant, Mutex, Ordering, now};
use crate::wait::{Heed, WaitOutcome, block_until};
use crate::wait_queue::{Spot, WaitQueue};

const LOCKED: u8 = 1;
const CONTENDED: u8 = 2;
const POISONED: u8 = 4;

/// The number of retries before a thread queues: most locks are held for less time than that.
#[cfg(not(reunite_model))]
const SPINS: u32 = 100;
#[cfg(reunite_model)]
const SPINS: u32 = 0;

pub(super) struct Raw {
    state: AtomicU8,
    number: LockNumber,
    /// The kind of lock, for messages.
    what: &'static str,
    made_at: &'static Location<'static>,
    queue: Mutex<WaitQueue<Parker>>,
}

impl Raw {
    pub(super) const fn new(what: &'static str, made_at: &'static Location<'static>) -> Self {
        Self {
            state: AtomicU8::new(0),
            number: LockNumber::new(),
            what,
            made_at,
            queue: Mutex::new(WaitQueue::new()),
        }
    }

    fn resource(&self) -> Resource {
        Resource::Lock(self.number.get())
    }

    /// Takes the lock if it is free, not poisoned, not queued for, and was taken or waited for before.
    #[inline]
    pub(super) fn take(&self, at: &'static Location<'static>) -> bool {
        let number = self.number.if_given();
        if number == 0 {
            return false;
        }
        let taken = self
            .state
            .compare_exchange(0, LOCKED, Ordering::Acquire, Ordering::Relaxed);
        if taken.is_ok() {
            hold(Resource::Lock(number), at);
        }
        taken.is_ok()
    }

    /// Takes the lock if it is free.
    pub(super) fn try_lock(&self, at: &'static Location<'static>) -> bool {
        let taken = self.take_from_queue();
        if taken {
            hold(self.resource(), at);
        }
        taken
    }

    /// Takes the lock. Waits until it is free. `verb` is the caller's operation, for messages.
    #[cold]
    pub(super) fn lock(
        &self,
        verb: Verb,
        deadline: Option<Instant>,
        heed: Heed<'_>,
        at: &'static Location<'static>,
    ) -> Result<(), WaitError> {
        self.wait(verb, deadline, heed, at)?;
        hold(self.resource(), at);
        Ok(())
    }

    fn wait(
        &self,
        verb: Verb,
        deadline: Option<Instant>,
        heed: Heed<'_>,
        at: &'static Location<'static>,
    ) -> Result<(), WaitError> {
        for _ in 0..SPINS {
            let state = self.state.load(Ordering::Relaxed);
            if state & LOCKED == 0 && self.take_from_queue() {
                return Ok(());
            }
            if state & CONTENDED != 0 {
                break;
            }
            spin_loop();
        }
        let since = now();
        let site = WaitSite {
            verb,
            object: WaitObject::Made(self.what, self.made_at),
            at,
            on: WaitsOn::Resource(self.resource()),
        };
        let mut spot = None;
        let ended = block_until(site, deadline, heed, |parker| {
            self.take_or_queue(parker, &mut spot)
        });
        let gave_up = match ended {
            WaitOutcome::Ready => return Ok(()),
            WaitOutcome::TimedOut => WaitError::timed_out(now().saturating_duration_since(since)),
            WaitOutcome::Cancelled(cancelled) => WaitError::cancelled(cancelled),
            WaitOutcome::Refused(refusal) => WaitError::refused(refusal),
        };
        if let Some(spot) = spot {
            self.leave_queue(spot);
        }
        Err(gave_up)
    }

    /// Takes the lock if it is free, even if others queue.
    fn take_from_queue(&self) -> bool {
        let free = |state| (state & LOCKED == 0).then_some(state | LOCKED);
        let taken = self
            .state
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, free);
        taken.is_ok()
    }

    /// `spot` is where the thread was queued last, if it was.
    fn take_or_queue(&self, parker: &Parker, spot: &mut Option<Spot>) -> bool {
        let mut queue = self.queue.lock();
        loop {
            if self.take_from_queue() {
                let _queued = spot.and_then(|spot| queue.remove(spot));
                self.queue_shrank(&queue);
                return true;
            }
            if self.state.fetch_or(CONTENDED, Ordering::AcqRel) & LOCKED != 0 {
                break;
            }
        }
        match *spot {
            None => *spot = Some(queue.push_back(parker.clone())),
            Some(last) if queue.contains(last) => {}
            Some(_) => *spot = Some(queue.push_front(parker.clone())),
        }
        false
    }

    /// Called under the queue's lock. Lowers `CONTENDED` only if the queue is empty (3): a release comes to the queue
    /// only if it sees that bit.
    fn queue_shrank(&self, queue: &WaitQueue<Parker>) {
        if queue.is_empty() {
            self.state.fetch_and(!CONTENDED, Ordering::Relaxed);
        }
    }

    #[cold]
    fn leave_queue(&self, spot: Spot) {
        let mut queue = self.queue.lock();
        let next = match queue.remove(spot) {
            Some(_) => None,
            // The thread was woken by a release and does not take the lock (rule 4). If the lock is held again, its
            // holder will wake the next thread.
            None if self.state.load(Ordering::Relaxed) & LOCKED == 0 => queue.pop_front(),
            None => None,
        };
        self.queue_shrank(&queue);
        drop(queue);
        next.iter().for_each(Parker::unpark);
    }

    /// Releases the lock.
    #[inline]
    pub(super) fn unlock(&self) {
        let_go(Resource::Lock(self.number.if_given()));
        if self.state.fetch_sub(LOCKED, Ordering::Release) & CONTENDED != 0 {
            self.wake_next();
        }
    }

    #[cold]
    fn wake_next(&self) {
        let mut queue = self.queue.lock();
        let next = queue.pop_front();
        self.queue_shrank(&queue);
        drop(queue);
        next.iter().for_each(Parker::unpark);
    }

    pub(super) fn poison(&self) {
        self.state.fetch_or(POISONED, Ordering::Relaxed);
    }

    pub(super) fn is_poisoned(&self) -> bool {
        self.state.load(Ordering::Relaxed) & POISONED != 0
    }

    pub(super) fn clear_poison(&self) {
        self.state.fetch_and(!POISONED, Ordering::Relaxed);
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if self.state.load(Ordering::Relaxed) & LOCKED != 0 {
            // The guard of the lock was forgotten.
            forget_leaked(self.resource(), 1);
        }
    }
}
