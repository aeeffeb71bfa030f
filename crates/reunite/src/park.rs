//! Parking: how one thread sleeps until another says so.
//!
//! A [`Parker`] names a thread. `unpark` leaves a token, so an unpark before the park is not lost; a
//! token may also be left over from an earlier wait, so every park is in a loop that asks its condition
//! again. Nothing here knows what is waited for.

pub(crate) use crate::primitive::spin_loop;
use crate::primitive::{
    Arc, AtomicU8, Counter, Instant, Ordering, Thread, ThreadId, current, now, park, park_timeout,
    thread_local,
};

/// The wake-up address of one thread.
#[derive(Clone, Debug)]
pub(crate) struct Parker {
    address: Arc<Address>,
    /// Beside the address, as queues look for a thread among many.
    id: ThreadId,
}

#[derive(Debug)]
struct Address {
    thread: Thread,
    /// In one word, so that others see both at one moment.
    state: AtomicU8,
}

/// Raised by every unpark, lowered by the thread before it asks what it waits for.
const MARKED: u8 = 1;
/// The thread is asking, and goes on if the answer is yes.
const ASKS: u8 = 2;
/// Its wait is filed in the wait-for graph.
const FILED: u8 = 4;

/// The thread waits where no unpark reaches it.
const DEAF: u8 = 8;

crate::primitive::global! {
    /// How many parkers are both filed and marked. Whoever makes one so, or no longer so, counts it after that; until
    /// then it is itself a thread that goes on.
    static GOING_ON: Counter = Counter::new(0);
}

/// Whether a thread whose wait is filed is about to go on.
pub(crate) fn somebody_goes_on() -> bool {
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

    /// The calling thread's.
    pub(crate) fn here() -> Self {
        // A thread that is ending has lost its own, and makes one for this wait.
        HERE.try_with(Self::clone).unwrap_or_else(|_| Self::new())
    }

    /// Another of the calling thread's, for a wait that is none of this library's.
    pub(crate) fn aside() -> Self {
        Self::new()
    }

    /// Of the calling thread: it asks no more, and whoever unparks it does not make it go on.
    pub(crate) fn is_deaf_from_now_on(&self) {
        self.address.state.store(DEAF, Ordering::SeqCst);
    }

    /// Wakes that thread, or makes its next park return at once.
    pub(crate) fn unpark(&self) {
        let before = self.address.state.fetch_or(MARKED, Ordering::SeqCst);
        if before & (FILED | MARKED) == FILED {
            GOING_ON.fetch_add(1, Ordering::SeqCst);
        }
        self.address.thread.unpark();
    }

    /// Of the calling thread: its wait is filed from now on.
    pub(crate) fn file(&self) {
        if self.address.state.fetch_or(FILED, Ordering::SeqCst) & MARKED != 0 {
            GOING_ON.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Of the calling thread: its wait is filed no longer.
    pub(crate) fn withdraw(&self) {
        if self.address.state.fetch_and(!FILED, Ordering::SeqCst) & MARKED != 0 {
            GOING_ON.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Of the calling thread: it is about to ask anew.
    pub(crate) fn begin_to_ask(&self) {
        self.address.state.store(ASKS, Ordering::SeqCst);
    }

    /// Of the calling thread: the answer was no, or it has gone on.
    pub(crate) fn has_asked(&self) {
        self.address.state.fetch_and(!ASKS, Ordering::SeqCst);
    }

    /// Whether it was unparked since it last asked.
    pub(crate) fn is_marked(&self) -> bool {
        self.address.state.load(Ordering::SeqCst) & MARKED != 0
    }

    /// Whether it asks, or will because it was unparked.
    pub(crate) fn may_go_on(&self) -> bool {
        let state = self.address.state.load(Ordering::SeqCst);
        state & DEAF == 0 && state & (MARKED | ASKS) != 0
    }

    /// The name that the thread was started with.
    pub(crate) fn thread_name(&self) -> Option<String> {
        self.address.thread.name().map(str::to_owned)
    }

    /// Whether it wakes the same thread: one that is ending may have several.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

/// Sleeps until this thread is unparked, `until` has passed, or for no reason at all.
pub(crate) fn park_until(until: Option<Instant>) {
    match until {
        None => park(),
        Some(_) => park_from(now(), until),
    }
}

/// [`park_until`], for a caller who knows that it is `at` now.
pub(crate) fn park_from(at: Instant, until: Option<Instant>) {
    match until {
        None => park(),
        Some(instant) if instant > at => park_timeout(instant - at),
        Some(_) => {}
    }
}
