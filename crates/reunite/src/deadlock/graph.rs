//! The graph itself; see the protocol one floor up.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;

use super::bonds::{self, Bond, Held};
use super::quiet;
use super::report;
use super::site::{Need, On, Site};
use crate::error::Deadlock;
use crate::id::{Label, TaskId};
use crate::observe;
use crate::park::Parker;
use crate::primitive::{Counter, Duration, Mutex, MutexGuard, Ordering};

/// Tells one wait from another; the newest is the largest.
pub(super) type Ticket = u64;

/// A wait that is to be filed.
pub(crate) struct Standing<'a> {
    pub(crate) task: &'a Label,
    pub(crate) site: &'a Site,
    pub(crate) parker: &'a Parker,
    pub(crate) yields: Yields,
    /// Zero the first time; kept for the rest of the wait.
    pub(crate) ticket: &'a mut Ticket,
}

/// Whether a wait can be a victim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Yields {
    /// It returns an error.
    First,
    /// It lets go of what it waits for; only if no other wait can return an error.
    Last,
    Never,
}

pub(super) struct Record {
    pub(super) task: Label,
    pub(super) site: Site,
    pub(super) bears: Vec<Bond>,
    pub(super) holds: Vec<Held>,
    parker: Parker,
    yields: Yields,
    /// Whether it waits on a thread that this library started.
    is_ours: bool,
    verdict: Option<Deadlock>,
}

/// A lock that will never be released, because its guard was leaked.
pub(super) struct Leaked {
    pub(super) by: Label,
    pub(super) since: &'static Location<'static>,
}

pub(super) struct Graph {
    pub(super) records: BTreeMap<Ticket, Record>,
    bearers: BTreeMap<Bond, Vec<Ticket>>,
    pub(super) leaked: BTreeMap<Bond, Leaked>,
    /// Locks that are gone, and how many threads that go on have leaked a guard of each: what such a thread says
    /// that it bears is no lock any more, or another one.
    gone: BTreeMap<Bond, usize>,
    next: Ticket,
}

crate::primitive::global! {
    static GRAPH: Mutex<Graph> = Mutex::new(Graph::new());
}

/// How many records wait for anyone: while there are none, nobody has to look whether anyone is left.
static WAITS_FOR_ANYONE: Counter = Counter::new(0);

pub(super) fn graph() -> MutexGuard<'static, Graph> {
    GRAPH.lock()
}

/// Files the wait, calls `park`, withdraws it. Returns why it must not go on, if it was picked as a victim.
pub(crate) fn stand(standing: Standing<'_>, park: impl FnOnce()) -> Option<Deadlock> {
    let ticket = graph().file(standing);
    park();
    graph().withdraw(ticket)
}

/// A thread has gone idle: perhaps it was the last that could have done something.
pub(crate) fn look_again() {
    if WAITS_FOR_ANYONE.load(Ordering::SeqCst) > 0 {
        graph().resolve(None);
    }
}

/// How long a wait for anyone may leave it to the others to look again: somebody does every few seconds, however
/// many wait. Those that began together are spread by multiples of the golden ratio.
pub(crate) fn between_looks() -> Duration {
    const LOOK: Duration = Duration::from_secs(2);
    const GOLDEN: u64 = 0x9E37_79B9;
    static ASKED: Counter = Counter::new(0);
    let waits = WAITS_FOR_ANYONE.load(Ordering::SeqCst).min(1 << 20);
    let part = GOLDEN.wrapping_mul(ASKED.fetch_add(1, Ordering::Relaxed)) & u64::from(u32::MAX);
    let spread = Duration::from_millis(((waits * part) >> 32) * 2000);
    spread.max(LOOK)
}

/// Who keeps a wait for `site` from ending, of those who wait themselves; whether all that this library runs
/// waits.
pub(crate) fn explain(site: &Site) -> (Vec<Label>, bool) {
    let graph = graph();
    let awaits = awaits(site);
    let bearers = awaits
        .iter()
        .flat_map(|awaits| &awaits.bonds)
        .flat_map(|bond| graph.bearers(*bond));
    let kept_by = bearers.map(|bearer| graph.records[bearer].task.clone());
    // The caller has just withdrawn.
    let ours = graph.records.values().filter(|record| record.is_ours);
    let waiting = ours.count() + usize::from(quiet::is_ours());
    (kept_by.collect(), quiet::is_all_of_ours(waiting))
}

/// Who waits at this moment, of those whose waits are filed, and what locks they hold.
pub(crate) fn standing() -> Vec<(TaskId, Vec<String>)> {
    let graph = graph();
    let records = graph.records.values();
    let told = records.map(|record| {
        let holds = record.holds.iter().map(report::hold).collect();
        (record.task.id(), holds)
    });
    told.collect()
}

/// A task has completed and not released these locks.
pub(crate) fn leak(task: &Label, locks: Vec<Held>) {
    for Held { bond, since } in locks {
        let by = task.clone();
        let mut graph = graph();
        if !graph.was_of_the_gone(bond) {
            graph.leaked.insert(bond, Leaked { by, since });
            let waiting: Vec<_> = graph.records.keys().copied().collect();
            waiting
                .into_iter()
                .for_each(|ticket| graph.resolve(Some(ticket)));
        }
        drop(graph);
        observe::report_leak(task, since);
    }
}

