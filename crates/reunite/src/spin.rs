//! Spinning: retrying for a while before a thread sleeps. Putting a thread to sleep and waking it costs more than most
//! short waits take.
//!
//! # Three ways to wait without sleeping
//! *While the thread that ends the wait runs on another core*, a waiter pauses between two checks: the result comes
//! within some hundred nanoseconds. Each pause is twice as long as the one before, because a check may take a cache
//! line from the threads that work on it. Earlier waits at the same place tell whether that thread runs on another
//! core: as long as pausing has paid off there, a [`SpinHint`] makes each wait pause, and otherwise one in [`RETRY`]
//! waits.
//!
//! *While cores are free*, a waiter yields the processor between two checks. A thread that was just woken is often put
//! on the core of the thread that woke it, and would run only when that thread parks. A yield lets it run at once, and
//! costs less than a microsecond if no other thread wants the core.
//!
//! *While other programs use the cores*, a yield costs a time slice: the waiter gets the core back when the others have
//! used their slices, milliseconds later, even if its result has come in the meantime. A thread that sleeps is better
//! off, because schedulers let a woken thread run soon. So the waiter parks instead of yielding.
//!
//! # Yield, or park
//! The average cost of yields decides. It is estimated with a coarse clock, because reading an exact one would cost as
//! much as a tenth of a yield. The coarse clock moves on at each tick of the system. A yield during which it moves
//! *meets a tick*: it was long, or it is one of the few short yields that meet a tick by chance.
//!
//! 1. Each tick that a yield meets adds [`TICK`] to a score. A tick that the yields of several threads meet counts
//!    once.
//! 2. Each yield that meets no tick takes 1 away from the score. So does each wait that ends while it pauses: where
//!    most waits end so, yields are rare, and most of those few meet ticks.
//! 3. So the score rises if more than one in [`TICK`] yields meets a tick. When it reaches [`EXPENSIVE`], yields cost
//!    more than parks, and no thread of the process yields for the length of a *rest*.
//! 4. If the yields after a rest are as expensive again, the next rest is twice as long, up to [`MAX_REST`].
//!
//! So a machine that stays busy costs the process about one slice per second, and a machine that was busy for a moment
//! is soon treated as free again. One other program with a low priority, or a task that computes for a while on the
//! core that its joiner yielded, does not make yields expensive.
//!
//! The shared words are hints: if threads race on them, a thread yields once too often or too rarely, and nothing else
//! happens.

#[cfg(not(any(reunite_model, reunite_no_looks)))]
use std::iter::successors;

#[cfg(not(any(reunite_model, reunite_no_looks)))]
use crate::primitive::{Duration, coarse_millis, now, spin_loop, yield_now};
use crate::primitive::{Ordering, SmallCounter};

/// The number of yields of a wait before it parks. If no other thread wants the core, they take about as long as a
/// sleep and a wake-up on a core that has gone idle. It is a number of yields and not a time, because other threads of
/// the process that share the core make progress during each yield.
#[cfg(not(any(reunite_model, reunite_no_looks)))]
const YIELDS: u32 = 40;

/// The last pause of a wait before it yields or parks. All its pauses together last about as long as two thread
/// switches.
#[cfg(not(any(reunite_model, reunite_no_looks)))]
const LONGEST_PAUSE: u32 = 64;

/// The time for which a wait pauses before it parks while yields are expensive: about as long as a sleep and a wake-up
/// on a busy core.
#[cfg(not(any(reunite_model, reunite_no_looks)))]
const PAUSING: Duration = Duration::from_micros(5);

/// The number of pauses between two checks of such a wait.
#[cfg(not(any(reunite_model, reunite_no_looks)))]
const PAUSES: u32 = 8;

/// The amount that a tick of the coarse clock adds to the score.
#[cfg(not(any(reunite_model, reunite_no_looks)))]
const TICK: u32 = 256;
#[cfg(not(any(reunite_model, reunite_no_looks)))]
const EXPENSIVE: u32 = 2 * TICK;

