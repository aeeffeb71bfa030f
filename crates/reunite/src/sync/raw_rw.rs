//! The lock below [`RwLock`](super::RwLock).
//!
//! # States
//! One word of five bits, and the number of readers above them:
//! - `WRITER`: a thread holds the lock for writing.
//! - `UPGRADABLE`: a thread holds the lock for an upgradable read. It excludes writers and other upgradable reads, and
//!   is not counted among the readers.
//! - `QUEUED`: a reader, a writer or an upgrader waits, or did a moment ago.
//! - `UPGRADABLE_QUEUED`: a thread waits for an upgradable read, or did a moment ago.
//! - `POISONED`: a thread panicked while holding it for writing.
//!
//! While no thread waits, taking the lock is one compare-and-swap and releasing it one subtraction.
//!
//! There are two queues under one lock: the *main queue* of readers and writers, and that of threads that wait for an
//! upgradable read. An *upgrader* is the holder of the upgradable read while it waits until it is the only reader.
//! There is at most one, and it has a place of its own, in front of both queues.
//!
//! # Protocol
//! 1. A thread that cannot have the lock at once, or sees the bit of a queue to which it yields, comes to its queue.
//!    Under the lock of the queues it raises the bit of its queue, so that from then on no other thread that yields to
//!    that queue can take the lock without coming to the queues. If the lock is free for this thread and no thread is
//!    in front, it takes the lock; otherwise it stores its parker in the queue.
//! 2. The release that frees the lock sees the bit and comes to the queues, too. It wakes the first thread of the main
//!    queue, and if that one reads, also the readers right behind it. So no thread is overtaken: a writer waits only
//!    for threads that came before it, and a reader never waits for a writer that came later. Each thread has its place
//!    in that order from the first time that it comes to the queues; the wait-for graph knows that place.
//! 3. A woken thread is no longer in the queue, and may take the lock before the threads in the queue. If another
//!    thread was faster, the woken thread goes back to its old spot. So each queue stays in the order in which its threads
//!    came, in whatever order woken threads go back. Rule 6 needs that.
//! 4. A thread that takes the lock in a queue, or gives up, wakes the threads that can take the lock now.
//! 5. A bit is lowered only under the lock of the queues, and only when its queue is empty and there is no upgrader.
//!
//! *Upgradable reads.*
//!
//! 6. Readers and upgradable reads do not exclude each other, so a reader does not look at the other queue. A writer
//!    and a thread that waits for an upgradable read do, and then the one that came first comes first. A thread goes on
//!    waiting for that reason only while a thread with a smaller place waits, so the thread with the smallest place
//!    waits only for holders, whose release comes to the queues.
//! 7. An upgrader raises `QUEUED` and checks for readers under the lock of the queues. So either it sees the release of
//!    the last reader, or that release sees `QUEUED` and wakes it. While there is an upgrader, no thread takes the lock
//!    from the queues: new readers wait for it, and there is an end to the reads for which it waits. When it has the
//!    lock, or gives up, the queues go on as before.
//! 8. A change from one hold to a weaker one (writer to reader or upgradable read, upgradable read to reader) is one
//!    addition, and then wakes the threads that can take the lock now, like a release.
//!
//! *Recursive reads.*
//!
//! 9. A recursive read takes the lock whenever no thread writes, whatever thread waits. Otherwise it is a read like any
//!    other; then its thread holds no read that a thread in front of it could wait for.
//!
//! # Deadlocks
//! Holds are resources: `Lock` of the writer, `Upgradable`, and `Read` of each reader. A writer waits for all three, a
//! thread for an upgradable read for `Lock` and `Upgradable`, a reader for `Lock`, an upgrader for `Read`. Readers, and
//! threads that wait for upgradable reads, wait for the *turns* of the writers with a smaller place, too; the turn of
//! an upgrader has place 0, before all others. A writer need not wait for turns: what keeps the threads in front of it
//! keeps it as well. The same is true of a thread for an upgradable read and those in front of it in its queue.

use std::panic::Location;

