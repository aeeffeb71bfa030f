//! Decides when to look for deadlocks, and which wait is refused. See `mod.rs` for the protocol.

use std::collections::BTreeMap;

use super::live_threads;
use super::records::{
    self, Graph, HeldLock, Leaked, PendingWait, RecordPath, Ticket, VictimPriority, WaitRecord,
};
use super::region::{self, Region};
use super::report::{self, LISTED};
use super::resources::{self, Held, Resource};
use super::site::WaitSite;
use crate::error::Deadlock;
use crate::id::{Label, TaskId};
use crate::observe;
use crate::park::any_filed_resumes;
use crate::primitive::{Counter, Duration, Mutex, MutexGuard, Ordering};

crate::primitive::global! {
    static GRAPH: Mutex<Graph> = Mutex::new(Graph::new());
}

pub(super) fn graph() -> MutexGuard<'static, Graph> {
    GRAPH.lock()
}

/// Files the wait, calls `park`, and withdraws the wait. Returns the reason why the wait must not go on, if it was
/// picked as a victim.
pub(crate) fn wait_as_pending(pending: PendingWait<'_>, park: impl FnOnce()) -> Option<Deadlock> {
    let record = WaitRecord::new(&pending);
    let ticket = graph().file(*pending.ticket, record);
    *pending.ticket = ticket;
    park();
    let record = graph().withdraw(ticket)?;
    record.verdict
}

/// Looks for a deadlock after a thread has gone idle or ended, because that thread may have been the last one that
/// could end a wait.
pub(crate) fn look_again() {
    if may_be_quiescent() {
        graph().refuse_if_quiescent();
    }
}

/// Checks all waits for `resource` again: from now on, other threads or fewer threads can end them.
pub(crate) fn look_at(resource: Resource) {
    let mut graph = graph();
    for ticket in graph.waiters(resource) {
        graph.resolve(ticket);
    }
}

/// The largest number of waits for anyone with which each wait checks on its own schedule whether a thread outside this
/// library has ended.
const FEW: u64 = 8;
const LOOK: Duration = Duration::from_secs(2);
const LONGEST_LOOK: Duration = Duration::from_secs(120);

/// Returns how long a wait for anyone that has lasted for `lasted` may sleep before it checks the graph again. The time
/// grows with the number of such waits, so that in all one of them checks every few seconds. Waits that began together
/// are spread over that time by multiples of the golden ratio. If there are few waits, each checks more often at first:
/// after `first`, and then whenever it has lasted eight times as long.
pub(crate) fn between_looks(lasted: Duration, first: Duration) -> Duration {
    const GOLDEN: u64 = 0x9E37_79B9;
    static ASKED: Counter = Counter::new(0);
    let waits = records::waits_for_anyone().min(1 << 20);
    if waits <= FEW && lasted < LOOK {
        return first.max(lasted * 7).min(LOOK);
    }
    let part = GOLDEN.wrapping_mul(ASKED.fetch_add(1, Ordering::Relaxed)) & u64::from(u32::MAX);
    let spread = Duration::from_millis(((waits * part) >> 32) * 2000);
    spread.clamp(LOOK, LONGEST_LOOK)
}

/// Returns the tasks that keep a wait for `site` from ending and are waiting, too; and whether all threads that this
/// library started are waiting.
pub(crate) fn explain(site: &WaitSite) -> (Vec<Label>, bool) {
    let graph = graph();
    let awaits = records::awaits(site);
    let resources = awaits.iter().flat_map(|awaits| &awaits.resources);
    let kept_by = resources.flat_map(|resource| {
        let owners = graph.owners(*resource).map(|owner| &graph.records[&owner]);
        // The record of a task that runs inside another task's wait also owns what that other task holds.
        owners.map(|record| {
            let hold = record.hold_of(*resource);
            hold.map_or(&record.task, |hold| &hold.by).clone()
        })
    });
    // The caller has just withdrawn its own wait.
    let waiting = graph.ours + usize::from(live_threads::is_started_here());
    (kept_by.collect(), live_threads::are_all_waiting(waiting))
}

/// Returns the locks held by the tasks whose waits are filed at this moment, and by the tasks below them on the same
/// stacks.
pub(crate) fn locks_of_pending_waits() -> BTreeMap<TaskId, Vec<String>> {
    let graph = graph();
    let mut locks = BTreeMap::<TaskId, Vec<String>>::new();
    for HeldLock { held, by } in graph.records.values().flat_map(|record| &record.holds) {
        locks.entry(by.id()).or_default().push(report::hold(held));
    }
    locks
}