/// A lock is gone of which so many guards were leaked. What comes to lie at its address is another lock.
#[cold]
pub(crate) fn bury(bond: Bond, guards: usize) {
    let elsewhere = (0..guards).filter(|_| !bonds::let_go(bond)).count();
    let mut graph = graph();
    if graph.leaked.remove(&bond).is_none() && elsewhere > 0 {
        *graph.gone.entry(bond).or_default() += elsewhere;
    }
}

impl Record {
    /// Whether it is about to go on: somebody has brought something, or it was picked as a victim.
    fn goes_on(&self) -> bool {
        self.verdict.is_some() || self.parker.is_marked()
    }
}

impl Graph {
    const fn new() -> Self {
        Self {
            records: BTreeMap::new(),
            bearers: BTreeMap::new(),
            leaked: BTreeMap::new(),
            gone: BTreeMap::new(),
            next: 1,
        }
    }

    /// Whether the lock whose guard a task has leaked was gone before that.
    fn was_of_the_gone(&mut self, bond: Bond) -> bool {
        let Some(guards) = self.gone.get_mut(&bond) else {
            return false;
        };
        *guards -= 1;
        if *guards == 0 {
            self.gone.remove(&bond);
        }
        true
    }

    fn file(&mut self, standing: Standing<'_>) -> Ticket {
        if *standing.ticket == 0 {
            *standing.ticket = self.next;
            self.next += 1;
        }
        let ticket = *standing.ticket;
        let (mut bears, holds) = bonds::all();
        bears.retain(|bond| !self.gone.contains_key(bond));
        if let On::Both(Bond::Lock(lock), Bond::Read(_)) = standing.site.on {
            // A writer: readers that come after it wait for it.
            bears.push(Bond::Turn(lock));
        }
        for bond in &bears {
            self.bearers.entry(*bond).or_default().push(ticket);
        }
        let record = Record {
            task: standing.task.clone(),
            site: standing.site.clone(),
            bears,
            holds,
            parker: standing.parker.clone(),
            yields: standing.yields,
            is_ours: quiet::is_ours(),
            verdict: None,
        };
        if matches!(record.site.on, On::Anyone) {
            WAITS_FOR_ANYONE.fetch_add(1, Ordering::SeqCst);
        }
        self.records.insert(ticket, record);
        self.resolve(Some(ticket));
        ticket
    }

    fn withdraw(&mut self, ticket: Ticket) -> Option<Deadlock> {
        let record = self.records.remove(&ticket)?;
        if matches!(record.site.on, On::Anyone) {
            WAITS_FOR_ANYONE.fetch_sub(1, Ordering::SeqCst);
        }
        for bond in &record.bears {
            if let Some(bearers) = self.bearers.get_mut(bond) {
                bearers.retain(|bearer| *bearer != ticket);
                if bearers.is_empty() {
                    self.bearers.remove(bond);
                }
            }
        }
        record.verdict
    }

    /// Picks victims until the wait that was just filed is not dead, or nobody can be picked.
    fn resolve(&mut self, newest: Option<Ticket>) {
        while let Some((victim, path, certain)) = self.victim(newest) {
            let verdict = report::of(self, &path, certain);
            if let Some(record) = self.records.get_mut(&victim) {
                record.verdict = Some(verdict);
                record.parker.unpark();
            }
        }
    }

    /// The newest wait that can fail, of those that keep each other: in a cycle that `newest` has closed, or
    /// for want of anybody who still does something. The waits to tell of; whether they are a cycle.
    fn victim(&self, newest: Option<Ticket>) -> Option<(Ticket, Path, bool)> {
        if let Some(newest) = newest {
            let dead = self.dead_among(self.around(newest), false);
            if dead.contains(&newest) {
                return self.candidates(&dead).find_map(|ticket| {
                    let path = self.way_back(ticket, &dead)?;
                    Some((ticket, path, true))
                });
            }
        }
        if WAITS_FOR_ANYONE.load(Ordering::SeqCst) == 0 {
            return None;
        }
        // Cheaper than to ask the system, and the answer when many were woken at once.
        if self.records.values().any(Record::goes_on) {
            return None;
        }
        if !quiet::is_everyone(self.records.len()) {
            return None;
        }
        let dead = self.dead_among(self.records.keys().copied().collect(), true);
        if dead.len() < self.records.len() {
            return None;
        }
        // Somebody who is gone by now may have brought something on the way out.
        if self.records.values().any(Record::goes_on) {
            return None;
        }
        // The others wait for those who wait for anyone: to refuse them would help nobody.
        let is_root = |ticket: &Ticket| matches!(self.records[ticket].site.on, On::Anyone);
        let victim = self.candidates(&dead).find(is_root)?;
        Some((victim, self.all_from(victim, &dead), false))
    }

