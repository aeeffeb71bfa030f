//! One host: its addresses at hand, and when the next request to it may start.
//!
//! All threads share one clock per host: `next` is the earliest instant of the next request, whichever thread
//! makes it. Starting a request moves `next` on by the delay. A refusal (429, 503) moves it on by the time that
//! the server asks for, or by a time that doubles with every refusal; it also doubles the delay and halves the
//! number of concurrent requests. Every eight other answers in a row undo one refusal.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::robots::Robots;
use super::settings::{Pace, RobotsPolicy};
use crate::store::{HostRow, Job};

/// Answers in a row that undo one refusal.
const ANSWERS_TO_RECOVER: u32 = 8;
/// The wait after the first refusal that names no time.
const MIN_REFUSAL_WAIT: Duration = Duration::from_secs(1);
const MAX_REFUSAL_WAIT: Duration = Duration::from_secs(300);
/// The delay of a host that has refused a request is at least `MIN_SLOWED_DELAY` and, unless it was longer
/// before, at most `MAX_SLOWED_DELAY`.
const MIN_SLOWED_DELAY: Duration = Duration::from_millis(50);
const MAX_SLOWED_DELAY: Duration = Duration::from_secs(10);

/// The state of a host's robots.txt.
#[derive(Debug)]
pub(super) enum Rules {
    NotFetched,
    InFlight,
    Known(Robots),
}

#[derive(Debug)]
pub(super) struct Host {
    pub(super) id: i64,
    pub(super) origin: String,
    pub(super) rules: Rules,
    pub(super) ready: VecDeque<Job>,
    /// The highest row number taken from the store.
    pub(super) cursor: i64,
    /// True if the store may hold queued addresses beyond the cursor.
    pub(super) more_queued: bool,
    /// The time at which the first postponed address is due, in milliseconds since 1970.
    pub(super) next_retry: Option<i64>,
    pub(super) in_flight: usize,
    /// True while the host is in the scheduler's queue of turns.
    pub(super) enqueued: bool,
    /// The earliest instant of the next request.
    pub(super) next: Instant,
    max_in_flight: usize,
    delay: Duration,
    usual_delay: Duration,
    /// Refusals not yet undone.
    refusals: u32,
    /// Answers in a row since the last refusal or recovery.
    answers: u32,
    pub(super) robots_tries: u32,
}

/// The result of a request, as far as it shows the load of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestOutcome {
    Answered,
    /// The host refused the request (429, 503), and may have said how long to wait.
    Overloaded(Option<Duration>),
    /// The outcome says nothing about the load.
    Unknown,
}

impl Host {
    pub(super) fn new(row: &HostRow, pace: &Pace, now: Instant, policy: RobotsPolicy) -> Self {
        let known = |robots| Rules::Known(robots);
        let rules = match (row.robots_said.as_deref(), &row.robots) {
            _ if policy == RobotsPolicy::Ignore => known(Robots::AllowAll),
            (Some("rules"), Some(text)) => known(Robots::new(text)),
            (Some("none" | "rules"), _) => known(Robots::AllowAll),
            (Some(why), _) => known(Robots::Unavailable(why.to_owned())),
            (None, _) => Rules::NotFetched,
        };
        let mut host = Self {
            id: row.id,
            origin: row.origin.clone(),
            rules,
            ready: VecDeque::new(),
            cursor: 0,
            more_queued: true,
            next_retry: None,
            in_flight: 0,
            enqueued: false,
            next: now,
            max_in_flight: pace.per_host,
            delay: pace.delay,
            usual_delay: pace.delay,
            refusals: 0,
            answers: 0,
            robots_tries: 0,
        };
        host.apply_crawl_delay();
        host
    }

    /// Adopts the delay of the robots.txt if that is longer.
    pub(super) fn apply_crawl_delay(&mut self) {
        if let Rules::Known(robots) = &self.rules
            && let Some(asked) = robots.delay()
        {
            self.usual_delay = self.usual_delay.max(asked);
            self.delay = self.delay.max(asked);
        }
    }

    /// Returns true if another concurrent request is allowed.
    pub(super) fn has_room(&self) -> bool {
        self.in_flight < self.max_in_flight
    }