/// The first rest, in milliseconds.
#[cfg(not(any(reunite_model, reunite_no_looks)))]
const FIRST_REST: u32 = 20;
#[cfg(not(any(reunite_model, reunite_no_looks)))]
const MAX_REST: u32 = 1_000;

/// The estimate of what yields cost, for the whole process. Times are those of the coarse clock.
#[cfg(not(any(reunite_model, reunite_no_looks)))]
struct YieldStats {
    score: SmallCounter,
    /// The last tick that counted.
    tick: SmallCounter,
    resume_at: SmallCounter,
    /// The length of the last rest; 0 if there was none.
    rest: SmallCounter,
}

#[cfg(not(any(reunite_model, reunite_no_looks)))]
impl YieldStats {
    const fn new() -> Self {
        Self {
            score: SmallCounter::new(0),
            tick: SmallCounter::new(0),
            resume_at: SmallCounter::new(0),
            rest: SmallCounter::new(0),
        }
    }

    fn are_expensive(&self, now: u32) -> bool {
        let rest = self.rest.load(Ordering::Relaxed);
        // The clock wraps around after some weeks.
        let ahead = self.resume_at.load(Ordering::Relaxed).wrapping_sub(now);
        (1..=rest).contains(&ahead)
    }

    /// Records a yield that lasted from `before` to `after`. Returns false if it met a tick.
    fn record_yield(&self, before: u32, after: u32) -> bool {
        let score = self.score.load(Ordering::Relaxed);
        if before == after {
            self.was_short();
            return true;
        }
        if self.tick.load(Ordering::Relaxed) != after && !self.are_expensive(after) {
            self.tick.store(after, Ordering::Relaxed);
            if score + TICK < EXPENSIVE {
                self.score.store(score + TICK, Ordering::Relaxed);
            } else {
                self.rest_from(after);
            }
        }
        false
    }

    /// Records that a yield was short, or not needed.
    fn was_short(&self) {
        let score = self.score.load(Ordering::Relaxed);
        if score != 0 {
            self.score.store(score - 1, Ordering::Relaxed);
        }
    }

    fn rest_from(&self, now: u32) {
        let rest = self.rest.load(Ordering::Relaxed);
        let resumed_for = now.wrapping_sub(self.resume_at.load(Ordering::Relaxed));
        let rest = if resumed_for < 4 * rest {
            (2 * rest).min(MAX_REST)
        } else {
            FIRST_REST
        };
        self.rest.store(rest, Ordering::Relaxed);
        self.resume_at
            .store(now.wrapping_add(rest), Ordering::Relaxed);
        // With this score, a single tick soon after the rest begins the next rest.
        self.score.store(TICK, Ordering::Relaxed);
    }
}

#[cfg(not(any(reunite_model, reunite_no_looks)))]
static YIELDING: YieldStats = YieldStats::new();

/// A measure of whether pausing pays off at a place of waiting: the number of waits in a row that did not end while
/// they paused. It has cache lines of its own, because waiting threads write it while other threads work.
#[repr(align(128))]
pub(crate) struct SpinHint {
    in_vain: SmallCounter,
    #[cfg_attr(any(reunite_model, reunite_no_looks), expect(dead_code))]
    first_pause: u32,
}

/// The number of waits in a row that may pause without success before waits stop pausing. If more threads wait than
/// there are cores, dozens of waits in a row pause without success by chance, and each yield instead of a pause would
/// cost a change of threads.
const FEW: u32 = 32;
/// From then on, one in this many waits pauses.
const RETRY: u32 = 256;

impl SpinHint {
    /// Makes the hint of a place; `first_pause` is the length of the first pause of its waits.
    pub(crate) const fn new(first_pause: u32) -> Self {
        Self {
            in_vain: SmallCounter::new(0),
            first_pause,
        }
    }

    #[cfg_attr(any(reunite_model, reunite_no_looks), expect(dead_code))]
    fn pauses(&self) -> bool {
        let vain = self.in_vain.load(Ordering::Relaxed);
        let pauses = vain < FEW || vain.is_multiple_of(RETRY);
        if !pauses {
            self.in_vain.store(vain.wrapping_add(1), Ordering::Relaxed);
        }
        pauses
    }

