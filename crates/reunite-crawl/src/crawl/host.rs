//! One host: what is left of it, and when it may be asked again.
//!
//! All threads have one clock: `next` is the earliest instant of the next request to this host, whoever
//! makes it. A start moves it on by the delay; a refusal (429, 503) moves it on by what the server asks for,
//! or else by a time that doubles with every refusal, makes the delay longer and the number of requests at a
//! time smaller. Both recover slowly with answers that are none.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::robots::Robots;
use super::settings::Pace;
use crate::store::{HostRow, Job};

/// Answers in a row after which a host that was strained is asked a little more.
const CALM: u32 = 8;
const SHORTEST_STRAIN: Duration = Duration::from_secs(1);
const LONGEST_STRAIN: Duration = Duration::from_secs(300);
const LONGEST_DELAY: Duration = Duration::from_secs(10);
const LEAST_SLOWED: Duration = Duration::from_millis(50);

/// What is known of a host's rules.
#[derive(Debug)]
pub(super) enum Rules {
    NotAsked,
    Asking,
    Known(Robots),
}

#[derive(Debug)]
pub(super) struct Host {
    pub(super) id: i64,
    pub(super) origin: String,
    pub(super) rules: Rules,
    pub(super) ready: VecDeque<Job>,
    /// The highest number taken from the store.
    pub(super) cursor: i64,
    /// Whether the store may have more beyond it.
    pub(super) more: bool,
    /// When the first of those that wait for another try is due, in milliseconds since 1970.
    pub(super) again: Option<i64>,
    pub(super) in_flight: usize,
    /// Whether it waits for its turn.
    pub(super) listed: bool,
    pub(super) next: Instant,
    limit: usize,
    delay: Duration,
    usual_delay: Duration,
    strain: u32,
    calm: u32,
    pub(super) robots_tries: u32,
}

/// How a request went, as far as the host's pace is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Went {
    Well,
    /// It asked to be left alone, perhaps for so long.
    Strained(Option<Duration>),
    /// It says nothing about the host.
    Unknown,
}

impl Host {
    pub(super) fn new(row: &HostRow, pace: &Pace, now: Instant, heed_robots: bool) -> Self {
        let known = |robots| Rules::Known(robots);
        let rules = match (row.robots_said.as_deref(), &row.robots) {
            _ if !heed_robots => known(Robots::Open),
            (Some("rules"), Some(text)) => known(Robots::new(text)),
            (Some("none" | "rules"), _) => known(Robots::Open),
            (Some(lost), _) => known(Robots::Lost(lost.to_owned())),
            (None, _) => Rules::NotAsked,
        };
        let mut host = Self {
            id: row.id,
            origin: row.origin.clone(),
            rules,
            ready: VecDeque::new(),
            cursor: 0,
            more: true,
            again: None,
            in_flight: 0,
            listed: false,
            next: now,
            limit: pace.per_host,
            delay: pace.delay,
            usual_delay: pace.delay,
            strain: 0,
            calm: 0,
            robots_tries: 0,
        };
        host.heed_delay();
        host
    }

    /// The delay that its robots.txt asks for, if that is longer.
    pub(super) fn heed_delay(&mut self) {
        if let Rules::Known(robots) = &self.rules
            && let Some(asked) = robots.delay()
        {
            self.usual_delay = self.usual_delay.max(asked);
            self.delay = self.delay.max(asked);
        }
    }

    /// Whether one more request at a time is allowed.
    pub(super) fn has_room(&self) -> bool {
        self.in_flight < self.limit
    }

    pub(super) fn start(&mut self, now: Instant) {
        self.in_flight += 1;
        self.next = self.next.max(now + self.delay);
    }

    pub(super) fn finish(&mut self, now: Instant, went: Went, pace: &Pace) {
        self.in_flight -= 1;
        match went {
            Went::Well => self.relax(pace),
            Went::Unknown => {}
            Went::Strained(asked) => {
                let own = SHORTEST_STRAIN
                    .saturating_mul(1 << self.strain.min(16))
                    .min(LONGEST_STRAIN);
                let wait = asked.unwrap_or(own).min(pace.longest_wait);
                self.next = self.next.max(now + wait);
                self.strain += 1;
                self.calm = 0;
                self.limit = (self.limit / 2).max(1);
                self.delay = (self.delay * 2)
                    .max(LEAST_SLOWED)
                    .min(LONGEST_DELAY.max(self.usual_delay));
            }
        }
    }

    fn relax(&mut self, pace: &Pace) {
        if self.strain == 0 {
            return;
        }
        self.calm += 1;
        if self.calm >= CALM {
            self.calm = 0;
            self.strain -= 1;
            self.limit = (self.limit + 1).min(pace.per_host);
            self.delay = (self.delay / 2).max(self.usual_delay);
            if self.strain == 0 {
                (self.limit, self.delay) = (pace.per_host, self.usual_delay);
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
        Host::new(&row, pace, now, true)
    }

    #[test]
    fn starts_are_a_delay_apart() {
        let (pace, now) = (Pace::default(), Instant::now());
        let mut host = host(&pace, now);
        host.start(now);
        assert_eq!(host.next, now + pace.delay);
        host.finish(now, Went::Well, &pace);
        assert_eq!(host.next, now + pace.delay);
    }

    #[test]
    fn refusals_slow_down_and_answers_recover() {
        let (pace, now) = (Pace::default(), Instant::now());
        let mut host = host(&pace, now);
        for expected in [1, 2, 4] {
            host.start(host.next);
            let at = host.next;
            host.finish(at, Went::Strained(None), &pace);
            assert_eq!(host.next, at + Duration::from_secs(expected));
        }
        assert_eq!(host.limit, 1);
        assert_eq!(host.delay, pace.delay * 8);
        for _ in 0..3 * CALM {
            host.start(host.next);
            host.finish(host.next, Went::Well, &pace);
        }
        assert_eq!((host.limit, host.delay), (pace.per_host, pace.delay));
    }

    #[test]
    fn what_the_server_asks_for_is_honoured_within_reason() {
        let (pace, now) = (Pace::default(), Instant::now());
        let mut host = host(&pace, now);
        host.start(now);
        host.finish(now, Went::Strained(Some(Duration::from_secs(7))), &pace);
        assert_eq!(host.next, now + Duration::from_secs(7));
        host.start(now);
        host.finish(now, Went::Strained(Some(Duration::MAX)), &pace);
        assert_eq!(host.next, now + pace.longest_wait);
    }

    #[test]
    fn the_delay_of_robots_txt_counts_if_it_is_longer() {
        let (pace, now) = (Pace::default(), Instant::now());
        let row = HostRow {
            id: 1,
            origin: "http://h.test".to_owned(),
            robots: Some(b"User-agent: *\nCrawl-delay: 3\n".to_vec()),
            robots_said: Some("rules".to_owned()),
        };
        let mut host = Host::new(&row, &pace, now, true);
        host.start(now);
        assert_eq!(host.next, now + Duration::from_secs(3));
    }
}
