//! The graph's records and indexes: which waits are filed, and which wait depends on which.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;

use super::live_threads;
use super::resources::{self, Held, Holder, Resource};
use super::site::{Need, WaitSite, WaitsOn};
use crate::error::Deadlock;
use crate::id::Label;
use crate::park::Parker;
use crate::primitive::{Counter, Ordering};

/// Identifies a wait; the newest has the largest ticket.
pub(crate) type Ticket = u64;

/// A wait that is to be filed.
pub(crate) struct PendingWait<'a> {
    pub(crate) task: &'a Label,
    pub(crate) site: &'a WaitSite,
    pub(crate) parker: &'a Parker,
    pub(crate) yields: VictimPriority,
    /// The holders of the thread's locks, in the order in which the locks were taken.
    pub(crate) holders: &'a [Holder],
    /// Zero the first time; kept for the rest of the wait.
    pub(crate) ticket: &'a mut Ticket,
}

/// The condition under which a wait can be a victim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VictimPriority {
    /// The wait can be the victim: it returns an error.
    First,
    /// The wait can be the victim only if no other wait can return an error. It then gives up the task for which it
    /// waits.
    Last,
    /// The wait cannot be the victim.
    Never,
}

pub(super) struct WaitRecord {
    pub(super) task: Label,
    pub(super) site: WaitSite,
    pub(super) owns: Vec<Resource>,
    pub(super) holds: Vec<HeldLock>,
    /// All resources on which the wait may depend. The index of waiters finds the record by each of them.
    pub(super) found_by: Vec<Resource>,
    pub(super) parker: Parker,
    pub(super) yields: VictimPriority,
    /// True if the waiting thread was started by this library.
    is_ours: bool,
    pub(super) verdict: Option<Deadlock>,
}

/// A lock that the thread holds, and the task that has taken it.
pub(super) struct HeldLock {
    pub(super) held: Held,
    pub(super) by: Label,
}

/// A lock that is held although the task that took it is over: its guard was leaked, or at least kept.
pub(super) struct Leaked {
    pub(super) by: Label,
    pub(super) since: &'static Location<'static>,
}

/// An index: pairs of a resource and a ticket. It is a set, so that filing and withdrawing a wait costs the same
/// however many other waits are listed under the same resource.
type Index = BTreeSet<((u64, u64), Ticket)>;

fn key(resource: Resource, ticket: Ticket) -> ((u64, u64), Ticket) {
    (resource.words(), ticket)
}

pub(super) struct Graph {
    pub(super) records: BTreeMap<Ticket, WaitRecord>,
    owners: Index,
    waiters: Index,
    /// The waits for anyone that can be victims: one set with `VictimPriority::First`, one with `VictimPriority::Last`.
    for_anyone: [BTreeSet<Ticket>; 2],
    /// The number of records of threads that this library started.
    pub(super) ours: usize,
    /// Leaked locks, with an entry for each guard.
    pub(super) leaked: BTreeMap<Resource, Vec<Leaked>>,
    /// Locks that were dropped, and how many of their guards were forgotten by tasks that still run: when those tasks
    /// end, there is nothing to report.
    pub(super) gone: BTreeMap<Resource, usize>,
    next: Ticket,
}

crate::primitive::global! {
    static WAITS_FOR_ANYONE: Counter = Counter::new(0);
    static FILED: Counter = Counter::new(0);
}

/// Returns the number of records that wait for anyone. While it is zero, it does not matter whether all threads wait.
pub(super) fn waits_for_anyone() -> u64 {
    WAITS_FOR_ANYONE.load(Ordering::SeqCst)
}

/// Returns the number of records, without the lock.
pub(super) fn filed() -> u64 {
    FILED.load(Ordering::SeqCst)
}

impl PendingWait<'_> {
    /// Returns the task that has taken the lock at this place of the thread's list.
    fn holder(&self, place: usize) -> &Label {
        let holders = self.holders.iter();
        let holder = holders.rev().find(|holder| holder.from <= place);
        holder.map_or(self.task, |holder| &holder.taken_by)
    }
}

