//! The instants at which a wait rechecks although it was not woken.

use crate::deadline;
use crate::deadlock::{WaitSite, WaitsOn, between_looks};
use crate::observe;
use crate::primitive::{Duration, Instant};

/// The rechecks of a wait that lasts. They are of two kinds: one reports that the wait is stalled; the others check the
/// wait-for graph again, because a thread outside this library may have ended, which the library does not notice
/// otherwise. Only waits that any thread could end check the graph again. The others need not: the last thread of a
/// cycle finds the cycle when it files its record.
pub(super) struct RecheckSchedule {
    since: Instant,
    /// The time that the wait has to last until it next checks the graph again.
    next: Duration,
    stalls_at: Option<Instant>,
}

/// The time after which a wait first checks the graph again: that after which a wait usually enters it.
const FIRST_LOOK: Duration = Duration::from_millis(10);

impl RecheckSchedule {
    pub(super) fn new(since: Instant) -> Self {
        Self {
            since,
            next: Duration::ZERO,
            stalls_at: observe::stall_threshold().and_then(|after| since.checked_add(after)),
        }
    }

    /// Returns the instant at which the wait is reported as stalled; `None` if it was reported, or never is.
    pub(super) fn stalls_at(&self) -> Option<Instant> {
        self.stalls_at
    }

    /// Returns the instant at which the wait next checks the graph again.
    pub(super) fn looks_at(&mut self, site: &WaitSite, at: Instant) -> Option<Instant> {
        let next = self.next_look(at.saturating_duration_since(self.since), &site.on)?;
        self.since.checked_add(next)
    }

    /// Returns the time that the wait will have lasted when it next checks the graph again. A thread outside this
    /// library may end at any time, so waits for anyone never stop checking, except in tests which show that nothing
    /// else depends on these checks.
    fn next_look(&mut self, lasted: Duration, on: &WaitsOn) -> Option<Duration> {
        if !matches!(on, WaitsOn::Anyone) || cfg!(reunite_no_looks) {
            return None;
        }
        if self.next <= lasted {
            self.next = lasted.saturating_add(between_looks(lasted, FIRST_LOOK));
        }
        Some(self.next)
    }

    /// Returns true if the wait has just become suspiciously long: only once, and never for a sleep.
    pub(super) fn is_stalled(&mut self, site: &WaitSite, at: Instant) -> bool {
        let is_over = deadline::is_over(self.stalls_at, at);
        if is_over {
            self.stalls_at = None;
        }
        is_over && !matches!(site.on, WaitsOn::Time)
    }
}

/// Tests of the schedule. They need a build in which waits recheck.
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
