//! Whose turn it is.
//!
//! Every host that has something to do and room for it waits in one queue, by the instant at which it may
//! be asked, then by who came first: so hosts take turns, and one clock serves all threads. A host is taken
//! out for its turn and put back if it has more to do. It keeps a few addresses at hand and takes more from
//! the store when they are used up, so that memory does not depend on how many are queued. Only so many
//! hosts are at the desk at a time; the others are fetched from the store when there is room.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::{Duration, Instant, SystemTime};

use super::host::{Host, Rules, Went};
use super::robots::Robots;
use super::settings::Pace;
use crate::fetch::Failure;
use crate::store::{Job, Role, Skipped, Store, StoreError, milliseconds};

/// Addresses taken from the store at a time.
const HANDFUL: usize = 64;
/// Hosts at the desk at a time.
const MOST_HOSTS: usize = 4096;

/// What to do next.
#[derive(Debug)]
pub(super) enum Turn {
    /// Ask this host for its robots.txt.
    Robots {
        host: i64,
        origin: String,
    },
    Fetch(Job),
    /// It is forbidden.
    Skip(Job, Skipped),
    /// It is known without asking that it cannot be had.
    Fail(Job, Failure),
}

#[derive(Debug)]
pub(super) struct Desk {
    hosts: HashMap<i64, Host>,
    turns: BinaryHeap<Reverse<(Instant, u64, i64)>>,
    arrivals: u64,
    pace: Pace,
    heed_robots: bool,
    /// Whether the store may have hosts to do that are not here.
    more_hosts: bool,
    /// The same moment on two clocks.
    epoch: (Instant, i64),
}

impl Desk {
    pub(super) fn new(pace: Pace, heed_robots: bool) -> Self {
        Self {
            hosts: HashMap::new(),
            turns: BinaryHeap::new(),
            arrivals: 0,
            pace,
            heed_robots,
            more_hosts: true,
            epoch: (Instant::now(), milliseconds(SystemTime::now())),
        }
    }

    /// Milliseconds since 1970.
    pub(super) fn wall_clock(&self, at: Instant) -> i64 {
        let since = at.saturating_duration_since(self.epoch.0);
        self.epoch
            .1
            .saturating_add(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn instant(&self, wall_clock: i64) -> Instant {
        let since = u64::try_from(wall_clock.saturating_sub(self.epoch.1)).unwrap_or(0);
        let now = self.epoch.0;
        now.checked_add(Duration::from_millis(since)).unwrap_or(now)
    }

    /// This host has more to do than before.
    pub(super) fn work_for(
        &mut self,
        id: i64,
        store: &Store,
        now: Instant,
    ) -> Result<(), StoreError> {
        if let Some(host) = self.hosts.get_mut(&id) {
            host.more = true;
            host.again = store.next_due(id)?;
        } else if self.hosts.len() < MOST_HOSTS {
            let row = store.host(id)?;
            let mut host = Host::new(&row, &self.pace, now, self.heed_robots);
            host.again = store.next_due(id)?;
            self.hosts.insert(id, host);
        } else {
            self.more_hosts = true;
        }
        self.list(id);
        Ok(())
    }

    /// Puts a host into the queue, if it has something to do and room for it.
    fn list(&mut self, id: i64) {
        let Some(host) = self.hosts.get(&id) else {
            return;
        };
        let asking = matches!(host.rules, Rules::Asking);
        if host.listed || !host.has_room() || asking {
            return;
        }
        let at = if !host.ready.is_empty() || host.more {
            host.next
        } else if let Some(due) = host.again {
            host.next.max(self.instant(due))
        } else {
            return;
        };
        self.arrivals += 1;
        self.turns.push(Reverse((at, self.arrivals, id)));
        if let Some(host) = self.hosts.get_mut(&id) {
            host.listed = true;
        }
    }

    /// When the next turn is.
    pub(super) fn next_time(&self) -> Option<Instant> {
        self.turns.peek().map(|Reverse((at, _, _))| *at)
    }

    /// Whether nobody has anything to do, now or later. Asks the store for more hosts first.
    pub(super) fn is_idle(&mut self, store: &Store, now: Instant) -> Result<bool, StoreError> {
        if self.turns.is_empty() && self.more_hosts {
            self.hosts
                .retain(|_, host| host.in_flight > 0 || host.next > now);
            self.more_hosts = false;
            let mut after = 0;
            while self.hosts.len() < MOST_HOSTS {
                let rows = store.hosts_left(after, 256)?;
                let Some(last) = rows.last() else { break };
                after = last.id;
                for row in rows {
                    self.work_for(row.id, store, now)?;
                }
            }
            self.more_hosts = self.hosts.len() >= MOST_HOSTS;
        }
        Ok(self.turns.is_empty() && self.hosts.values().all(|host| host.in_flight == 0))
    }

    /// All hosts are to be looked at again: their addresses were queued behind their backs.
    pub(super) fn look_again(&mut self) {
        self.hosts.clear();
        self.turns.clear();
        self.more_hosts = true;
    }

    /// The next turn that is due.
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
            host.listed = false;
            let turn = if host.next > now || !host.has_room() {
                None
            } else {
                host.refill(store, wall_clock)?;
                host.turn(now)
            };
            self.list(id);
            if turn.is_some() {
                return Ok(turn);
            }
            self.let_go(id, now);
        }
        Ok(None)
    }

