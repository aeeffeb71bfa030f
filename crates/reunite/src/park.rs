//! Parking: how a thread sleeps until another one wakes it.
//!
//! A [`Parker`] names a thread. `unpark` leaves a token, so an unpark before the park is not lost. A
//! token may also be left over from an earlier wait, so every park is in a loop that checks its condition
//! again. Nothing here knows what a thread waits for.
//!
//! # States
//! Four bits of one word, so that other threads see them at one moment:
//! - `MARKED`: raised by every unpark; lowered by the thread before it checks its condition.
//! - `CHECKING`: the thread is checking its condition, and goes on if it holds.
//! - `FILED`: the thread's wait is filed in the wait-for graph.
//! - `IGNORES_UNPARKS`: the thread waits where no unpark reaches it.

pub(crate) use crate::primitive::spin_loop;
use crate::primitive::{
    Arc, AtomicU8, Counter, Instant, Ordering, Thread, ThreadId, current, now, park, park_timeout,
    thread_local,
};

/// The wake-up address of one thread.
#[derive(Clone, Debug)]
pub(crate) struct Parker {
    address: Arc<Address>,
    /// Beside the address, because queues look for a thread among many.
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
    /// The number of parkers that are both filed and marked. A thread that makes a parker so, or no longer so, counts
    /// it after that; until then the thread is itself one that goes on.
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

    /// The parker of the calling thread.
    pub(crate) fn current() -> Self {
        // A thread that is ending has lost its parker, and makes one for this wait.
        HERE.try_with(Self::clone).unwrap_or_else(|_| Self::new())
    }

    /// A second parker of the calling thread, for a wait outside this library.
    pub(crate) fn separate() -> Self {
        Self::new()
    }

    /// Called by the parker's thread: from now on it checks no condition, and an unpark does not make it go on.
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

    /// Called by the parker's thread: its wait is filed from now on.
    pub(crate) fn file(&self) {
        if self.address.state.fetch_or(FILED, Ordering::SeqCst) & MARKED != 0 {
            GOING_ON.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Called by the parker's thread: its wait is no longer filed.
    pub(crate) fn withdraw(&self) {
        if self.address.state.fetch_and(!FILED, Ordering::SeqCst) & MARKED != 0 {
            GOING_ON.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Called by the parker's thread: it is about to check its condition.
    pub(crate) fn begin_check(&self) {
        self.address.state.store(CHECKING, Ordering::SeqCst);
    }

    /// Called by the parker's thread: the condition did not hold, or the thread has gone on.
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

    /// The name that the thread was started with.
    pub(crate) fn thread_name(&self) -> Option<String> {
        self.address.thread.name().map(str::to_owned)
    }

    /// Returns true if both wake the same thread: a thread that is ending may have several parkers.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

/// Sleeps until this thread is unparked or `until` has passed; may also return for no reason.
pub(crate) fn park_until(until: Option<Instant>) {
    match until {
        None => park(),
        Some(_) => park_from(now(), until),
    }
}

/// Does what [`park_until`] does, for a caller that knows that it is `at` now.
pub(crate) fn park_from(at: Instant, until: Option<Instant>) {
    match until {
        None => park(),
        Some(instant) if instant > at => park_timeout(instant - at),
        Some(_) => {}
    }
}