    #[cfg_attr(any(reunite_model, reunite_no_looks), expect(dead_code))]
    fn record_pause(&self, in_vain: bool) {
        let vain = self.in_vain.load(Ordering::Relaxed);
        let now = if in_vain { vain.wrapping_add(1) } else { 0 };
        if now != vain {
            self.in_vain.store(now, Ordering::Relaxed);
        }
    }
}

/// Yields the processor to other threads, unless recent yields cost whole time slices because other programs use the
/// cores. Returns false if this yield may have cost a time slice: then the caller should sleep instead of yielding
/// again.
///
/// This is for a thread that is about to wait for something that comes soon, from a thread that needs a processor for
/// it. This library's own waits do the same by themselves.
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
        let before = coarse_millis();
        YIELDING.are_expensive(before) || {
            yield_now();
            YIELDING.record_yield(before, coarse_millis())
        }
    }
    // A model has no time, so nothing that depends on time is counted.
    #[cfg(any(reunite_model, reunite_no_looks))]
    {
        crate::primitive::yield_now();
        true
    }
}

/// Checks `ready` a few more times before the caller parks. Returns true if it became ready.
#[cfg(not(any(reunite_model, reunite_no_looks)))]
pub(crate) fn spin_until(ready: &mut dyn FnMut() -> bool) -> bool {
    let at = coarse_millis();
    if !YIELDING.are_expensive(at) {
        return yield_until(at, ready);
    }
    let since = now();
    while now().saturating_duration_since(since) < PAUSING {
        (0..PAUSES).for_each(|_| spin_loop());
        if ready() {
            return true;
        }
    }
    false
}

/// Checks `ready` a few times with pauses, if pausing has recently paid off at this place. Returns true if it became
/// ready.
#[cfg(not(any(reunite_model, reunite_no_looks)))]
pub(crate) fn pause_for_message(hint: &SpinHint, ready: &mut dyn FnMut() -> bool) -> bool {
    if !hint.pauses() {
        return false;
    }
    let doubled = |pause: &u32| Some(2 * pause).filter(|pause| *pause <= LONGEST_PAUSE);
    let is_ready = successors(Some(hint.first_pause), doubled).any(|pause| {
        (0..pause).for_each(|_| spin_loop());
        ready()
    });
    hint.record_pause(!is_ready);
    if is_ready {
        YIELDING.was_short();
    }
    is_ready
}

/// Checks `ready` a few times with yields, after the pauses. While yields are expensive, returns false at once: usually
/// the thread that sends the message needs this core first, and a park gives it the core.
#[cfg(not(any(reunite_model, reunite_no_looks)))]
pub(crate) fn yield_for_message(ready: &mut dyn FnMut() -> bool) -> bool {
    let at = coarse_millis();
    !YIELDING.are_expensive(at) && yield_until(at, ready)
}

#[cfg(not(any(reunite_model, reunite_no_looks)))]
fn yield_until(mut at: u32, ready: &mut dyn FnMut() -> bool) -> bool {
    for _ in 0..YIELDS {
        let before = at;
        yield_now();
        at = coarse_millis();
        let was_short = YIELDING.record_yield(before, at);
        if ready() {
            return true;
        }
        if !was_short {
            return false;
        }
    }
    false
}

/// Does not spin. A model has no time, and it tests the parks. Likewise, tests in which a park that lost its wake-up
/// hangs (`reunite_no_looks`) need waits that park.
#[cfg(any(reunite_model, reunite_no_looks))]
pub(crate) fn spin_until(_: &mut dyn FnMut() -> bool) -> bool {
    false
}

#[cfg(any(reunite_model, reunite_no_looks))]
pub(crate) fn pause_for_message(_: &SpinHint, _: &mut dyn FnMut() -> bool) -> bool {
    false
}

#[cfg(any(reunite_model, reunite_no_looks))]
pub(crate) fn yield_for_message(_: &mut dyn FnMut() -> bool) -> bool {
    false
}

