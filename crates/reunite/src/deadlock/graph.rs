//! The graph itself; see the protocol one floor up.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;

use super::bonds::{self, Bond, Held};
use super::quiet;
use super::region::{self, Region};
use super::report::{self, TOLD};
use super::site::{Need, On, Site};
use crate::error::Deadlock;
use crate::id::{Label, TaskId};
use crate::observe;
use crate::park::{Parker, somebody_goes_on};
use crate::primitive::{Counter, Duration, Mutex, MutexGuard, Ordering};

/// Tells one wait from another; the newest is the largest.
pub(crate) type Ticket = u64;

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
    /// All bonds by which it may depend on others, so that it is found from there.
    pub(super) found_by: Vec<Bond>,
    parker: Parker,
    pub(super) yields: Yields,
    /// Whether it waits on a thread that this library started.
    is_ours: bool,
    pub(super) verdict: Option<Deadlock>,
}

/// A lock that is held although the task that took it is over: its guard was leaked, or at least kept.
pub(super) struct Leaked {
    pub(super) by: Label,
    pub(super) since: &'static Location<'static>,
}

/// Pairs, so that to file and to withdraw one of many under the same bond costs no more than one of few.
type Index = BTreeSet<((u64, u64), Ticket)>;

fn key(bond: Bond, ticket: Ticket) -> ((u64, u64), Ticket) {
    (bond.words(), ticket)
}

pub(super) struct Graph {
    pub(super) records: BTreeMap<Ticket, Record>,
    bearers: Index,
    waiters: Index,
    /// Waits for anyone that can be victims: those that yield first, and last.
    for_anyone: [BTreeSet<Ticket>; 2],
    /// Records of threads that this library started.
    ours: usize,
    /// With an entry for each guard.
    pub(super) leaked: BTreeMap<Bond, Vec<Leaked>>,
    /// Locks that are gone, and how many of their guards were forgotten by tasks that go on: when those end, there is
    /// nothing to tell.
    gone: BTreeMap<Bond, usize>,
    next: Ticket,
}

crate::primitive::global! {
    static GRAPH: Mutex<Graph> = Mutex::new(Graph::new());
    /// How many records wait for anyone: while there are none, nobody has to look whether anyone is left.
    static WAITS_FOR_ANYONE: Counter = Counter::new(0);
    /// How many records there are, to be asked without the lock.
    static FILED: Counter = Counter::new(0);
}

pub(super) fn graph() -> MutexGuard<'static, Graph> {
    GRAPH.lock()
}

/// Files the wait, calls `park`, withdraws it. Returns why it must not go on, if it was picked as a victim.
pub(crate) fn stand(standing: Standing<'_>, park: impl FnOnce()) -> Option<Deadlock> {
    let record = Record::new(&standing);
    let ticket = graph().file(*standing.ticket, record);
    *standing.ticket = ticket;
    park();
    let record = graph().withdraw(ticket)?;
    record.verdict
}

/// A thread has gone idle or ended: perhaps it was the last that could have done something.
pub(crate) fn look_again() {
    if is_perhaps_quiet() {
        graph().refuse_if_quiet();
    }
}

/// What waits for this may have come to depend on others, and on fewer of them.
pub(crate) fn look_at(bond: Bond) {
    let mut graph = graph();
    for ticket in graph.waiters(bond) {
        graph.resolve(ticket);
    }
}

/// As many waits for anyone as look each for themselves whether a thread of somebody else has ended.
const FEW: u64 = 8;
const LOOK: Duration = Duration::from_secs(2);
const LONGEST_LOOK: Duration = Duration::from_secs(120);

