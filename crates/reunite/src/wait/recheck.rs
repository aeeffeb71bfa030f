//! The instants at which a wait looks up although it was not woken.

use crate::deadline;
use crate::deadlock::{WaitSite, WaitsOn, between_looks};
use crate::observe;
use crate::primitive::{Duration, Instant};

/// The looks of a lasting wait: to report that it lasts; and, if any thread could end it and it may enter the graph,
/// to check the graph again, in case a thread of the program outside this library has ended, which the library does not
/// notice otherwise. No other wait looks up: the last thread of a cycle finds it when it files its record.
pub(super) struct RecheckSchedule {
    since: Instant,
    /// The time that the wait has to last until it looks up next.
    next: Duration,
    stalls_at: Option<Instant>,
}

/// The time after which a wait usually enters the graph.
const FIRST_LOOK: Duration = Duration::from_millis(10);

impl RecheckSchedule {
    pub(super) fn new(since: Instant) -> Self {
        Self {
            since,
            next: Duration::ZERO,
            stalls_at: observe::stall_threshold().and_then(|after| since.checked_add(after)),
        }
    }

    /// The instant at which the wait is reported as stalled; `None` if it was.
    pub(super) fn stalls_at(&self) -> Option<Instant> {
        self.stalls_at
    }

    /// The instant at which the wait looks up next.
    pub(super) fn looks_at(&mut self, site: &WaitSite, at: Instant) -> Option<Instant> {
        let next = self.next_look(at.saturating_duration_since(self.since), &site.on)?;
        self.since.checked_add(next)
    }

    /// The time that the wait will have lasted when it looks up next. A thread outside this library may end at any
    /// time, so waits for anyone never cease to look, except in tests that show that nothing else depends on it.
    fn next_look(&mut self, lasted: Duration, on: &WaitsOn) -> Option<Duration> {
        if !matches!(on, WaitsOn::Anyone) || cfg!(reunite_no_looks) {
            return None;
        }
        if self.next <= lasted {
            self.next = lasted.saturating_add(between_looks(lasted, FIRST_LOOK));
        }
        Some(self.next)
    }

    /// Returns true once: when the wait has just come to last suspiciously long.
    pub(super) fn is_stalled(&mut self, site: &WaitSite, at: Instant) -> bool {
        let is_over = deadline::is_over(self.stalls_at, at);
        if is_over {
            self.stalls_at = None;
        }
        is_over && !matches!(site.on, WaitsOn::Time)
    }
}

/// Tests of the schedule. They need a build in which waits look up.
#[cfg(all(test, not(any(reunite_model, reunite_no_looks))))]
mod tests {
    use super::*;
    use crate::deadlock::Resource;
    use crate::primitive::now;

    #[test]
    fn a_wait_for_anyone_never_ceases_to_look() {
        let mut watch = RecheckSchedule::new(now());
        let hour = Duration::from_secs(3600);
        for lasted in [Duration::ZERO, FIRST_LOOK, hour, 24 * hour] {
            let next = watch.next_look(lasted, &WaitsOn::Anyone).unwrap();
            assert!(next > lasted && next <= lasted + hour);
        }
        let mut watch = RecheckSchedule::new(now());
        assert!(
            watch
                .next_look(hour, &WaitsOn::Resource(Resource::Lock(8)))
                .is_none()
        );
    }
}
