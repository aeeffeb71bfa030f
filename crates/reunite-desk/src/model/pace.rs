//! How fast it goes, and how long it will last.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Older than that says little about what comes.
const MEMORY: Duration = Duration::from_secs(20);
/// Before that nobody knows.
const PATIENCE: Duration = Duration::from_millis(500);

/// A clock that stands still in pauses, and what was done when.
#[derive(Debug)]
pub(super) struct Pace {
    /// Time that passed before the last pause ended.
    before: Duration,
    /// Since when it runs; `None` in a pause.
    since: Option<Instant>,
    /// When each was done, of late.
    done: VecDeque<Duration>,
    total: usize,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            before: Duration::ZERO,
            since: Some(now),
            done: VecDeque::new(),
            total: 0,
        }
    }

    pub(super) fn elapsed(&self, now: Instant) -> Duration {
        self.before
            + self
                .since
                .map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    pub(super) fn pause(&mut self, now: Instant) {
        self.before = self.elapsed(now);
        self.since = None;
    }

    pub(super) fn resume(&mut self, now: Instant) {
        self.before = self.elapsed(now);
        self.since = Some(now);
    }

    pub(super) fn one_done(&mut self, now: Instant) {
        let at = self.elapsed(now);
        self.total += 1;
        self.done.push_back(at);
        while self.done.front().is_some_and(|&first| at - first > MEMORY) {
            self.done.pop_front();
        }
    }

    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// In a second, if that can be said.
    pub(super) fn rate(&self, now: Instant) -> Option<f64> {
        let elapsed = self.elapsed(now);
        let window = elapsed.min(MEMORY);
        let from = elapsed - window;
        let done = self.done.iter().filter(|&&at| at >= from).count();
        (done > 0 && window >= PATIENCE).then(|| done as f64 / window.as_secs_f64())
    }

    pub(super) fn left(&self, open: usize, now: Instant) -> Option<Duration> {
        let seconds = open as f64 / self.rate(now)?;
        Duration::try_from_secs_f64(seconds).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_no_time() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut pace = Pace::new(start);
        assert_eq!(pace.rate(at(0)), None);
        (1..=4).for_each(|second| pace.one_done(at(second)));
        assert_eq!(pace.rate(at(4)), Some(1.0));
        assert_eq!(pace.left(10, at(4)), Some(Duration::from_secs(10)));
        pace.pause(at(4));
        assert_eq!(pace.rate(at(1_000)), Some(1.0));
        pace.resume(at(1_000));
        (1..=4).for_each(|second| pace.one_done(at(1_000 + second)));
        assert_eq!(pace.elapsed(at(1_004)), Duration::from_secs(8));
        assert_eq!(pace.rate(at(1_004)), Some(1.0));
        assert_eq!(pace.total(), 8);
    }

    #[test]
    fn what_was_long_ago_does_not_count() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        (0..100).for_each(|_| pace.one_done(start));
        let later = start + Duration::from_secs(40);
        (0..20).for_each(|_| pace.one_done(later));
        assert_eq!(pace.rate(later), Some(1.0));
    }
}