/// How long a wait for anyone may leave it to the others to look again, from when it has lasted so long: somebody does
/// every few seconds, however many wait. Those that began together are spread by multiples of the golden ratio. Few
/// look more often at first.
pub(crate) fn between_looks(lasted: Duration, first: Duration) -> Duration {
    const GOLDEN: u64 = 0x9E37_79B9;
    static ASKED: Counter = Counter::new(0);
    let waits = WAITS_FOR_ANYONE.load(Ordering::SeqCst).min(1 << 20);
    if waits <= FEW && lasted < LOOK {
        return first.max(lasted * 7).min(LOOK);
    }
    let part = GOLDEN.wrapping_mul(ASKED.fetch_add(1, Ordering::Relaxed)) & u64::from(u32::MAX);
    let spread = Duration::from_millis(((waits * part) >> 32) * 2000);
    spread.clamp(LOOK, LONGEST_LOOK)
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
    let kept_by = bearers.map(|bearer| graph.records[&bearer].task.clone());
    // The caller has just withdrawn.
    let waiting = graph.ours + usize::from(quiet::is_ours());
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
            let leaked = graph.leaked.entry(bond).or_default();
            leaked.push(Leaked { by, since });
            for ticket in graph.waiters(bond) {
                graph.resolve(ticket);
            }
        }
        drop(graph);
        observe::report_leak(task, since);
    }
}

/// The calling thread released the lock.
#[inline]
pub(crate) fn let_go(bond: Bond) {
    if !bonds::let_go_newest(bond) {
        let_go_older(bond);
    }
}

#[cold]
fn let_go_older(bond: Bond) {
    if bonds::let_go_older(bond) {
        return;
    }
    // A guard that was kept past the end of its task was not leaked after all.
    let mut graph = graph();
    if let Some(leaked) = graph.leaked.get_mut(&bond) {
        leaked.pop();
        if leaked.is_empty() {
            graph.leaked.remove(&bond);
        }
    }
}

/// A lock is gone of which so many guards were leaked.
#[cold]
pub(crate) fn bury(bond: Bond, guards: usize) {
    let elsewhere = (0..guards).filter(|_| !bonds::let_go_older(bond)).count();
    let mut graph = graph();
    let known = graph.leaked.remove(&bond).map_or(0, |leaked| leaked.len());
    if elsewhere > known {
        *graph.gone.entry(bond).or_default() += elsewhere - known;
    }
}

/// Cheaper than to look, and the answer most of the time. Whoever is the last to file, to go idle or to end counts
/// that first, so it is told yes.
fn is_perhaps_quiet() -> bool {
    WAITS_FOR_ANYONE.load(Ordering::SeqCst) > 0
        && quiet::is_all_of_ours(FILED.load(Ordering::SeqCst))
        && !somebody_goes_on()
}

impl Record {
    pub(super) fn new(standing: &Standing<'_>) -> Self {
        let (mut bears, holds) = bonds::all();
        let site = standing.site;
        if let On::Write { lock, came } = site.on {
            // Readers that come after it wait for it.
            bears.push(Bond::Turn(lock, came));
        }
        bears.sort_unstable();
        bears.dedup();
        let found_by = match &site.on {
            On::Time | On::Anyone => Vec::new(),
            On::Bond(bond) => vec![*bond],
            On::Read { .. } | On::Write { .. } => {
                awaits(site).map_or_else(Vec::new, |awaits| awaits.bonds)
            }
            On::Crew(crew) => crew.bonds(),
        };
        Self {
            task: standing.task.clone(),
            site: site.clone(),
            bears,
            holds,
            found_by,
            parker: standing.parker.clone(),
            yields: standing.yields,
            is_ours: quiet::is_ours(),
            verdict: None,
        }
    }

    /// Whether it is about to go on: somebody has brought something, or it was picked as a victim.
    pub(super) fn goes_on(&self) -> bool {
        self.parker.is_marked()
    }

    pub(super) fn is_for_anyone(&self) -> bool {
        matches!(self.site.on, On::Anyone)
    }
}

