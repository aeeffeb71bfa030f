//! Asking again for a while before a thread sleeps: to put a thread to sleep and to wake it costs more than most
//! short waits take.
//!
//! # Two ways to spin
//! *While cores are free*, a waiter yields the processor between two questions. A thread that was just woken is often
//! put on its waker's core, and would run only when that parks; a yield lets it run at once, and costs less than a
//! microsecond where nobody wants the core.
//!
//! *While others use the cores*, a yield costs a time slice: the thread gets the core back when the others have had
//! theirs, milliseconds later, however early its wait was over. A thread that sleeps is better off, as schedulers
//! let one that was woken run soon. So the waiter only pauses, for about as long as to sleep and to be woken takes, and
//! parks: it never gives its slice away.
//!
//! # Which of the two
//! A yield that took longer than [`SLICE`] tells that others use the cores. After that no thread of the process yields
//! for a rest. If the first yields after a rest are as dear again, the next rest is twice as long, up to [`MAX_REST`]:
//! a machine that stays busy costs the process a slice each second or so, and one that was busy for a moment is
//! forgotten soon. The words are hints: threads that race on them yield once too often or too rarely, no more.

#[cfg(not(any(reunite_model, reunite_no_looks)))]
use crate::primitive::{Counter, Duration, Instant, OnceLock, Ordering, now, spin_loop, yield_now};

/// How long a wait yields before it parks: about as long as to sleep and to be woken takes where the core has gone
/// idle meanwhile.
#[cfg(not(any(reunite_model, reunite_no_looks)))]
const YIELDING: Duration = Duration::from_micros(20);

/// How long a wait pauses before it parks: about as long as to sleep and to be woken takes where the core is busy.
#[cfg(not(any(reunite_model, reunite_no_looks)))]
const PAUSING: Duration = Duration::from_micros(5);

/// The same of a wait for a message. Its sender has to have the core first, as a rule, and this one gives it that.
#[cfg(not(any(reunite_model, reunite_no_looks)))]
const PAUSING_FOR_MESSAGE: Duration = Duration::from_nanos(500);

/// Between two questions of a wait that does not yield.
#[cfg(not(any(reunite_model, reunite_no_looks)))]
const PAUSES: u32 = 8;

/// Shorter than any time slice, and longer than a yield takes that only threads of a chain of short waits accept.
#[cfg(not(any(reunite_model, reunite_no_looks)))]
const SLICE: Duration = Duration::from_micros(500);

#[cfg(not(any(reunite_model, reunite_no_looks)))]
const FIRST_REST: Duration = Duration::from_millis(20);
#[cfg(not(any(reunite_model, reunite_no_looks)))]
const MAX_REST: Duration = Duration::from_secs(1);

/// What the process knows of yields. Times are nanoseconds since the first question.
#[cfg(not(any(reunite_model, reunite_no_looks)))]
struct Yields {
    resume_at: Counter,
    rest: Counter,
}

#[cfg(not(any(reunite_model, reunite_no_looks)))]
impl Yields {
    const fn new() -> Self {
        Self {
            resume_at: Counter::new(0),
            rest: Counter::new(0),
        }
    }

    fn are_dear(&self, now: u64) -> bool {
        now < self.resume_at.load(Ordering::Relaxed)
    }

    /// A yield that ended at `now` took longer than a slice.
    fn was_dear(&self, now: u64) {
        let resumed_at = self.resume_at.load(Ordering::Relaxed);
        if now < resumed_at {
            // Another thread has just found the same.
            return;
        }
        let rest = self.rest.load(Ordering::Relaxed);
        let is_again = now - resumed_at < 4 * rest;
        let (first, longest) = (nanos(FIRST_REST), nanos(MAX_REST));
        let rest = if is_again {
            (2 * rest).min(longest)
        } else {
            first
        };
        self.rest.store(rest, Ordering::Relaxed);
        self.resume_at.store(now + rest, Ordering::Relaxed);
    }
}

#[cfg(not(any(reunite_model, reunite_no_looks)))]
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(not(any(reunite_model, reunite_no_looks)))]
static YIELDS: Yields = Yields::new();

#[cfg(not(any(reunite_model, reunite_no_looks)))]
fn clock(at: Instant) -> u64 {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    nanos(at.saturating_duration_since(*EPOCH.get_or_init(|| at)))
}