/// Records that a task has completed without releasing these locks, and refuses the waits for them.
pub(crate) fn leak(task: &Label, locks: Vec<Held>) {
    for Held { resource, since } in locks {
        let by = task.clone();
        let mut graph = graph();
        if !graph.take_from_gone(resource) {
            let leaked = graph.leaked.entry(resource).or_default();
            leaked.push(Leaked { by, since });
            for ticket in graph.waiters(resource) {
                graph.resolve(ticket);
            }
        }
        drop(graph);
        observe::report_leak(task, since);
    }
}

/// Records that the calling thread has released the lock.
#[inline]
pub(crate) fn let_go(resource: Resource) {
    if !resources::let_go_newest(resource) {
        let_go_older(resource);
    }
}

#[cold]
fn let_go_older(resource: Resource) {
    if resources::let_go_older(resource) {
        return;
    }
    // A guard that was kept past the end of its task was not leaked after all.
    let mut graph = graph();
    if let Some(leaked) = graph.leaked.get_mut(&resource) {
        leaked.pop();
        if leaked.is_empty() {
            graph.leaked.remove(&resource);
        }
    }
}

/// Forgets a lock that was dropped, of which `guards` guards were leaked.
#[cold]
pub(crate) fn forget_leaked(resource: Resource, guards: usize) {
    let elsewhere = (0..guards)
        .filter(|_| !resources::let_go_older(resource))
        .count();
    let mut graph = graph();
    let known = graph
        .leaked
        .remove(&resource)
        .map_or(0, |leaked| leaked.len());
    if elsewhere > known {
        *graph.gone.entry(resource).or_default() += elsewhere - known;
    }
}

/// Returns false if some thread is certainly running. That is the usual case, and this costs less than a full check.
/// The last thread that files a wait, goes idle or ends changes the counters before it calls this, and so gets true.
fn may_be_quiescent() -> bool {
    records::waits_for_anyone() > 0
        && live_threads::are_all_waiting(records::filed())
        && !any_filed_resumes()
}

impl Graph {
    /// Files a wait and looks for a deadlock. `ticket` is the wait's ticket, or zero if it has none yet.
    pub(super) fn file(&mut self, ticket: Ticket, record: WaitRecord) -> Ticket {
        let ticket = self.insert(ticket, record);
        self.resolve(ticket);
        if may_be_quiescent() {
            self.refuse_if_quiescent();
        }
        ticket
    }

    fn refuse(&mut self, victim: Ticket, verdict: Deadlock) {
        if let Some(record) = self.records.get_mut(&victim) {
            record.verdict = Some(verdict);
            record.parker.unpark();
        }
    }

    /// Picks victims until the wait is not dead any more, or no further victim can be picked.
    fn resolve(&mut self, ticket: Ticket) {
        if let Some(resource) = self.leak_that_keeps(ticket) {
            let path = vec![(ticket, Some(resource))];
            let verdict = report::of_cycle(self, &path);
            self.refuse(ticket, verdict);
            return;
        }
        if let Some(path) = region::pair(self, ticket) {
            let verdict = report::of_cycle(self, &path);
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
            if let Some(path) = region.shortest_cycle(victim) {
                let verdict = report::of_cycle(self, &path);
                self.refuse(victim, verdict);
                region.revive(victim);
            }
        }
    }

    /// Returns the leaked lock that this wait needs, if there is one and the wait can be refused. Such a wait never
    /// ends, whatever other waits there are.
    fn leak_that_keeps(&self, ticket: Ticket) -> Option<Resource> {
        let record = self.records.get(&ticket)?;
        if self.leaked.is_empty() || record.goes_on() || record.yields == VictimPriority::Never {
            return None;
        }
        let leaked = |resource: &Resource| self.leaked.contains_key(resource);
        record.found_by.iter().copied().find(leaked)
    }

    /// Refuses the newest wait for anyone that can return an error, if every thread of the process waits, is idle or
    /// has ended. All waits of other kinds depend on waits for anyone, so to refuse one of those would not help.
    ///
    /// The victim's thread goes on, and may end other waits. The next victim is picked only when that thread files
    /// another wait, goes idle or ends: each of these calls this function again.
    fn refuse_if_quiescent(&mut self) {
        let Some(victim) = self.newest_for_anyone() else {
            return;
        };
        // A thread that has ended may have ended a wait just before.
        if !live_threads::is_everyone(self.records.len()) || any_filed_resumes() {
            return;
        }
        let others = self
            .records
            .keys()
            .copied()
            .filter(|other| *other != victim);
        let all = std::iter::once(victim).chain(others);
        let path: RecordPath = all.take(LISTED).map(|ticket| (ticket, None)).collect();
        let more_waits = self.records.len() - path.len();
        let verdict = report::of_standstill(self, &path, more_waits);
        self.refuse(victim, verdict);
    }
}