    /// A host without work leaves the desk when others wait for a place.
    fn let_go(&mut self, id: i64, now: Instant) {
        let crowded = self.hosts.len() >= MOST_HOSTS;
        if let Some(host) = self.hosts.get(&id)
            && crowded
            && host.in_flight == 0
            && !host.listed
            && host.next <= now
        {
            self.hosts.remove(&id);
        }
    }

    /// A request to this host has ended.
    pub(super) fn finish(&mut self, id: i64, now: Instant, went: Went) {
        if let Some(host) = self.hosts.get_mut(&id) {
            host.finish(now, went, &self.pace);
        }
        self.list(id);
    }

    /// What this host allows is known now.
    pub(super) fn set_robots(&mut self, id: i64, robots: Robots) {
        if let Some(host) = self.hosts.get_mut(&id) {
            host.rules = Rules::Known(robots);
            host.heed_delay();
        }
        self.list(id);
    }

    /// Its robots.txt could not be had. Whether to ask again, after a while.
    pub(super) fn ask_robots_again(&mut self, id: i64, now: Instant, wait: Duration) -> bool {
        let Some(host) = self.hosts.get_mut(&id) else {
            return false;
        };
        host.robots_tries += 1;
        if host.robots_tries > self.pace.retries {
            return false;
        }
        host.rules = Rules::NotAsked;
        host.next = host.next.max(now + wait);
        self.list(id);
        true
    }

    pub(super) fn robots_tries(&self, id: i64) -> u32 {
        self.hosts.get(&id).map_or(0, |host| host.robots_tries)
    }

    /// An address was put off.
    pub(super) fn put_off(&mut self, job: &Job, due: i64) {
        if let Some(host) = self.hosts.get_mut(&job.host) {
            host.again = Some(host.again.map_or(due, |known| known.min(due)));
        }
        self.list(job.host);
    }

    /// An address that was taken could not be fetched now.
    pub(super) fn put_back(&mut self, job: Job) {
        let id = job.host;
        if let Some(host) = self.hosts.get_mut(&id) {
            host.ready.push_front(job);
        }
        self.list(id);
    }
}

impl Host {
    fn refill(&mut self, store: &mut Store, wall_clock: i64) -> Result<(), StoreError> {
        if self.again.is_some_and(|due| due <= wall_clock) {
            let (jobs, next) = store.due(self.id, wall_clock, HANDFUL)?;
            // Those beyond the cursor are ordinary queued ones now, and will be come across.
            let (passed, ahead): (Vec<_>, Vec<_>) =
                jobs.into_iter().partition(|job| job.id <= self.cursor);
            self.more |= !ahead.is_empty();
            self.ready.extend(passed);
            self.again = next;
        }
        if self.ready.is_empty() && self.more {
            let jobs = store.queued(self.id, self.cursor, HANDFUL)?;
            self.more = jobs.len() == HANDFUL;
            self.cursor = jobs.last().map_or(self.cursor, |job| job.id);
            self.ready.extend(jobs);
        }
        Ok(())
    }

    fn turn(&mut self, now: Instant) -> Option<Turn> {
        let external = self.ready.front()?.role == Role::External;
        match &self.rules {
            Rules::Asking => None,
            Rules::NotAsked if !external => {
                self.rules = Rules::Asking;
                self.start(now);
                let (host, origin) = (self.id, self.origin.clone());
                Some(Turn::Robots { host, origin })
            }
            rules => {
                let job = self.ready.pop_front()?;
                match rules {
                    Rules::Known(Robots::Lost(why)) if !external => {
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
