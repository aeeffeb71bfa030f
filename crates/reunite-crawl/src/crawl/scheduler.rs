//! The scheduler: decides which host gets the next request, and when.
//!
//! Each host that has addresses to fetch and may have another concurrent request is in one queue, ordered by the
//! earliest instant of its next request, then by when it was enqueued. So hosts take turns, and one clock serves
//! all threads. A host is taken out for its turn and put back if it has more to fetch. It holds up to
//! `REFILL_SIZE` addresses in memory and takes more from the store when they are used up, so that memory does
//! not grow with the number of queued addresses. At most `MAX_HOSTS` hosts are in memory; the others are loaded
//! from the store when there is room.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::{Duration, Instant, SystemTime};

use super::host::{Host, RequestOutcome, Rules};
use super::robots::Robots;
use super::settings::{Pace, RobotsPolicy};
use crate::address::Skipped;
use crate::fetch::Failure;
use crate::store::{Job, Role, Store, StoreError, milliseconds};

/// Addresses that a host takes from the store at once.
const REFILL_SIZE: usize = 64;
/// Hosts in memory.
const MAX_HOSTS: usize = 4096;
/// Hosts loaded by one query.
const HOSTS_PER_QUERY: usize = 256;

/// The next thing to do for a host.
#[derive(Debug)]
pub(super) enum Turn {
    /// Fetch the robots.txt of this host.
    Robots {
        host: i64,
        origin: String,
    },
    Fetch(Job),
    /// Skip the address: robots.txt forbids it.
    Skip(Job, Skipped),
    /// Store a failure without a request: the host's robots.txt is unavailable.
    Fail(Job, Failure),
}

#[derive(Debug)]
pub(super) struct Scheduler {
    hosts: HashMap<i64, Host>,
    /// Enqueued hosts: the earliest instant of the next request, the order of arrival, the host's row number.
    turns: BinaryHeap<Reverse<(Instant, u64, i64)>>,
    arrivals: u64,
    pace: Pace,
    robots_policy: RobotsPolicy,
    /// True if the store may have hosts with queued addresses that are not in memory.
    more_hosts: bool,
    /// One moment on the monotonic clock and, in milliseconds since 1970, on the wall clock.
    epoch: (Instant, i64),
}

impl Scheduler {
    pub(super) fn new(pace: Pace, robots_policy: RobotsPolicy) -> Self {
        Self {
            hosts: HashMap::new(),
            turns: BinaryHeap::new(),
            arrivals: 0,
            pace,
            robots_policy,
            more_hosts: true,
            epoch: (Instant::now(), milliseconds(SystemTime::now())),
        }
    }

