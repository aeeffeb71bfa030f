//! Parking: how one thread sleeps until another says so.
//!
//! A [`Parker`] names a thread. `unpark` leaves a token, so an unpark before the park is not lost; a
//! token may also be left over from an earlier wait, so every park is in a loop that asks its condition
//! again. Nothing here knows what is waited for.

pub(crate) use crate::primitive::spin_loop;
use crate::primitive::{
    Arc, AtomicBool, Instant, Ordering, Thread, ThreadId, current, now, park, park_timeout,
    thread_local, yield_now,
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
    /// Raised by every unpark, lowered by the thread before it asks what it waits for.
    mark: AtomicBool,
}

thread_local! {
    static HERE: Parker = Parker::new();
}

impl Parker {
    fn new() -> Self {
        let thread = current();
        let id = thread.id();
        let mark = AtomicBool::new(false);
        Self {
            address: Arc::new(Address { thread, mark }),
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
        self.address.mark.store(true, Ordering::Release);
        self.address.thread.unpark();
    }

    /// Of the calling thread: it is about to ask anew.
    pub(crate) fn lower_mark(&self) {
        self.address.mark.store(false, Ordering::SeqCst);
    }

    /// Whether it was unparked since it last asked.
    pub(crate) fn is_marked(&self) -> bool {
        self.address.mark.load(Ordering::Acquire)
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

/// Rounds of asking before a park, each with twice the pause of the one before: some ten microseconds.
#[cfg(not(reunite_model))]
const SPINS: u32 = 9;
#[cfg(reunite_model)]
const SPINS: u32 = 0;

/// The first rounds are for what is on its way at this very moment.
const BRIEF: u32 = 3;

/// Asks a few more times before the caller parks: putting a thread to sleep and waking it costs more than
/// most short waits take. Returns whether the answer was yes.
///
/// From the third round on it offers the processor to others first: a thread that was just woken is often
/// put on its waker's processor, and would run only when that parks.
pub(crate) fn spin_until(ready: &mut dyn FnMut() -> bool) -> bool {
    (0..SPINS).any(|round| {
        if round >= BRIEF {
            yield_now();
        }
        (0..1 << round).for_each(|_| spin_loop());
        ready()
    })
}

/// [`spin_until`] for less than a microsecond, and without offering the processor: when every one is busy,
/// it may take milliseconds to get it back, and the caller has a deadline.
pub(crate) fn spin_briefly_until(ready: &mut dyn FnMut() -> bool) -> bool {
    (0..SPINS.min(BRIEF)).any(|round| {
        (0..1 << round).for_each(|_| spin_loop());
        ready()
    })
}