impl WaitRecord {
    pub(super) fn new(pending: &PendingWait<'_>) -> Self {
        let (mut owns, held) = resources::all();
        let held = held.into_iter().enumerate();
        let holds = held.map(|(place, held)| HeldLock {
            held,
            by: pending.holder(place).clone(),
        });
        let site = pending.site;
        match site.on {
            // Readers that come after the writer wait for its turn.
            WaitsOn::Write { lock, came } => owns.push(Resource::Turn(lock, came)),
            // All readers that wait do so until the upgrade is over. Places begin at 1.
            WaitsOn::Upgrade { lock } => owns.push(Resource::Turn(lock, 0)),
            _ => {}
        }
        owns.sort_unstable();
        owns.dedup();
        let found_by = match &site.on {
            WaitsOn::Time | WaitsOn::Anyone => Vec::new(),
            WaitsOn::Resource(resource) => vec![*resource],
            WaitsOn::Read { .. }
            | WaitsOn::Upgradable { .. }
            | WaitsOn::Write { .. }
            | WaitsOn::Upgrade { .. } => {
                awaits(site).map_or_else(Vec::new, |awaits| awaits.resources)
            }
            WaitsOn::Tasks(task_set) => task_set.resources(),
        };
        Self {
            task: pending.task.clone(),
            site: site.clone(),
            owns,
            holds: holds.collect(),
            found_by,
            parker: pending.parker.clone(),
            yields: pending.yields,
            is_ours: live_threads::is_started_here(),
            verdict: None,
        }
    }

    /// Returns the locks that the waiting task itself has taken.
    pub(super) fn own_holds(&self) -> impl Iterator<Item = &Held> {
        let own = |hold: &&HeldLock| hold.by.id() == self.task.id();
        self.holds.iter().filter(own).map(|hold| &hold.held)
    }

    /// Returns the entry of the lock, if the thread holds it.
    pub(super) fn hold_of(&self, resource: Resource) -> Option<&HeldLock> {
        self.holds
            .iter()
            .rfind(|hold| hold.held.resource == resource)
    }

    /// Returns true if the thread is about to go on: it was woken, or its wait was picked as a victim.
    pub(super) fn goes_on(&self) -> bool {
        self.parker.is_marked()
    }

    pub(super) fn is_for_anyone(&self) -> bool {
        matches!(self.site.on, WaitsOn::Anyone)
    }
}

impl Graph {
    pub(super) const fn new() -> Self {
        Self {
            records: BTreeMap::new(),
            owners: BTreeSet::new(),
            waiters: BTreeSet::new(),
            for_anyone: [BTreeSet::new(), BTreeSet::new()],
            ours: 0,
            leaked: BTreeMap::new(),
            gone: BTreeMap::new(),
            next: 1,
        }
    }

    /// Returns true if the lock whose guard a task has leaked was dropped before the task ended. Counts one guard less.
    pub(super) fn take_from_gone(&mut self, resource: Resource) -> bool {
        let Some(guards) = self.gone.get_mut(&resource) else {
            return false;
        };
        *guards -= 1;
        if *guards == 0 {
            self.gone.remove(&resource);
        }
        true
    }

    /// Returns the set of possible victims to which the record belongs, if it waits for anyone.
    fn peers(&mut self, record: &WaitRecord) -> Option<&mut BTreeSet<Ticket>> {
        let [first, last] = &mut self.for_anyone;
        match record.yields {
            _ if !record.is_for_anyone() => None,
            VictimPriority::First => Some(first),
            VictimPriority::Last => Some(last),
            VictimPriority::Never => None,
        }
    }

    /// Inserts a record. Returns `ticket`, or a new ticket if that is zero.
    pub(super) fn insert(&mut self, ticket: Ticket, record: WaitRecord) -> Ticket {
        let ticket = if ticket == 0 { self.next } else { ticket };
        self.next = self.next.max(ticket + 1);
        let owns = record.owns.iter();
        self.owners
            .extend(owns.map(|resource| key(*resource, ticket)));
        let found_by = record.found_by.iter();
        self.waiters
            .extend(found_by.map(|resource| key(*resource, ticket)));
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
        ticket
    }