impl Graph {
    pub(super) const fn new() -> Self {
        Self {
            records: BTreeMap::new(),
            bearers: BTreeSet::new(),
            waiters: BTreeSet::new(),
            for_anyone: [BTreeSet::new(), BTreeSet::new()],
            ours: 0,
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

    /// The victims of its kind that wait for anyone, if it is one of them.
    fn peers(&mut self, record: &Record) -> Option<&mut BTreeSet<Ticket>> {
        let [first, last] = &mut self.for_anyone;
        match record.yields {
            _ if !record.is_for_anyone() => None,
            Yields::First => Some(first),
            Yields::Last => Some(last),
            Yields::Never => None,
        }
    }

    pub(super) fn file(&mut self, ticket: Ticket, record: Record) -> Ticket {
        let ticket = if ticket == 0 { self.next } else { ticket };
        self.next = self.next.max(ticket + 1);
        let bears = record.bears.iter();
        self.bearers.extend(bears.map(|bond| key(*bond, ticket)));
        let found_by = record.found_by.iter();
        self.waiters.extend(found_by.map(|bond| key(*bond, ticket)));
        if let Some(peers) = self.peers(&record) {
            peers.insert(ticket);
        }
        self.ours += usize::from(record.is_ours);
        if record.is_for_anyone() {
            WAITS_FOR_ANYONE.fetch_add(1, Ordering::SeqCst);
        }
        record.parker.file();
        FILED.fetch_add(1, Ordering::SeqCst);
        self.records.insert(ticket, record);
        self.resolve(ticket);
        if is_perhaps_quiet() {
            self.refuse_if_quiet();
        }
        ticket
    }

    pub(super) fn withdraw(&mut self, ticket: Ticket) -> Option<Record> {
        let record = self.records.remove(&ticket)?;
        for bond in &record.bears {
            self.bearers.remove(&key(*bond, ticket));
        }
        for bond in &record.found_by {
            self.waiters.remove(&key(*bond, ticket));
        }
        if let Some(peers) = self.peers(&record) {
            peers.remove(&ticket);
        }
        self.ours -= usize::from(record.is_ours);
        if record.is_for_anyone() {
            WAITS_FOR_ANYONE.fetch_sub(1, Ordering::SeqCst);
        }
        FILED.fetch_sub(1, Ordering::SeqCst);
        record.parker.withdraw();
        Some(record)
    }

    fn refuse(&mut self, victim: Ticket, verdict: Deadlock) {
        if let Some(record) = self.records.get_mut(&victim) {
            record.verdict = Some(verdict);
            record.parker.unpark();
        }
    }

    /// Picks victims until the wait is in no dead end, or nobody can be picked.
    fn resolve(&mut self, ticket: Ticket) {
        if let Some(bond) = self.leak_that_keeps(ticket) {
            let path = vec![(ticket, Some(bond))];
            let verdict = report::of(self, &path, 0, true);
            self.refuse(ticket, verdict);
            return;
        }
        if let Some(path) = region::pair(self, ticket) {
            let verdict = report::of(self, &path, 0, true);
            self.refuse(ticket, verdict);
            return;
        }
        if !region::is_on_a_cycle(self, ticket) {
            return;
        }
        let mut region = Region::from(self, ticket);
        for victim in region.candidates(self) {
            if !region.is_dead(ticket) {
                return;
            }
            if let Some(path) = region.way_back(victim) {
                let verdict = report::of(self, &path, 0, true);
                self.refuse(victim, verdict);
                region.revive(victim);
            }
        }
    }

    /// Whether no wait has come later.
    pub(super) fn is_newest(&self, ticket: Ticket) -> bool {
        ticket + 1 == self.next
    }

    /// About how many bonds the wait depends on.
    pub(super) fn size(&self, ticket: Ticket) -> usize {
        match &self.records[&ticket].site.on {
            On::Crew(crew) => crew.size(),
            _ => 1,
        }
    }

    /// The lock for which this waits, and which will never be released. One wait alone is dead, and can always fail.
    fn leak_that_keeps(&self, ticket: Ticket) -> Option<Bond> {
        let record = self.records.get(&ticket)?;
        if self.leaked.is_empty() || record.goes_on() || record.yields == Yields::Never {
            return None;
        }
        let leaked = |bond: &Bond| self.leaked.contains_key(bond);
        record.found_by.iter().copied().find(leaked)
    }

    /// If nobody is left who does anything, the newest wait for anyone that can fail does. The others wait for those:
    /// to refuse them would help nobody. That one goes on, and whether it files another wait, goes idle or ends, it
    /// looks here again: so the next is not refused before it is known that this one does not help it, and at once then.
    fn refuse_if_quiet(&mut self) {
        let [first, last] = &self.for_anyone;
        let Some(&victim) = first.last().or(last.last()) else {
            return;
        };
        // Somebody who is gone by now may have brought something on the way out.
        if !quiet::is_everyone(self.records.len()) || somebody_goes_on() {
            return;
        }
        let others = self
            .records
            .keys()
            .copied()
            .filter(|other| *other != victim);
        let all = std::iter::once(victim).chain(others);
        let path: Path = all.take(TOLD).map(|ticket| (ticket, None)).collect();
        let untold = self.records.len() - path.len();
        let verdict = report::of(self, &path, untold, false);
        self.refuse(victim, verdict);
    }

    /// Of a turn: those that have one before it.
    pub(super) fn bearers(&self, bond: Bond) -> impl Iterator<Item = Ticket> {
        let (first, last) = match bond {
            Bond::Turn(lock, _) => (Bond::Turn(lock, 0), (bond, 0)),
            bond => (bond, (bond, Ticket::MAX)),
        };
        between(&self.bearers, (first, 0), last)
    }

    /// Of a turn: those that wait for one after it.
    fn waiters(&self, bond: Bond) -> Vec<Ticket> {
        let (first, last) = match bond {
            Bond::Turn(lock, _) => ((bond, Ticket::MAX), Bond::Turn(lock, u64::MAX)),
            bond => ((bond, 0), bond),
        };
        between(&self.waiters, first, (last, Ticket::MAX)).collect()
    }

    /// The bonds whose bearers can end a wait; none: it is about to end, or anyone can.
    pub(super) fn awaits(&self, ticket: Ticket) -> Option<Awaits> {
        let record = &self.records[&ticket];
        if record.goes_on() {
            return None;
        }
        awaits(&record.site)
    }

    /// The records that this one depends on, if it is not about to go on.
    pub(super) fn next_of(&self, ticket: Ticket) -> Vec<Ticket> {
        let bonds = self.awaits(ticket).map(|awaits| awaits.bonds);
        let bonds = bonds.into_iter().flatten();
        bonds.flat_map(|bond| self.bearers(bond)).collect()
    }

    /// The records that may depend on this one, if it is not about to go on.
    pub(super) fn before(&self, ticket: Ticket) -> Vec<Ticket> {
        let record = &self.records[&ticket];
        if record.goes_on() {
            return Vec::new();
        }
        let bears = record.bears.iter();
        bears.flat_map(|bond| self.waiters(*bond)).collect()
    }
}

/// No ticket is zero or the largest.
fn between(
    index: &Index,
    first: (Bond, Ticket),
    last: (Bond, Ticket),
) -> impl Iterator<Item = Ticket> {
    let keys = key(first.0, first.1)..=key(last.0, last.1);
    index.range(keys).map(|(_, ticket)| *ticket)
}

/// Records, and by which bond each keeps on for the next.
pub(super) type Path = Vec<(Ticket, Option<Bond>)>;

/// The bonds whose bearers can end a wait, and how many of them are needed; none: anyone.
fn awaits(site: &Site) -> Option<Awaits> {
    Some(match &site.on {
        On::Time | On::Anyone => return None,
        On::Bond(bond) => Awaits::all([*bond]),
        On::Read { lock, came } => Awaits::all([Bond::Lock(*lock), Bond::Turn(*lock, *came)]),
        On::Write { lock, .. } => Awaits::all([Bond::Lock(*lock), Bond::Read(*lock)]),
        On::Crew(crew) => match crew.need() {
            Need::Any(tasks) => Awaits {
                bonds: tasks.into_iter().map(Bond::Task).collect(),
                one_is_enough: true,
            },
            Need::All(tasks) => Awaits::all(tasks.into_iter().map(Bond::Task)),
        },
    })
}

pub(super) struct Awaits {
    pub(super) bonds: Vec<Bond>,
    pub(super) one_is_enough: bool,
}

impl Awaits {
    fn all(bonds: impl IntoIterator<Item = Bond>) -> Self {
        Self {
            bonds: bonds.into_iter().collect(),
            one_is_enough: false,
        }
    }
}