    /// The waits that can be a victim, the best first.
    fn candidates(&self, dead: &BTreeSet<Ticket>) -> impl Iterator<Item = Ticket> {
        [Yields::First, Yields::Last]
            .into_iter()
            .flat_map(move |yields| {
                let newest_first = dead.iter().rev().copied();
                newest_first.filter(move |ticket| self.records[ticket].yields == yields)
            })
    }

    fn awaits(&self, ticket: Ticket) -> Option<Awaits> {
        awaits(&self.records[&ticket].site)
    }

    pub(super) fn bearers(&self, bond: Bond) -> &[Ticket] {
        self.bearers.get(&bond).map_or(&[], Vec::as_slice)
    }

    /// The records that this one depends on, and those that they depend on, itself included.
    fn around(&self, from: Ticket) -> BTreeSet<Ticket> {
        let mut reached = BTreeSet::from([from]);
        let mut to_do = vec![from];
        while let Some(ticket) = to_do.pop() {
            for next in self.next_of(ticket) {
                if reached.insert(next) {
                    to_do.push(next);
                }
            }
        }
        reached
    }

    fn next_of(&self, ticket: Ticket) -> Vec<Ticket> {
        let bonds = self.awaits(ticket).map(|awaits| awaits.bonds);
        let bonds = bonds.into_iter().flatten();
        bonds.flat_map(|bond| self.bearers(bond)).copied().collect()
    }

    /// The largest part of `records` whose members keep each other. A wait for anyone keeps on if `alone`.
    fn dead_among(&self, records: BTreeSet<Ticket>, alone: bool) -> BTreeSet<Ticket> {
        let mut dead = records;
        let awaits: BTreeMap<_, _> = dead
            .iter()
            .map(|&ticket| (ticket, self.awaits(ticket)))
            .collect();
        loop {
            let before = dead.len();
            let still: BTreeSet<_> = dead
                .iter()
                .copied()
                .filter(|ticket| {
                    let is_stuck = |bond: &Bond| {
                        self.leaked.contains_key(bond)
                            || self
                                .bearers(*bond)
                                .iter()
                                .any(|bearer| dead.contains(bearer))
                    };
                    !self.records[ticket].goes_on()
                        && match &awaits[ticket] {
                            None => alone,
                            Some(awaits) if awaits.one_is_enough => {
                                !awaits.bonds.is_empty() && awaits.bonds.iter().all(is_stuck)
                            }
                            Some(awaits) => awaits.bonds.iter().any(is_stuck),
                        }
                })
                .collect();
            dead = still;
            if dead.len() == before {
                return dead;
            }
        }
    }

    /// The shortest way from a dead record back to itself, or to a leaked lock: the records on it and the bond
    /// that leads from each to the next. None if it is in no cycle itself.
    fn way_back(&self, from: Ticket, dead: &BTreeSet<Ticket>) -> Option<Path> {
        let mut came_by: BTreeMap<Ticket, (Ticket, Bond)> = BTreeMap::new();
        let mut to_do = std::collections::VecDeque::from([from]);
        while let Some(ticket) = to_do.pop_front() {
            for bond in self
                .awaits(ticket)
                .map(|awaits| awaits.bonds)
                .into_iter()
                .flatten()
            {
                let is_back = self.bearers(bond).contains(&from) && dead.contains(&from);
                let is_leaked = self.leaked.contains_key(&bond) && ticket == from;
                if is_back || is_leaked {
                    let mut path = vec![(ticket, Some(bond))];
                    let mut at = ticket;
                    while at != from {
                        let (before, by) = came_by[&at];
                        path.push((before, Some(by)));
                        at = before;
                    }
                    path.reverse();
                    return Some(path);
                }
                for &next in self.bearers(bond) {
                    if dead.contains(&next) && next != from && !came_by.contains_key(&next) {
                        came_by.insert(next, (ticket, bond));
                        to_do.push_back(next);
                    }
                }
            }
        }
        None
    }

    /// This record, then all others.
    fn all_from(&self, first: Ticket, dead: &BTreeSet<Ticket>) -> Path {
        let others = dead.iter().copied().filter(|ticket| *ticket != first);
        std::iter::once(first)
            .chain(others)
            .map(|ticket| (ticket, None))
            .collect()
    }
}

/// Records, and by which bond each keeps on for the next.
pub(super) type Path = Vec<(Ticket, Option<Bond>)>;

/// The bonds whose bearers can end a wait, and how many of them are needed; none: anyone.
fn awaits(site: &Site) -> Option<Awaits> {
    Some(match &site.on {
        On::Time | On::Anyone => return None,
        On::Bond(bond) => Awaits::all([*bond]),
        On::Both(one, other) => Awaits::all([*one, *other]),
        On::Crew(crew) => match crew.need() {
            Need::Any(tasks) => Awaits {
                bonds: tasks.into_iter().map(Bond::Task).collect(),
                one_is_enough: true,
            },
            Need::All(tasks) => Awaits::all(tasks.into_iter().map(Bond::Task)),
        },
    })
}

struct Awaits {
    bonds: Vec<Bond>,
    one_is_enough: bool,
}

impl Awaits {
    fn all(bonds: impl IntoIterator<Item = Bond>) -> Self {
        Self {
            bonds: bonds.into_iter().collect(),
            one_is_enough: false,
        }
    }
}
