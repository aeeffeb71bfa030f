//! The state and the queues of a read-write lock; see `raw_rw` for the protocol.

use crate::park::Parker;
use crate::primitive::{AtomicUsize, Ordering};
use crate::wait_queue::{Spot, WaitQueue};

/// A thread holds the lock for writing.
pub(super) const WRITER: usize = 1;
/// A reader, a writer or an upgrader waits, or did a moment ago.
pub(super) const QUEUED: usize = 2;
/// A thread panicked while it held the lock for writing.
pub(super) const POISONED: usize = 4;
/// A thread holds the lock for an upgradable read.
pub(super) const UPGRADABLE: usize = 8;
/// A thread waits for an upgradable read, or did a moment ago.
pub(super) const UPGRADABLE_QUEUED: usize = 16;
/// One reader. The number of readers is in the bits from here on.
pub(super) const READER: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    /// Reads, beside other readers, and may become the writer without releasing the lock.
    Upgradable,
    Write,
}

impl Access {
    /// Returns the part of the state that stands for one hold.
    #[inline]
    pub(super) fn part(self) -> usize {
        match self {
            Self::Read => READER,
            Self::Upgradable => UPGRADABLE,
            Self::Write => WRITER,
        }
    }

    /// Returns the bits that keep a thread from taking the lock without coming to the queues. A thread that waits for
    /// an upgradable read keeps no reader out, because neither of them excludes the other.
    #[inline]
    pub(super) fn yields_to(self) -> usize {
        match self {
            Self::Read => QUEUED,
            Self::Upgradable | Self::Write => QUEUED | UPGRADABLE_QUEUED,
        }
    }

    /// Returns the state after the lock was taken, if it is free for this access. A poisoned lock is treated like any
    /// other.
    pub(super) fn take_from(self, state: usize) -> Option<usize> {
        let is_free = match self {
            Self::Read => state & WRITER == 0,
            Self::Upgradable => state & (WRITER | UPGRADABLE) == 0,
            Self::Write => state & (WRITER | UPGRADABLE) == 0 && state < READER,
        };
        is_free.then(|| state + self.part())
    }
}

/// Returns the state after the holder of the upgradable read has become the writer, if there are no other readers.
pub(super) fn upgraded(state: usize) -> Option<usize> {
    (state < READER).then(|| state - UPGRADABLE + WRITER)
}

/// A thread that waits, and its place in the order.
pub(super) struct RwWaiter {
    pub(super) access: Access,
    /// The place of the thread in the order in which threads came to the queues; from 1 on.
    pub(super) came: u64,
    /// The thread's spot when it was queued last, if it was.
    spot: Option<Spot>,
}

struct QueuedThread {
    parker: Parker,
    access: Access,
    came: u64,
}

/// The threads that wait for a lock.
pub(super) struct RwQueue {
    /// The readers and writers.
    main: WaitQueue<QueuedThread>,
    /// The threads that wait for an upgradable read.
    upgradables: WaitQueue<QueuedThread>,
    /// The holder of the upgradable read, while it waits for the end of all other reads.
    upgrader: Option<Parker>,
    /// The number of threads that have come.
    came: u64,
}

impl RwQueue {
    pub(super) const fn new() -> Self {
        Self {
            main: WaitQueue::new(),
            upgradables: WaitQueue::new(),
            upgrader: None,
            came: 0,
        }
    }

    /// Gives a thread its place in the order.
    pub(super) fn come(&mut self, access: Access) -> RwWaiter {
        self.came += 1;
        RwWaiter {
            access,
            came: self.came,
            spot: None,
        }
    }

    fn of(&mut self, access: Access) -> &mut WaitQueue<QueuedThread> {
        match access {
            Access::Read | Access::Write => &mut self.main,
            Access::Upgradable => &mut self.upgradables,
        }
    }

    /// Returns true if a thread that came before this one waits at the front of the other queue, and excludes it.
    fn is_behind_the_other(&self, access: Access, came: u64) -> bool {
        let other = match access {
            Access::Read => None,
            Access::Upgradable => self.main.front(),
            Access::Write => self.upgradables.front(),
        };
        other.is_some_and(|(_, first)| first.came < came)
    }