    /// Removes a record and returns it.
    pub(super) fn withdraw(&mut self, ticket: Ticket) -> Option<WaitRecord> {
        let record = self.records.remove(&ticket)?;
        for resource in &record.owns {
            self.owners.remove(&key(*resource, ticket));
        }
        for resource in &record.found_by {
            self.waiters.remove(&key(*resource, ticket));
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

    /// Returns the newest wait for anyone that can be a victim; one with `VictimPriority::Last` only if there is no
    /// other.
    pub(super) fn newest_for_anyone(&self) -> Option<Ticket> {
        let [first, last] = &self.for_anyone;
        first.last().or(last.last()).copied()
    }

    /// Returns true if no ticket was issued after this one.
    pub(super) fn is_newest(&self, ticket: Ticket) -> bool {
        ticket + 1 == self.next
    }

    /// Returns about how many resources the wait depends on.
    pub(super) fn size(&self, ticket: Ticket) -> usize {
        match &self.records[&ticket].site.on {
            WaitsOn::Tasks(task_set) => task_set.size(),
            _ => 1,
        }
    }

    /// Returns the waits whose threads own the resource; for a turn, also those whose threads own an earlier turn.
    pub(super) fn owners(&self, resource: Resource) -> impl Iterator<Item = Ticket> {
        let (first, last) = match resource {
            Resource::Turn(lock, _) => (Resource::Turn(lock, 0), (resource, 0)),
            resource => (resource, (resource, Ticket::MAX)),
        };
        between(&self.owners, (first, 0), last)
    }

    /// Returns the waits that may depend on the resource; for a turn, also those that depend on a later turn.
    pub(super) fn waiters(&self, resource: Resource) -> Vec<Ticket> {
        let (first, last) = match resource {
            Resource::Turn(lock, _) => ((resource, Ticket::MAX), Resource::Turn(lock, u64::MAX)),
            resource => ((resource, 0), resource),
        };
        between(&self.waiters, first, (last, Ticket::MAX)).collect()
    }

    /// Returns the resources that end a wait; `None` if the wait is about to end, or if anyone can end it.
    pub(super) fn awaits(&self, ticket: Ticket) -> Option<Awaits> {
        let record = &self.records[&ticket];
        if record.goes_on() {
            return None;
        }
        awaits(&record.site)
    }

    /// Returns the records that this one depends on; none if it is about to go on.
    pub(super) fn next_of(&self, ticket: Ticket) -> Vec<Ticket> {
        let resources = self.awaits(ticket).map(|awaits| awaits.resources);
        let resources = resources.into_iter().flatten();
        resources
            .flat_map(|resource| self.owners(resource))
            .collect()
    }

    /// Returns the records that may depend on this one; none if this one is about to go on.
    pub(super) fn before(&self, ticket: Ticket) -> Vec<Ticket> {
        let record = &self.records[&ticket];
        if record.goes_on() {
            return Vec::new();
        }
        let owns = record.owns.iter();
        owns.flat_map(|resource| self.waiters(*resource)).collect()
    }
}

/// Returns the tickets of an index in this range. No ticket is zero or the largest number.
fn between(
    index: &Index,
    first: (Resource, Ticket),
    last: (Resource, Ticket),
) -> impl Iterator<Item = Ticket> {
    let keys = key(first.0, first.1)..=key(last.0, last.1);
    index.range(keys).map(|(_, ticket)| *ticket)
}

/// Records, each with the resource by which it depends on the next.
pub(super) type RecordPath = Vec<(Ticket, Option<Resource>)>;

/// Returns the resources that end a wait, and whether one of them is enough; `None` if anyone can end it.
pub(super) fn awaits(site: &WaitSite) -> Option<Awaits> {
    Some(match &site.on {
        WaitsOn::Time | WaitsOn::Anyone => return None,
        WaitsOn::Resource(resource) => Awaits::all([*resource]),
        WaitsOn::Read { lock, came } => {
            Awaits::all([Resource::Lock(*lock), Resource::Turn(*lock, *came)])
        }
        WaitsOn::Upgradable { lock, came } => Awaits::all([
            Resource::Lock(*lock),
            Resource::Upgradable(*lock),
            Resource::Turn(*lock, *came),
        ]),
        WaitsOn::Write { lock, .. } => Awaits::all([
            Resource::Lock(*lock),
            Resource::Read(*lock),
            Resource::Upgradable(*lock),
        ]),
        WaitsOn::Upgrade { lock } => Awaits::all([Resource::Read(*lock)]),
        WaitsOn::Tasks(task_set) => match task_set.need() {
            Need::Any(tasks) => Awaits {
                resources: tasks.into_iter().map(Resource::Task).collect(),
                one_is_enough: true,
            },
            Need::All(tasks) => Awaits::all(tasks.into_iter().map(Resource::Task)),
        },
    })
}

/// The resources that end a wait.
pub(super) struct Awaits {
    pub(super) resources: Vec<Resource>,
    /// True if one of them ends the wait, false if all of them must come.
    pub(super) one_is_enough: bool,
}

impl Awaits {
    fn all(resources: impl IntoIterator<Item = Resource>) -> Self {
        Self {
            resources: resources.into_iter().collect(),
            one_is_enough: false,
        }
    }
}
