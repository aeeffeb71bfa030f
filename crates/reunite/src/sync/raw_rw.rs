//! The lock below [`RwLock`](super::RwLock).
//!
//! # States
//! One word of three bits, and the number of readers above them:
//! - `WRITER`: a thread holds the lock for writing.
//! - `QUEUED`: a thread queues, or did a moment ago.
//! - `POISONED`: a thread panicked while holding it for writing.
//!
//! While no thread queues, taking the lock is one compare-and-swap and releasing it one subtraction.
//!
//! # Protocol
//! 1. A thread that cannot have the lock at once, or sees `QUEUED`, comes to the queue. Under the queue's lock it
//!    raises `QUEUED`, so that from then on no other thread can take the lock without coming to the queue. If the lock
//!    is free for this thread and no thread is in front, it takes the lock; otherwise it stores its parker in the
//!    queue.
//! 2. The release that frees the lock sees `QUEUED` and comes to the queue, too. It wakes the first thread, and if that
//!    one reads, also the readers right behind it. So no thread is overtaken: a writer waits only for threads that came
//!    before it, and a reader never waits for a writer that came later. Each thread has its place in that order from
//!    the first time that it comes to the queue; the wait-for graph knows that place.
//! 3. A woken thread is no longer in the queue, and may take the lock before the threads in the queue. If another
//!    thread was faster, the woken thread goes back to the front.
//! 4. A thread that gives up wakes the threads that can take the lock now.
//! 5. `QUEUED` is lowered only under the queue's lock, and only when the queue is empty.

use std::panic::Location;

use crate::contain::assert_outside;
use crate::deadlock::{
    LockNumber, Resource, WaitObject, WaitSite, WaitsOn, forget_leaked, hold, let_go,
};
use crate::error::WaitError;
use crate::observe::Verb;
use crate::park::{Parker, spin_loop};
use crate::primitive::{AtomicUsize, Counter, Instant, Mutex, MutexGuard, Ordering, now};
use crate::wait::{Heed, WaitOutcome, block_until};
use crate::wait_queue::{Spot, WaitQueue};

const WRITER: usize = 1;
const QUEUED: usize = 2;
const POISONED: usize = 4;
const READER: usize = 8;

/// The number of retries before a thread queues.
#[cfg(not(reunite_model))]
const SPINS: u32 = 100;
#[cfg(reunite_model)]
const SPINS: u32 = 0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

pub(super) struct RawRw {
    state: AtomicUsize,
    number: LockNumber,
    made_at: &'static Location<'static>,
    queue: Mutex<WaitQueue<(Parker, Access)>>,
    /// The number of threads that have come to the queue. Changed under its lock.
    came: Counter,
}

type QueueGuard<'a> = MutexGuard<'a, WaitQueue<(Parker, Access)>>;

impl Access {
    /// Returns the state after the lock was taken, if it is free for this access. A poisoned lock is treated like any
    /// other.
    fn take_from(self, state: usize) -> Option<usize> {
        match self {
            Self::Read if state & WRITER == 0 => Some(state + READER),
            Self::Write if state & WRITER == 0 && state < READER => Some(state | WRITER),
            Self::Read | Self::Write => None,
        }
    }
}

impl RawRw {
    pub(super) const fn new(made_at: &'static Location<'static>) -> Self {
        Self {
            state: AtomicUsize::new(0),
            number: LockNumber::new(),
            made_at,
            queue: Mutex::new(WaitQueue::new()),
            came: Counter::new(0),
        }
    }

    fn resource(&self, access: Access) -> Resource {
        Self::resource_of(self.number.get(), access)
    }

    #[inline]
    fn resource_of(number: u64, access: Access) -> Resource {
        match access {
            Access::Read => Resource::Read(number),
            Access::Write => Resource::Lock(number),
        }
    }