use super::rw_queue::{
    Access, POISONED, QUEUED, READER, RwQueue, RwWaiter, UPGRADABLE, UPGRADABLE_QUEUED, WRITER,
    upgraded,
};
use crate::contain::assert_outside;
use crate::deadlock::{
    LockNumber, Resource, WaitObject, WaitSite, WaitsOn, forget_leaked, hold, let_go,
};
use crate::error::WaitError;
use crate::observe::Verb;
use crate::park::{Parker, spin_loop};
use crate::primitive::{AtomicUsize, Instant, Mutex, MutexGuard, Ordering, now};
use crate::wait::{Heed, WaitOutcome, block_until};

/// The number of retries before a thread queues.
#[cfg(not(reunite_model))]
const SPINS: u32 = 100;
#[cfg(reunite_model)]
const SPINS: u32 = 0;

pub(super) struct RawRw {
    state: AtomicUsize,
    number: LockNumber,
    made_at: &'static Location<'static>,
    pub(super) queues: Mutex<RwQueue>,
}

impl RawRw {
    pub(super) const fn new(made_at: &'static Location<'static>) -> Self {
        Self {
            state: AtomicUsize::new(0),
            number: LockNumber::new(),
            made_at,
            queues: Mutex::new(RwQueue::new()),
        }
    }

    fn resource(&self, access: Access) -> Resource {
        Self::resource_of(self.number.get(), access)
    }

    #[inline]
    fn resource_of(number: u64, access: Access) -> Resource {
        match access {
            Access::Read => Resource::Read(number),
            Access::Upgradable => Resource::Upgradable(number),
            Access::Write => Resource::Lock(number),
        }
    }

    /// Takes the lock for reading or writing if it is free, not poisoned, not queued for, and was taken or waited for
    /// before.
    #[inline]
    pub(super) fn take(&self, access: Access, at: &'static Location<'static>) -> bool {
        let number = self.number.if_given();
        if number == 0 {
            return false;
        }
        let state = match access {
            Access::Read => self.state.load(Ordering::Relaxed),
            Access::Upgradable | Access::Write => 0,
        };
        if state & (WRITER | QUEUED | POISONED) != 0 {
            return false;
        }
        let next = state + access.part();
        let taken = self
            .state
            .compare_exchange(state, next, Ordering::Acquire, Ordering::Relaxed);
        if taken.is_ok() {
            hold(Self::resource_of(number, access), at);
        }
        taken.is_ok()
    }

