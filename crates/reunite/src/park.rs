//! Parking: how a thread sleeps until another thread wakes it.
//!
//! A [`Parker`] refers to a thread. `unpark` leaves a token, so that an unpark before the park is not lost. A token
//! may also be left over from an earlier wait, so every park is in a loop that checks its condition again. Nothing
//! here knows what a thread waits for.
//!
//! # States
//! Four bits of one atomic integer, so that other threads read them all at once:
//! - `MARKED`: raised by every unpark; lowered by the thread before it checks its condition.
//! - `CHECKING`: the thread is checking its condition, and goes on if it holds.
//! - `FILED`: the thread's wait is filed in the wait-for graph.
//! - `IGNORES_UNPARKS`: the thread waits where no unpark reaches it.

pub(crate) use crate::primitive::spin_loop;
use crate::primitive::{
    Arc, AtomicU8, Counter, Instant, Ordering, Thread, ThreadId, current, now, park, park_timeout,
    thread_local,
};

/// A reference to a thread, by which other threads wake it.
#[derive(Clone, Debug)]
pub(crate) struct Parker {
    address: Arc<Address>,
    /// The thread's id, kept here because queues search for a thread among many.
    id: ThreadId,
}

#[derive(Debug)]
struct Address {
    thread: Thread,
    /// The bits of the thread's state.
    state: AtomicU8,
}

/// Raised by every unpark, lowered by the thread before it checks its condition.
const MARKED: u8 = 1;
/// The thread is checking its condition, and goes on if it holds.
const CHECKING: u8 = 2;
/// The thread's wait is filed in the wait-for graph.
const FILED: u8 = 4;

/// The thread waits where no unpark reaches it.
const IGNORES_UNPARKS: u8 = 8;

crate::primitive::global! {
    /// The number of parkers that are both filed and marked. A thread that makes a parker both, or no longer both,
    /// changes this number right after it. Between the two steps the number is wrong, but then that thread itself
    /// is running.
    static GOING_ON: Counter = Counter::new(0);
}

/// Returns true if a thread whose wait is filed is about to go on.
pub(crate) fn any_filed_resumes() -> bool {
    GOING_ON.load(Ordering::SeqCst) != 0
}

thread_local! {
    static HERE: Parker = Parker::new();
}

impl Parker {
    fn new() -> Self {
        let thread = current();
        let id = thread.id();
        let state = AtomicU8::new(0);
        Self {
            address: Arc::new(Address { thread, state }),
            id,
        }
    }

    /// Returns the parker of the calling thread.
    pub(crate) fn current() -> Self {
        // A thread that is ending has lost its parker, and makes one for this wait.
        HERE.try_with(Self::clone).unwrap_or_else(|_| Self::new())
    }

    /// Makes a second parker of the calling thread, for a wait outside this library.
    pub(crate) fn separate() -> Self {
        Self::new()
    }

    /// Records that the parker's thread, which calls this, checks no condition from now on: an unpark does not make
    /// it go on.
    pub(crate) fn ignore_unparks(&self) {
        self.address.state.store(IGNORES_UNPARKS, Ordering::SeqCst);
    }

    /// Wakes the thread, or makes its next park return at once.
    pub(crate) fn unpark(&self) {
        let before = self.address.state.fetch_or(MARKED, Ordering::SeqCst);
        if before & (FILED | MARKED) == FILED {
            GOING_ON.fetch_add(1, Ordering::SeqCst);
        }
        self.address.thread.unpark();
    }

    /// Records that the wait of the parker's thread, which calls this, is filed.
    pub(crate) fn file(&self) {
        if self.address.state.fetch_or(FILED, Ordering::SeqCst) & MARKED != 0 {
            GOING_ON.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Records that the wait of the parker's thread, which calls this, is no longer filed.
    pub(crate) fn withdraw(&self) {
        if self.address.state.fetch_and(!FILED, Ordering::SeqCst) & MARKED != 0 {
            GOING_ON.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Records that the parker's thread, which calls this, is about to check its condition. Lowers the mark.
    pub(crate) fn begin_check(&self) {
        self.address.state.store(CHECKING, Ordering::SeqCst);
    }

    /// Records that the parker's thread, which calls this, has found its condition false, or has gone on.
    pub(crate) fn end_check(&self) {
        self.address.state.fetch_and(!CHECKING, Ordering::SeqCst);
    }

    /// Returns true if the thread was unparked since it last checked its condition.
    pub(crate) fn is_marked(&self) -> bool {
        self.address.state.load(Ordering::SeqCst) & MARKED != 0
    }

    /// Returns true if the thread is checking its condition, or will because it was unparked.
    pub(crate) fn may_go_on(&self) -> bool {
        let state = self.address.state.load(Ordering::SeqCst);
        state & IGNORES_UNPARKS == 0 && state & (MARKED | CHECKING) != 0
    }

    /// Returns the name with which the thread was started.
    pub(crate) fn thread_name(&self) -> Option<String> {
        self.address.thread.name().map(str::to_owned)
    }

    /// Returns true if both parkers wake the same thread. (A thread that is ending may have several.)
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

/// Sleeps until this thread is unparked or `until` has passed. May also return without a reason.
pub(crate) fn park_until(until: Option<Instant>) {
    match until {
        None => park(),
        Some(_) => park_from(now(), until),
    }
}

/// Does what [`park_until`] does, for a caller that has just read the clock: it is `at` now.
pub(crate) fn park_from(at: Instant, until: Option<Instant>) {
    match until {
        None => park(),
        Some(instant) if instant > at => park_timeout(instant - at),
        Some(_) => {}
    }
}
