//! The instants at which a wait enters the wait-for graph, and at which it checks whether its pool starves.

use crate::deadlock::{WaitSite, WaitsOn};
use crate::primitive::{Counter, Duration, Instant, Ordering};

/// The time that a wait of a pool lasts before it checks whether the pool starves, or hands over its thread's next
/// work.
#[cfg(not(reunite_model))]
pub(super) const GRACE: Duration = Duration::from_millis(1);
#[cfg(reunite_model)]
pub(super) const GRACE: Duration = Duration::ZERO;

/// The time for which a wait stays out of the wait-for graph. Most waits are shorter, and cost nothing there. The time
/// is usually longer than the system's tick: a thread that is to be woken before the next tick needs a timer of its
/// own, which makes its park twice as expensive.
#[cfg(not(reunite_model))]
pub(super) const FILES_AFTER: Duration = Duration::from_millis(10);
#[cfg(reunite_model)]
pub(super) const FILES_AFTER: Duration = Duration::ZERO;

/// A measure of how many of the recent waits have lasted longer than [`FILES_AFTER`]: from 0 (none) to [`MOST`]. Waking
/// a thread only to enter the graph costs twenty times as much as entering it. So if most waits last that long, they
/// enter the graph at once. The measure is written only when it changes, so seldom while all waits are alike. It does
/// not matter if one of two simultaneous writes is lost.
pub(super) static LASTING: Counter = Counter::new(0);
pub(super) const MOST: u64 = 64;

fn usually_lasts() -> bool {
    LASTING.load(Ordering::Relaxed) > MOST / 2
}

/// Records a wait that has lasted longer than [`FILES_AFTER`].
pub(super) fn record_long() {
    record(|lasting| MOST.min(lasting + 1));
}

/// Records a wait that has ended before.
pub(super) fn record_short() {
    record(|lasting| lasting.saturating_sub(1));
}

fn record(step: impl FnOnce(u64) -> u64) {
    let before = LASTING.load(Ordering::Relaxed);
    let after = step(before);
    if after != before {
        LASTING.store(after, Ordering::Relaxed);
    }
}

/// Returns the instant at which a wait enters the wait-for graph; `None` if the clock ends it. The graph's answer is
/// exact, so a wait may enter it at any time.
pub(super) fn enters_at(site: &WaitSite, since: Instant) -> Option<Instant> {
    match site.on {
        WaitsOn::Time => None,
        _ if usually_lasts() => Some(since),
        _ => since.checked_add(FILES_AFTER),
    }
}

/// Returns the instant at which a wait checks whether its pool starves, always after [`GRACE`]; `None` if the clock
/// ends it. The answer of that check is a guess, because a thread that the pool does not know may be about to end the
/// wait.
pub(super) fn starvation_check_at(site: &WaitSite, since: Instant) -> Option<Instant> {
    match site.on {
        WaitsOn::Time => None,
        _ => since.checked_add(GRACE),
    }
}
