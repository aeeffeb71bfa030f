//! The rate of a batch, and the time left.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The time over which the rate is measured.
const MEMORY: Duration = Duration::from_secs(20);
/// The shortest time over which a rate is known.
const PATIENCE: Duration = Duration::from_millis(500);

/// A clock that stops during pauses, and the times at which pictures were done.
#[derive(Debug)]
pub(super) struct RateMeter {
    /// The time that ran before the last pause ended.
    before: Duration,
    /// The instant since which the clock runs; `None` during a pause.
    since: Option<Instant>,
    /// The times at which recent pictures were done.
    done: VecDeque<Duration>,
    total: usize,
}

impl RateMeter {
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

    /// Returns the pictures per second, if known.
    pub(super) fn rate(&self, now: Instant) -> Option<f64> {
        let elapsed = self.elapsed(now);
        let window = elapsed.min(MEMORY);
        let from = elapsed - window;
        let done = self.done.iter().filter(|&&at| at >= from).count();
        (done > 0 && window >= PATIENCE).then(|| done as f64 / window.as_secs_f64())
    }

    /// Returns the estimated time for `open` more pictures, if known.
    pub(super) fn left(&self, open: usize, now: Instant) -> Option<Duration> {
        let seconds = open as f64 / self.rate(now)?;
        Duration::try_from_secs_f64(seconds).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_stops_during_a_pause() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut rate = RateMeter::new(start);
        assert_eq!(rate.rate(at(0)), None);
        (1..=4).for_each(|second| rate.one_done(at(second)));
        assert_eq!(rate.rate(at(4)), Some(1.0));
        assert_eq!(rate.left(10, at(4)), Some(Duration::from_secs(10)));
        rate.pause(at(4));
        assert_eq!(rate.rate(at(1_000)), Some(1.0));
        rate.resume(at(1_000));
        (1..=4).for_each(|second| rate.one_done(at(1_000 + second)));
        assert_eq!(rate.elapsed(at(1_004)), Duration::from_secs(8));
        assert_eq!(rate.rate(at(1_004)), Some(1.0));
        assert_eq!(rate.total(), 8);
    }

    #[test]
    fn only_recent_pictures_count() {
        let start = Instant::now();
        let mut rate = RateMeter::new(start);
        (0..100).for_each(|_| rate.one_done(start));
        let later = start + Duration::from_secs(40);
        (0..20).for_each(|_| rate.one_done(later));
        assert_eq!(rate.rate(later), Some(1.0));
    }
}
