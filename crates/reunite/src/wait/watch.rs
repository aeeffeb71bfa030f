//! When a wait looks up although nobody has woken it.

use crate::deadline;
use crate::deadlock::{On, Site, between_looks};
use crate::observe;
use crate::primitive::{Duration, Instant};

/// When a wait that lasts looks up: to say that it does; and, if it waits for anyone and may enter the graph, to ask
/// that again, in case a thread of somebody else has ended, which nobody tells. No other wait does: whoever closes a
/// cycle finds it there.
pub(super) struct Watch {
    since: Instant,
    /// How long it has to last until it looks up next.
    next: Duration,
    stalls_at: Option<Instant>,
}

/// When it enters the graph, as a rule.
const FIRST_LOOK: Duration = Duration::from_millis(10);

impl Watch {
    pub(super) fn new(since: Instant) -> Self {
        Self {
            since,
            next: Duration::ZERO,
            stalls_at: observe::stall_threshold().and_then(|after| since.checked_add(after)),
        }
    }

    /// When it says that it lasts, unless it has.
    pub(super) fn stalls_at(&self) -> Option<Instant> {
        self.stalls_at
    }

    /// When it looks up next.
    pub(super) fn looks_at(&mut self, site: &Site, at: Instant) -> Option<Instant> {
        let next = self.next_look(at.saturating_duration_since(self.since), &site.on)?;
        self.since.checked_add(next)
    }

    /// How long it will have lasted when it looks up next. A thread of somebody else may end at any time, so waits for
    /// anyone never cease to look, except in tests that show that nothing else depends on it.
    fn next_look(&mut self, lasted: Duration, on: &On) -> Option<Duration> {
        if !matches!(on, On::Anyone) || cfg!(reunite_no_looks) {
            return None;
        }
        if self.next <= lasted {
            self.next = lasted.saturating_add(between_looks(lasted, FIRST_LOOK));
        }
        Some(self.next)
    }

    /// Whether it has just come to last suspiciously long: once.
    pub(super) fn is_stalled(&mut self, site: &Site, at: Instant) -> bool {
        let is_over = deadline::is_over(self.stalls_at, at);
        if is_over {
            self.stalls_at = None;
        }
        is_over && !matches!(site.on, On::Time)
    }
}

/// Where waits do not look, there is nothing to try.
#[cfg(all(test, not(any(reunite_model, reunite_no_looks))))]
mod tests {
    use super::*;
    use crate::deadlock::Bond;
    use crate::primitive::now;

    #[test]
    fn a_wait_for_anyone_never_ceases_to_look() {
        let mut watch = Watch::new(now());
        let hour = Duration::from_secs(3600);
        for lasted in [Duration::ZERO, FIRST_LOOK, hour, 24 * hour] {
            let next = watch.next_look(lasted, &On::Anyone).unwrap();
            assert!(next > lasted && next <= lasted + hour);
        }
        let mut watch = Watch::new(now());
        assert!(watch.next_look(hour, &On::Bond(Bond::Lock(8))).is_none());
    }
}