/// Yields the processor, at `since`. Returns the time after that, and false if it was dear.
#[cfg(not(any(reunite_model, reunite_no_looks)))]
fn yield_at(since: Instant) -> (Instant, bool) {
    yield_now();
    let at = now();
    let was_dear = at.saturating_duration_since(since) > SLICE;
    if was_dear {
        YIELDS.was_dear(clock(at));
    }
    (at, !was_dear)
}

/// Yields the processor to other threads, unless that was found to cost a whole time slice of late, because other
/// programs use the cores. Returns false if it cost one this time: whoever waits had better sleep.
///
/// For threads that are about to wait for something that comes soon, and that another thread can only bring when it
/// runs. This library's own waits do it by themselves.
///
/// ```
/// # use std::sync::atomic::{AtomicBool, Ordering};
/// static READY: AtomicBool = AtomicBool::new(false);
/// let setter = reunite::spawn(|| READY.store(true, Ordering::Release));
/// while !READY.load(Ordering::Acquire) && reunite::yield_briefly() {}
/// setter.join().unwrap();
/// ```
pub fn yield_briefly() -> bool {
    #[cfg(not(any(reunite_model, reunite_no_looks)))]
    {
        let since = now();
        YIELDS.are_dear(clock(since)) || yield_at(since).1
    }
    // There is no time in a model, and what depends on it is not counted.
    #[cfg(any(reunite_model, reunite_no_looks))]
    {
        crate::primitive::yield_now();
        true
    }
}

/// Asks a few more times before the caller parks. Returns whether the answer was yes.
#[cfg(not(any(reunite_model, reunite_no_looks)))]
pub(crate) fn spin_until(ready: &mut dyn FnMut() -> bool) -> bool {
    spin(PAUSING, ready)
}

/// [`spin_until`] for a message.
#[cfg(not(any(reunite_model, reunite_no_looks)))]
pub(crate) fn spin_for_message(ready: &mut dyn FnMut() -> bool) -> bool {
    spin(PAUSING_FOR_MESSAGE, ready)
}

#[cfg(not(any(reunite_model, reunite_no_looks)))]
fn spin(pausing: Duration, ready: &mut dyn FnMut() -> bool) -> bool {
    let since = now();
    let mut at = since;
    loop {
        let yields = !YIELDS.are_dear(clock(at));
        let mut goes_on = true;
        if yields {
            (at, goes_on) = yield_at(at);
        } else {
            (0..PAUSES).for_each(|_| spin_loop());
            at = now();
        }
        if ready() {
            return true;
        }
        let limit = if yields { YIELDING } else { pausing };
        if !goes_on || at.saturating_duration_since(since) > limit {
            return false;
        }
    }
}

/// There is no time in a model, and parks are what it is to try, as they are in tests of which one that lost its wake-up
/// hangs.
#[cfg(any(reunite_model, reunite_no_looks))]
pub(crate) fn spin_until(_: &mut dyn FnMut() -> bool) -> bool {
    false
}

#[cfg(any(reunite_model, reunite_no_looks))]
pub(crate) fn spin_for_message(_: &mut dyn FnMut() -> bool) -> bool {
    false
}

#[cfg(all(test, not(any(reunite_model, reunite_no_looks))))]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn yields_rest_longer_while_the_machine_stays_busy() {
        let yields = Yields::new();
        assert!(!yields.are_dear(0), "at first all yield");
        let mut at = 5000 * MS;
        let mut rests = Vec::new();
        for _ in 0..8 {
            yields.was_dear(at);
            let rest = (0..).find(|ms| !yields.are_dear(at + ms * MS)).unwrap();
            rests.push(rest);
            at += rest * MS;
        }
        assert_eq!(rests, [20, 40, 80, 160, 320, 640, 1000, 1000]);
    }

    #[test]
    fn threads_that_find_the_same_at_the_same_time_count_once() {
        let yields = Yields::new();
        (0..5).for_each(|n| yields.was_dear(1000 * MS + n));
        assert!(yields.are_dear(1019 * MS));
        assert!(!yields.are_dear(1021 * MS));
    }

    #[test]
    fn a_machine_that_was_busy_for_a_moment_is_forgotten() {
        let yields = Yields::new();
        yields.was_dear(1000 * MS);
        yields.was_dear(1021 * MS);
        assert!(yields.are_dear(1060 * MS), "twice as long");
        yields.was_dear(60_000 * MS);
        assert!(!yields.are_dear(60_021 * MS), "as the first time");
    }
}