    /// Converts an instant to milliseconds since 1970.
    pub(super) fn wall_clock(&self, at: Instant) -> i64 {
        let since = at.saturating_duration_since(self.epoch.0);
        self.epoch
            .1
            .saturating_add(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// Converts milliseconds since 1970 to an instant.
    fn instant(&self, wall_clock: i64) -> Instant {
        let since = u64::try_from(wall_clock.saturating_sub(self.epoch.1)).unwrap_or(0);
        let now = self.epoch.0;
        now.checked_add(Duration::from_millis(since)).unwrap_or(now)
    }

    /// Notes that a host has more addresses to fetch than before.
    pub(super) fn add_work(
        &mut self,
        id: i64,
        store: &Store,
        now: Instant,
    ) -> Result<(), StoreError> {
        if let Some(host) = self.hosts.get_mut(&id) {
            host.more_queued = true;
            host.next_retry = store.next_due(id)?;
        } else if self.hosts.len() < MAX_HOSTS {
            let row = store.host(id)?;
            let mut host = Host::new(&row, &self.pace, now, self.robots_policy);
            host.next_retry = store.next_due(id)?;
            self.hosts.insert(id, host);
        } else {
            self.more_hosts = true;
        }
        self.enqueue(id);
        Ok(())
    }

    /// Puts a host into the queue of turns if it has addresses to fetch and may have another request.
    fn enqueue(&mut self, id: i64) {
        let Some(host) = self.hosts.get(&id) else {
            return;
        };
        let waits_for_robots = matches!(host.rules, Rules::InFlight);
        if host.enqueued || !host.has_room() || waits_for_robots {
            return;
        }
        let at = if !host.ready.is_empty() || host.more_queued {
            host.next
        } else if let Some(due) = host.next_retry {
            host.next.max(self.instant(due))
        } else {
            return;
        };
        self.arrivals += 1;
        self.turns.push(Reverse((at, self.arrivals, id)));
        if let Some(host) = self.hosts.get_mut(&id) {
            host.enqueued = true;
        }
    }

    /// Returns the instant of the next turn.
    pub(super) fn next_time(&self) -> Option<Instant> {
        self.turns.peek().map(|Reverse((at, _, _))| *at)
    }

    /// Returns true if no host has anything to fetch or in flight. Loads more hosts from the store first.
    pub(super) fn is_idle(&mut self, store: &Store, now: Instant) -> Result<bool, StoreError> {
        if self.turns.is_empty() && self.more_hosts {
            self.hosts
                .retain(|_, host| host.in_flight > 0 || host.next > now);
            self.more_hosts = false;
            let mut after = 0;
            while self.hosts.len() < MAX_HOSTS {
                let rows = store.hosts_left(after, HOSTS_PER_QUERY)?;
                let Some(last) = rows.last() else { break };
                after = last.id;
                for row in rows {
                    self.add_work(row.id, store, now)?;
                }
            }
            self.more_hosts = self.hosts.len() >= MAX_HOSTS;
        }
        Ok(self.turns.is_empty() && self.hosts.values().all(|host| host.in_flight == 0))
    }

    /// Forgets all hosts, so that they are loaded again: the store has queued addresses for them.
    pub(super) fn reset(&mut self) {
        self.hosts.clear();
        self.turns.clear();
        self.more_hosts = true;
    }

    /// Takes the next turn that is due.
    pub(super) fn next(
        &mut self,
        store: &mut Store,
        now: Instant,
    ) -> Result<Option<Turn>, StoreError> {
        while let Some(&Reverse((at, _, id))) = self.turns.peek() {
            if at > now {
                return Ok(None);
            }
            self.turns.pop();
            let wall_clock = self.wall_clock(now);
            let Some(host) = self.hosts.get_mut(&id) else {
                continue;
            };
            host.enqueued = false;
            let turn = if host.next > now || !host.has_room() {
                None
            } else {
                host.refill(store, wall_clock)?;
                host.take_turn(now)
            };
            self.enqueue(id);
            if turn.is_some() {
                return Ok(turn);
            }
            self.evict(id, now);
        }
        Ok(None)
    }

    /// Removes a host without work from memory if the limit of hosts is reached.
    fn evict(&mut self, id: i64, now: Instant) {
        let is_full = self.hosts.len() >= MAX_HOSTS;
        if let Some(host) = self.hosts.get(&id)
            && is_full
            && host.in_flight == 0
            && !host.enqueued
            && host.next <= now
        {
            self.hosts.remove(&id);
        }
    }

    /// Notes that a request to a host has ended.
    pub(super) fn finish(&mut self, id: i64, now: Instant, outcome: RequestOutcome) {
        if let Some(host) = self.hosts.get_mut(&id) {
            host.finish(now, outcome, &self.pace);
        }
        self.enqueue(id);
    }

    /// Sets the rules of a host, whose pages may be fetched from now on.
    pub(super) fn set_robots(&mut self, id: i64, robots: Robots) {
        if let Some(host) = self.hosts.get_mut(&id) {
            host.rules = Rules::Known(robots);
            host.apply_crawl_delay();
        }
        self.enqueue(id);
    }

    /// Schedules another fetch of an unavailable robots.txt after `wait`. Returns false if no tries are left.
    pub(super) fn retry_robots(&mut self, id: i64, now: Instant, wait: Duration) -> bool {
        let Some(host) = self.hosts.get_mut(&id) else {
            return false;
        };
        host.robots_tries += 1;
        if host.robots_tries > self.pace.retries {
            return false;
        }
        host.rules = Rules::NotFetched;
        host.next = host.next.max(now + wait);
        self.enqueue(id);
        true
    }

    /// Returns how many fetches of a host's robots.txt have failed.
    pub(super) fn robots_tries(&self, id: i64) -> u32 {
        self.hosts.get(&id).map_or(0, |host| host.robots_tries)
    }

    /// Notes that an address was postponed until `due`, in milliseconds since 1970.
    pub(super) fn postpone(&mut self, job: &Job, due: i64) {
        if let Some(host) = self.hosts.get_mut(&job.host) {
            host.next_retry = Some(host.next_retry.map_or(due, |known| known.min(due)));
        }
        self.enqueue(job.host);
    }

    /// Puts back an address whose task was not started or was stopped.
    pub(super) fn requeue(&mut self, job: Job) {
        let id = job.host;
        if let Some(host) = self.hosts.get_mut(&id) {
            host.ready.push_front(job);
        }
        self.enqueue(id);
    }
}

impl Host {
    /// Takes addresses from the store: those whose retry is due, then queued ones if none is at hand.
    fn refill(&mut self, store: &mut Store, wall_clock: i64) -> Result<(), StoreError> {
        if self.next_retry.is_some_and(|due| due <= wall_clock) {
            let (jobs, next) = store.due(self.id, wall_clock, REFILL_SIZE)?;
            // The store has queued the jobs again; those beyond the cursor are found there in their order.
            let (passed, ahead): (Vec<_>, Vec<_>) =
                jobs.into_iter().partition(|job| job.id <= self.cursor);
            self.more_queued |= !ahead.is_empty();
            self.ready.extend(passed);
            self.next_retry = next;
        }
        if self.ready.is_empty() && self.more_queued {
            let jobs = store.queued(self.id, self.cursor, REFILL_SIZE)?;
            self.more_queued = jobs.len() == REFILL_SIZE;
            self.cursor = jobs.last().map_or(self.cursor, |job| job.id);
            self.ready.extend(jobs);
        }
        Ok(())
    }

    /// Starts the host's turn: its robots.txt first, then the next address.
    fn take_turn(&mut self, now: Instant) -> Option<Turn> {
        let external = self.ready.front()?.role == Role::External;
        match &self.rules {
            Rules::InFlight => None,
            Rules::NotFetched if !external => {
                self.rules = Rules::InFlight;
                self.start(now);
                let (host, origin) = (self.id, self.origin.clone());
                Some(Turn::Robots { host, origin })
            }
            rules => {
                let job = self.ready.pop_front()?;
                match rules {
                    Rules::Known(Robots::Unavailable(why)) if !external => {
                        Some(Turn::Fail(job, Failure::Robots(why.clone())))
                    }
                    Rules::Known(robots) if !external && !robots.allows(&job.url) => {
                        Some(Turn::Skip(job, Skipped::Robots))
                    }
                    _ => {
                        self.start(now);
                        Some(Turn::Fetch(job))
                    }
                }
            }
        }
    }
}
