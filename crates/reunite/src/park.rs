//! Parking: how one thread sleeps until another says so.
//!
//! A [`Parker`] names a thread. `unpark` leaves a token, so an unpark before the park is not lost; a
//! token may also be left over from an earlier wait, so every park is in a loop that asks its condition
//! again. Nothing here knows what is waited for.

pub(crate) use crate::primitive::spin_loop;
use crate::primitive::{
    Arc, AtomicU8, Instant, Ordering, Thread, ThreadId, current, now, park, park_timeout,
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

    /// Wakes that thread, or makes its next park return at once.
    pub(crate) fn unpark(&self) {
        self.address.state.fetch_or(MARKED, Ordering::SeqCst);
        self.address.thread.unpark();
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
        self.address.state.load(Ordering::SeqCst) != 0
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
        Some(instant) => {
            let left = instant.saturating_duration_since(now());
            if !left.is_zero() {
                park_timeout(left);
            }
        }
    }
}