    /// Notes that a request starts.
    pub(super) fn start(&mut self, now: Instant) {
        self.in_flight += 1;
        self.next = self.next.max(now + self.delay);
    }

    /// Notes that a request has ended.
    pub(super) fn finish(&mut self, now: Instant, outcome: RequestOutcome, pace: &Pace) {
        self.in_flight -= 1;
        match outcome {
            RequestOutcome::Answered => self.recover(pace),
            RequestOutcome::Unknown => {}
            RequestOutcome::Overloaded(asked) => {
                let own = MIN_REFUSAL_WAIT
                    .saturating_mul(1 << self.refusals.min(16))
                    .min(MAX_REFUSAL_WAIT);
                let wait = asked.unwrap_or(own).min(pace.longest_wait);
                self.next = self.next.max(now + wait);
                self.refusals += 1;
                self.answers = 0;
                self.max_in_flight = (self.max_in_flight / 2).max(1);
                self.delay = (self.delay * 2)
                    .max(MIN_SLOWED_DELAY)
                    .min(MAX_SLOWED_DELAY.max(self.usual_delay));
            }
        }
    }

    fn recover(&mut self, pace: &Pace) {
        if self.refusals == 0 {
            return;
        }
        self.answers += 1;
        if self.answers >= ANSWERS_TO_RECOVER {
            self.answers = 0;
            self.refusals -= 1;
            self.max_in_flight = (self.max_in_flight + 1).min(pace.per_host);
            self.delay = (self.delay / 2).max(self.usual_delay);
            if self.refusals == 0 {
                (self.max_in_flight, self.delay) = (pace.per_host, self.usual_delay);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(pace: &Pace, now: Instant) -> Host {
        let row = HostRow {
            id: 1,
            origin: "http://h.test".to_owned(),
            robots: None,
            robots_said: None,
        };
        Host::new(&row, pace, now, RobotsPolicy::Obey)
    }

    #[test]
    fn requests_start_at_least_a_delay_apart() {
        let (pace, now) = (Pace::default(), Instant::now());
        let mut host = host(&pace, now);
        host.start(now);
        assert_eq!(host.next, now + pace.delay);
        host.finish(now, RequestOutcome::Answered, &pace);
        assert_eq!(host.next, now + pace.delay);
    }

    #[test]
    fn refusals_slow_a_host_down_and_answers_speed_it_up_again() {
        let (pace, now) = (Pace::default(), Instant::now());
        let mut host = host(&pace, now);
        for expected in [1, 2, 4] {
            host.start(host.next);
            let at = host.next;
            host.finish(at, RequestOutcome::Overloaded(None), &pace);
            assert_eq!(host.next, at + Duration::from_secs(expected));
        }
        assert_eq!(host.max_in_flight, 1);
        assert_eq!(host.delay, pace.delay * 8);
        for _ in 0..3 * ANSWERS_TO_RECOVER {
            host.start(host.next);
            host.finish(host.next, RequestOutcome::Answered, &pace);
        }
        assert_eq!(
            (host.max_in_flight, host.delay),
            (pace.per_host, pace.delay)
        );
    }

    #[test]
    fn a_wait_that_the_server_asks_for_is_kept_up_to_the_limit() {
        let (pace, now) = (Pace::default(), Instant::now());
        let mut host = host(&pace, now);
        host.start(now);
        host.finish(
            now,
            RequestOutcome::Overloaded(Some(Duration::from_secs(7))),
            &pace,
        );
        assert_eq!(host.next, now + Duration::from_secs(7));
        host.start(now);
        host.finish(now, RequestOutcome::Overloaded(Some(Duration::MAX)), &pace);
        assert_eq!(host.next, now + pace.longest_wait);
    }

    #[test]
    fn a_longer_delay_in_robots_txt_is_adopted() {
        let (pace, now) = (Pace::default(), Instant::now());
        let row = HostRow {
            id: 1,
            origin: "http://h.test".to_owned(),
            robots: Some(b"User-agent: *\nCrawl-delay: 3\n".to_vec()),
            robots_said: Some("rules".to_owned()),
        };
        let mut host = Host::new(&row, &pace, now, RobotsPolicy::Obey);
        host.start(now);
        assert_eq!(host.next, now + Duration::from_secs(3));
    }
}