#[cfg(all(test, not(any(reunite_model, reunite_no_looks))))]
mod tests {
    use super::*;

    /// Records a yield that ends at this time and met a tick.
    fn dear(yields: &YieldStats, at: u32) {
        assert!(!yields.record_yield(at - 3, at));
    }

    /// Records `count` yields that met no tick.
    fn cheap(yields: &YieldStats, count: u32) {
        assert!((0..count).all(|_| yields.record_yield(7, 7)));
    }

    #[test]
    fn yields_rest_longer_while_the_machine_stays_busy() {
        let yields = YieldStats::new();
        assert!(!yields.are_expensive(0), "at first all yield");
        let mut at = 5_000;
        dear(&yields, at);
        assert!(
            !yields.are_expensive(at),
            "one may be short, and have met a tick"
        );
        let mut rests = Vec::new();
        for _ in 0..8 {
            at += 4;
            dear(&yields, at);
            let rest = (0..).find(|ms| !yields.are_expensive(at + ms)).unwrap();
            rests.push(rest);
            at += rest;
        }
        assert_eq!(rests, [20, 40, 80, 160, 320, 640, 1_000, 1_000]);
    }

    #[test]
    fn threads_whose_yields_meet_the_same_tick_count_once() {
        let yields = YieldStats::new();
        (0..5).for_each(|_| dear(&yields, 1_000));
        assert!(!yields.are_expensive(1_000));
        (0..5).for_each(|_| dear(&yields, 1_004));
        assert!(yields.are_expensive(1_023) && !yields.are_expensive(1_024));
        // Yields that end during the rest have begun before it, and do not count.
        (0..5).for_each(|_| dear(&yields, 1_008));
        assert!(!yields.are_expensive(1_024));
    }

    #[test]
    fn a_long_yield_among_many_short_ones_is_none_too_many() {
        let yields = YieldStats::new();
        for at in (1_000..9_000).step_by(4) {
            dear(&yields, at);
            cheap(&yields, TICK);
        }
        assert!(!yields.are_expensive(9_000));
    }

    #[test]
    fn a_long_yield_among_many_waits_without_one_is_none_too_many() {
        let yields = YieldStats::new();
        for at in (1_000..9_000).step_by(4) {
            dear(&yields, at);
            (0..TICK).for_each(|_| yields.was_short());
        }
        assert!(!yields.are_expensive(9_000));
    }

    #[test]
    fn a_machine_that_was_busy_for_a_moment_is_forgotten() {
        let yields = YieldStats::new();
        dear(&yields, 1_000);
        dear(&yields, 1_004);
        dear(&yields, 1_030);
        assert!(yields.are_expensive(1_069), "twice as long");
        cheap(&yields, TICK);
        dear(&yields, 60_000);
        assert!(!yields.are_expensive(60_000));
        dear(&yields, 60_004);
        assert!(!yields.are_expensive(60_024), "as the first time");
    }

    #[test]
    fn the_clock_of_yields_may_start_again() {
        let yields = YieldStats::new();
        dear(&yields, u32::MAX - 10);
        dear(&yields, u32::MAX - 6);
        assert!(yields.are_expensive(u32::MAX) && yields.are_expensive(5));
        assert!(!yields.are_expensive(13) && !yields.are_expensive(1 << 31));
    }

    #[test]
    fn waits_pause_while_that_pays_and_seldom_else() {
        let hint = SpinHint::new(1);
        let of_many = |in_vain: bool| {
            let pausing = (0..10 * RETRY).filter(|_| {
                let pauses = hint.pauses();
                if pauses {
                    hint.record_pause(in_vain);
                }
                pauses
            });
            pausing.count()
        };
        let at_first_and_retries = FEW as usize + 9..FEW as usize + 11;
        assert!(at_first_and_retries.contains(&of_many(true)));
        let ever_since = of_many(false);
        assert!(ever_since > 9 * RETRY as usize, "once one has paid");
        assert_eq!(of_many(false), 10 * RETRY as usize);
    }
}