    /// Takes the lock if it is free for the thread and no thread is in front of it. Otherwise queues the thread.
    pub(super) fn take_or_queue(
        &mut self,
        state: &AtomicUsize,
        waiter: &mut RwWaiter,
        parker: &Parker,
    ) -> bool {
        let RwWaiter { access, came, spot } = *waiter;
        let is_behind = self.upgrader.is_some() || self.is_behind_the_other(access, came);
        let queue = self.of(access);
        let queued = spot.filter(|spot| queue.contains(*spot));
        let is_first = match queued {
            Some(spot) => queue.front().is_some_and(|(first, _)| first == spot),
            None => spot.is_some() || queue.is_empty(),
        };
        // From here on every release that frees the lock comes to the queues (2).
        let flag = match access {
            Access::Read | Access::Write => QUEUED,
            Access::Upgradable => UPGRADABLE_QUEUED,
        };
        state.fetch_or(flag, Ordering::AcqRel);
        if is_first && !is_behind {
            let next = |state| access.take_from(state);
            let taken = state.fetch_update(Ordering::Acquire, Ordering::Relaxed, next);
            if taken.is_ok() {
                if queued.is_some() {
                    queue.pop_front();
                }
                return true;
            }
        }
        let thread = QueuedThread {
            parker: parker.clone(),
            access,
            came,
        };
        match (queued, spot) {
            (Some(_), _) => {}
            (None, Some(spot)) => queue.return_to(spot, thread),
            (None, None) => waiter.spot = Some(queue.push_back(thread)),
        }
        false
    }

    /// Makes the holder of the upgradable read the writer if there are no other readers. Otherwise it waits.
    pub(super) fn upgrade_or_wait(&mut self, state: &AtomicUsize, parker: &Parker) -> bool {
        self.upgrader = Some(parker.clone());
        // From here on no other thread takes the lock (except for recursive reads), and the last reader comes to the
        // queues (2).
        state.fetch_or(QUEUED, Ordering::AcqRel);
        let taken = state.fetch_update(Ordering::Acquire, Ordering::Relaxed, upgraded);
        if taken.is_ok() {
            self.upgrader = None;
        }
        taken.is_ok()
    }

    /// Removes a thread that gives up.
    pub(super) fn leave(&mut self, waiter: &RwWaiter) {
        if let Some(spot) = waiter.spot {
            let _queued = self.of(waiter.access).remove(spot);
        }
    }

    /// Records that the holder of the upgradable read does not wait any more.
    pub(super) fn leave_as_upgrader(&mut self) {
        self.upgrader = None;
    }

    /// Takes out the threads for which the lock is free now and returns their parkers, which the caller must unpark.
    /// Lowers the bits of empty queues.
    #[must_use]
    pub(super) fn next(&mut self, state: &AtomicUsize) -> Vec<Parker> {
        let now = state.load(Ordering::Relaxed);
        if let Some(upgrader) = &self.upgrader {
            // It stays here until it has taken the lock or gives up, so that no other thread does.
            return (now < READER)
                .then(|| upgrader.clone())
                .into_iter()
                .collect();
        }
        let mut woken = Vec::new();
        while self.first_in(Access::Read, now) {
            woken.extend(self.main.pop_front());
        }
        if self.first_in(Access::Upgradable, now) {
            woken.extend(self.upgradables.pop_front());
        }
        if woken.is_empty() && self.first_in(Access::Write, now) {
            woken.extend(self.main.pop_front());
        }
        let mut empty = 0;
        if self.main.is_empty() {
            empty |= QUEUED;
        }
        if self.upgradables.is_empty() {
            empty |= UPGRADABLE_QUEUED;
        }
        state.fetch_and(!empty, Ordering::Relaxed);
        woken.into_iter().map(|thread| thread.parker).collect()
    }

    /// Returns true if the first thread of its queue wants this access and may take the lock.
    fn first_in(&mut self, access: Access, state: usize) -> bool {
        let Some((_, first)) = self.of(access).front() else {
            return false;
        };
        let (wants, came) = (first.access, first.came);
        wants == access
            && access.take_from(state).is_some()
            && !self.is_behind_the_other(access, came)
    }
}