    /// Takes the lock if it is free and the state has none of these bits.
    fn take_unless(&self, bits: usize, access: Access) -> bool {
        let next = |state| match state & bits {
            0 => access.take_from(state),
            _ => None,
        };
        let taken = self
            .state
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, next);
        taken.is_ok()
    }

    pub(super) fn try_lock(&self, access: Access, at: &'static Location<'static>) -> bool {
        let taken = self.take_unless(access.yields_to(), access);
        if taken {
            hold(self.resource(access), at);
        }
        taken
    }

    /// Takes the lock for reading unless a thread writes (9).
    pub(super) fn try_read_recursive(&self, at: &'static Location<'static>) -> bool {
        let taken = self.take_unless(0, Access::Read);
        if taken {
            hold(self.resource(Access::Read), at);
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
            if state & access.yields_to() != 0 {
                break;
            }
            if access.take_from(state).is_some() && self.take_unless(access.yields_to(), access) {
                return Ok(());
            }
            spin_loop();
        }
        let since = now();
        let lock = self.number.get();
        assert_outside();
        let mut queues = self.queues.lock();
        let mut waiter = queues.come(access);
        if self.take_or_queue(queues, &mut waiter, &Parker::current()) {
            return Ok(());
        }
        let came = waiter.came;
        let (verb, on) = match access {
            Access::Read => (Verb::Read, WaitsOn::Read { lock, came }),
            Access::Upgradable => (Verb::Read, WaitsOn::Upgradable { lock, came }),
            Access::Write => (Verb::Write, WaitsOn::Write { lock, came }),
        };
        let ended = block_until(self.site(verb, at, on), deadline, Heed::Task, |parker| {
            self.take_or_queue(self.queues.lock(), &mut waiter, parker)
        });
        let gave_up = match ended {
            WaitOutcome::Ready => return Ok(()),
            WaitOutcome::TimedOut => WaitError::timed_out(now().saturating_duration_since(since)),
            WaitOutcome::Cancelled(cancelled) => WaitError::cancelled(cancelled),
            WaitOutcome::Refused(refusal) => WaitError::refused(refusal),
        };
        let mut queues = self.queues.lock();
        queues.leave(&waiter);
        self.wake_next(queues);
        Err(gave_up)
    }

    fn site(&self, verb: Verb, at: &'static Location<'static>, on: WaitsOn) -> WaitSite {
        WaitSite {
            verb,
            object: WaitObject::Made("a lock", self.made_at),
            at,
            on,
        }
    }

    pub(super) fn take_or_queue(
        &self,
        mut queues: MutexGuard<'_, RwQueue>,
        waiter: &mut RwWaiter,
        parker: &Parker,
    ) -> bool {
        let taken = queues.take_or_queue(&self.state, waiter, parker);
        if taken {
            self.wake_next(queues);
        }
        taken
    }

    /// Turns the upgradable read into a hold for writing if there are no other readers.
    pub(super) fn try_upgrade(&self, at: &'static Location<'static>) -> bool {
        let taken = self
            .state
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, upgraded);
        if taken.is_ok() {
            self.change_hold(Access::Upgradable, Access::Write, at);
        }
        taken.is_ok()
    }

    /// Turns the upgradable read into a hold for writing. Waits until there are no other readers. After an error the
    /// thread holds the upgradable read as before.
    pub(super) fn upgrade(
        &self,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<(), WaitError> {
        for _ in 0..SPINS {
            if self.try_upgrade(at) {
                return Ok(());
            }
            spin_loop();
        }
        let since = now();
        let lock = self.number.get();
        let site = self.site(Verb::Write, at, WaitsOn::Upgrade { lock });
        let ended = block_until(site, deadline, Heed::Task, |parker| {
            let mut queues = self.queues.lock();
            let taken = queues.upgrade_or_wait(&self.state, parker);
            if taken {
                self.wake_next(queues);
            }
            taken
        });
        let gave_up = match ended {
            WaitOutcome::Ready => {
                self.change_hold(Access::Upgradable, Access::Write, at);
                return Ok(());
            }
            WaitOutcome::TimedOut => WaitError::timed_out(now().saturating_duration_since(since)),
            WaitOutcome::Cancelled(cancelled) => WaitError::cancelled(cancelled),
            WaitOutcome::Refused(refusal) => WaitError::refused(refusal),
        };
        let mut queues = self.queues.lock();
        queues.leave_as_upgrader();
        self.wake_next(queues);
        Err(gave_up)
    }

    /// Wakes the threads for which the lock is free, and lowers the bits of empty queues.
    fn wake_next(&self, mut queues: MutexGuard<'_, RwQueue>) {
        let woken = queues.next(&self.state);
        drop(queues);
        woken.iter().for_each(Parker::unpark);
    }

    #[cold]
    fn wake_next_now(&self) {
        self.wake_next(self.queues.lock());
    }

    #[inline]
    pub(super) fn unlock(&self, access: Access) {
        let_go(Self::resource_of(self.number.if_given(), access));
        let before = self.state.fetch_sub(access.part(), Ordering::Release);
        let wakes = match access {
            // Only writers and upgraders wait for readers.
            Access::Read => before < 2 * READER && before & QUEUED != 0,
            Access::Upgradable | Access::Write => before & (QUEUED | UPGRADABLE_QUEUED) != 0,
        };
        if wakes {
            self.wake_next_now();
        }
    }

    /// Turns a hold into a weaker one, and lets in the threads that this one does not exclude any more (8).
    pub(super) fn downgrade(&self, from: Access, to: Access, at: &'static Location<'static>) {
        self.change_hold(from, to, at);
        let change = to.part().wrapping_sub(from.part());
        let before = self.state.fetch_add(change, Ordering::Release);
        if before & (QUEUED | UPGRADABLE_QUEUED) != 0 {
            self.wake_next_now();
        }
    }

    /// Records in the list of the calling thread that its hold has changed.
    fn change_hold(&self, from: Access, to: Access, at: &'static Location<'static>) {
        let_go(self.resource(from));
        hold(self.resource(to), at);
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
            (Access::Upgradable, usize::from(state & UPGRADABLE != 0)),
            (Access::Read, state / READER),
        ];
        for (access, guards) in forgotten {
            if guards > 0 {
                forget_leaked(self.resource(access), guards);
            }
        }
    }
}