    /// Takes the lock if it is free, not poisoned, not queued for, and was taken or waited for before.
    #[inline]
    pub(super) fn take(&self, access: Access, at: &'static Location<'static>) -> bool {
        let number = self.number.if_given();
        if number == 0 {
            return false;
        }
        let state = match access {
            Access::Read => self.state.load(Ordering::Relaxed),
            Access::Write => 0,
        };
        if state & (WRITER | QUEUED | POISONED) != 0 {
            return false;
        }
        let next = match access {
            Access::Read => state + READER,
            Access::Write => WRITER,
        };
        let taken = self
            .state
            .compare_exchange(state, next, Ordering::Acquire, Ordering::Relaxed);
        if taken.is_ok() {
            hold(Self::resource_of(number, access), at);
        }
        taken.is_ok()
    }

    /// Takes the lock if it is free and no thread queues.
    fn take_unless_queued(&self, access: Access) -> bool {
        let next = |state| match state & QUEUED {
            0 => access.take_from(state),
            _ => None,
        };
        let taken = self
            .state
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, next);
        taken.is_ok()
    }

    pub(super) fn try_lock(&self, access: Access, at: &'static Location<'static>) -> bool {
        let taken = self.take_unless_queued(access);
        if taken {
            hold(self.resource(access), at);
        }
        taken
    }

    #[cold]
    pub(super) fn lock(
        &self,
        access: Access,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<(), WaitError> {
        self.wait(access, deadline, at)?;
        hold(self.resource(access), at);
        Ok(())
    }

    fn wait(
        &self,
        access: Access,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<(), WaitError> {
        for _ in 0..SPINS {
            let state = self.state.load(Ordering::Relaxed);
            if state & QUEUED != 0 {
                break;
            }
            if access.take_from(state).is_some() && self.take_unless_queued(access) {
                return Ok(());
            }
            spin_loop();
        }
        let since = now();
        let lock = self.number.get();
        assert_outside();
        let mut spot = None;
        let Some(came) = self.take_or_join_queue(access, &Parker::current(), &mut spot) else {
            return Ok(());
        };
        let site = WaitSite {
            verb: match access {
                Access::Read => Verb::Read,
                Access::Write => Verb::Write,
            },
            object: WaitObject::Made("a lock", self.made_at),
            at,
            on: match access {
                Access::Read => WaitsOn::Read { lock, came },
                Access::Write => WaitsOn::Write { lock, came },
            },
        };
        let ended = block_until(site, deadline, Heed::Task, |parker| {
            self.take_or_queue(self.queue.lock(), access, parker, &mut spot)
        });
        let gave_up = match ended {
            WaitOutcome::Ready => return Ok(()),
            WaitOutcome::TimedOut => WaitError::timed_out(now().saturating_duration_since(since)),
            WaitOutcome::Cancelled(cancelled) => WaitError::cancelled(cancelled),
            WaitOutcome::Refused(refusal) => WaitError::refused(refusal),
        };
        let mut queue = self.queue.lock();
        let _queued = spot.and_then(|spot| queue.remove(spot));
        self.wake_first(queue);
        Err(gave_up)
    }

    /// Makes the first attempt to take the lock. Returns the thread's place in the order if that failed.
    fn take_or_join_queue(
        &self,
        access: Access,
        parker: &Parker,
        spot: &mut Option<Spot>,
    ) -> Option<u64> {
        let queue = self.queue.lock();
        let came = self.came.fetch_add(1, Ordering::Relaxed);
        let taken = self.take_or_queue(queue, access, parker, spot);
        (!taken).then_some(came)
    }

    /// `spot` is where the thread was queued last, if it was.
    fn take_or_queue(
        &self,
        mut queue: QueueGuard<'_>,
        access: Access,
        parker: &Parker,
        spot: &mut Option<Spot>,
    ) -> bool {
        let came_before = spot.is_some();
        let queued = spot.filter(|spot| queue.contains(*spot));
        let is_first = match queued {
            Some(spot) => queue.front().is_some_and(|(first, _)| first == spot),
            None => came_before || queue.is_empty(),
        };
        // From here on every release that frees the lock comes to the queue (2).
        self.state.fetch_or(QUEUED, Ordering::AcqRel);
        if is_first {
            let next = |state| access.take_from(state);
            let taken = self
                .state
                .fetch_update(Ordering::Acquire, Ordering::Relaxed, next);
            if taken.is_ok() {
                if queued.is_some() {
                    queue.pop_front();
                }
                // A reader that takes the lock also wakes the readers right behind it.
                self.wake_first(queue);
                return true;
            }
        }
        let waiter = (parker.clone(), access);
        match queued {
            Some(_) => {}
            None if came_before => *spot = Some(queue.push_front(waiter)),
            None => *spot = Some(queue.push_back(waiter)),
        }
        false
    }

    /// Wakes the threads at the front for which the lock is free.
    fn wake_first(&self, mut queue: QueueGuard<'_>) {
        let mut woken = Vec::new();
        while let Some((_, (_, access))) = queue.front() {
            let state = self.state.load(Ordering::Relaxed);
            let alone = *access == Access::Write;
            if access.take_from(state).is_none() || (alone && !woken.is_empty()) {
                break;
            }
            woken.extend(queue.pop_front());
            if alone {
                break;
            }
        }
        if queue.is_empty() {
            self.state.fetch_and(!QUEUED, Ordering::Relaxed);
        }
        drop(queue);
        woken.iter().for_each(|(parker, _)| parker.unpark());
    }

    #[inline]
    pub(super) fn unlock(&self, access: Access) {
        let_go(Self::resource_of(self.number.if_given(), access));
        let part = match access {
            Access::Read => READER,
            Access::Write => WRITER,
        };
        let before = self.state.fetch_sub(part, Ordering::Release);
        let was_last = access == Access::Write || before < 2 * READER;
        if was_last && before & QUEUED != 0 {
            self.wake_first_now();
        }
    }

    /// Turns a hold for writing into one for reading, and lets in the readers at the front of the queue.
    pub(super) fn downgrade(&self, at: &'static Location<'static>) {
        let_go(self.resource(Access::Write));
        hold(self.resource(Access::Read), at);
        let before = self.state.fetch_add(READER - WRITER, Ordering::Release);
        if before & QUEUED != 0 {
            self.wake_first_now();
        }
    }

    #[cold]
    fn wake_first_now(&self) {
        self.wake_first(self.queue.lock());
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

impl Drop for RawRw {
    fn drop(&mut self) {
        let state = self.state.load(Ordering::Relaxed);
        let forgotten = [
            (Access::Write, usize::from(state & WRITER != 0)),
            (Access::Read, state / READER),
        ];
        for (access, guards) in forgotten {
            if guards > 0 {
                forget_leaked(self.resource(access), guards);
            }
        }
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;

    /// The parker of another thread, which does nothing by itself.
    fn somebody() -> Parker {
        std::thread::spawn(Parker::current).join().unwrap()
    }

    /// The writer in front was woken and is slow. A reader that was unparked for another reason takes the lock instead.
    /// The reader behind it may take the lock as well, and no other thread would wake it.
    #[test]
    fn a_reader_that_comes_out_of_the_queue_lets_in_those_behind_it() {
        let lock = RawRw::new(Location::caller());
        assert!(lock.try_lock(Access::Read, Location::caller()));
        let [writer, first, second, last] = &mut [(); 4].map(|()| (somebody(), None));
        let comes = |(parker, spot): &mut (Parker, Option<Spot>), access| {
            lock.take_or_queue(lock.queue.lock(), access, parker, spot)
        };
        for (waiter, access) in [
            (&mut *writer, Access::Write),
            (&mut *first, Access::Read),
            (&mut *second, Access::Read),
            (&mut *last, Access::Write),
        ] {
            assert!(!comes(waiter, access));
        }
        lock.unlock(Access::Read);
        assert!(writer.0.is_marked() && !first.0.is_marked());
        assert!(comes(first, Access::Read));
        assert!(second.0.is_marked() && !last.0.is_marked());
        assert!(comes(second, Access::Read));
        assert!(!comes(writer, Access::Write));
        (0..2).for_each(|_| lock.unlock(Access::Read));
        assert!(comes(writer, Access::Write));
        lock.unlock(Access::Write);
        assert!(last.0.is_marked());
        assert!(comes(last, Access::Write));
        lock.unlock(Access::Write);
        // The queue is empty, so no thread has to come to it.
        assert!(lock.take(Access::Write, Location::caller()));
        lock.unlock(Access::Write);
    }
}
