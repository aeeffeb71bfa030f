//! Deadlines: optional instants, of which the earliest holds. A timeout too long to be an instant is no deadline.

use crate::primitive::{Duration, Instant, now};

/// The instant `timeout` from now; `None` if the clock cannot represent it, which means never.
pub(crate) fn after(timeout: Duration) -> Option<Instant> {
    now().checked_add(timeout)
}

/// The earlier of two deadlines; `None` means never.
pub(crate) fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// Returns true if the deadline has passed at the instant `at`.
pub(crate) fn is_over(deadline: Option<Instant>, at: Instant) -> bool {
    deadline.is_some_and(|instant| instant <= at)
}

pub(crate) fn has_passed(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|instant| instant <= now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earlier_deadline_holds_and_never_is_last() {
        let near = now();
        let far = near + Duration::from_secs(60);
        assert_eq!(earlier(Some(near), Some(far)), Some(near));
        assert_eq!(earlier(Some(far), Some(near)), Some(near));
        assert_eq!(earlier(None, Some(far)), Some(far));
        assert_eq!(earlier(Some(far), None), Some(far));
        assert_eq!(earlier(None, None), None);
    }

    #[test]
    fn a_timeout_beyond_the_clock_is_never() {
        assert_eq!(after(Duration::MAX), None);
        assert!(!has_passed(None));
        assert!(has_passed(after(Duration::ZERO)));
    }
}
