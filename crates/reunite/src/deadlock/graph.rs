//! Decides when to look for dead ends, and which wait is refused. See `mod.rs` for the protocol.

use std::collections::BTreeMap;

use super::bonds::{self, Bond, Held};
use super::quiet;
use super::records::{self, Graph, Hold, Leaked, Path, Record, Standing, Ticket, Yields};
use super::region::{self, Region};
use super::report::{self, TOLD};
use super::site::Site;
use crate::error::Deadlock;
use crate::id::{Label, TaskId};
use crate::observe;
use crate::park::somebody_goes_on;
use crate::primitive::{Counter, Duration, Mutex, MutexGuard, Ordering};

crate::primitive::global! {
    static GRAPH: Mutex<Graph> = Mutex::new(Graph::new());
}

pub(super) fn graph() -> MutexGuard<'static, Graph> {
    GRAPH.lock()
}

/// Files the wait, calls `park`, and withdraws the wait. Returns why it must not go on, if it was picked as a victim.
pub(crate) fn stand(standing: Standing<'_>, park: impl FnOnce()) -> Option<Deadlock> {
    let record = Record::new(&standing);
    let ticket = graph().file(*standing.ticket, record);
    *standing.ticket = ticket;
    park();
    let record = graph().withdraw(ticket)?;
    record.verdict
}

/// Looks for a dead end after a thread has gone idle or ended: it may have been the last that could do anything.
pub(crate) fn look_again() {
    if is_perhaps_quiet() {
        graph().refuse_if_quiet();
    }
}

/// Looks for a dead end after waits for this bond may have come to depend on other threads, and on fewer of them.
pub(crate) fn look_at(bond: Bond) {
    let mut graph = graph();
    for ticket in graph.waiters(bond) {
        graph.resolve(ticket);
    }
}

/// Up to this many waits for anyone each look for themselves whether a thread outside this library has ended.
const FEW: u64 = 8;
const LOOK: Duration = Duration::from_secs(2);
const LONGEST_LOOK: Duration = Duration::from_secs(120);

/// The time for which a wait for anyone that has lasted for `lasted` may leave it to other waits to look again: one of
/// them looks every few seconds, however many wait. Waits that began together are spread by multiples of the golden
/// ratio. If there are few, they look more often at first.
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

/// The tasks that keep a wait for `site` from ending and wait themselves; and whether all threads that this library
/// started wait.
pub(crate) fn explain(site: &Site) -> (Vec<Label>, bool) {
    let graph = graph();
    let awaits = records::awaits(site);
    let bonds = awaits.iter().flat_map(|awaits| &awaits.bonds);
    let kept_by = bonds.flat_map(|bond| {
        let bearers = graph.bearers(*bond).map(|bearer| &graph.records[&bearer]);
        // A task that runs inside another task's wait bears what that other task holds.
        bearers.map(|record| {
            let hold = record.hold_of(*bond);
            hold.map_or(&record.task, |hold| &hold.by).clone()
        })
    });
    // The caller has just withdrawn its own wait.
    let waiting = graph.ours + usize::from(quiet::is_ours());
    (kept_by.collect(), quiet::is_all_of_ours(waiting))
}

/// The locks held by the tasks whose waits are filed at this moment, and by those inside whose waits they run.
pub(crate) fn standing() -> BTreeMap<TaskId, Vec<String>> {
    let graph = graph();
    let mut told = BTreeMap::<TaskId, Vec<String>>::new();
    for Hold { held, by } in graph.records.values().flat_map(|record| &record.holds) {
        told.entry(by.id()).or_default().push(report::hold(held));
    }
    told
}

/// Notes that a task has completed without releasing these locks.
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

/// Notes that the calling thread released the lock.
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

/// Forgets a lock that was dropped, of which `guards` guards were leaked.
#[cold]
pub(crate) fn bury(bond: Bond, guards: usize) {
    let elsewhere = (0..guards).filter(|_| !bonds::let_go_older(bond)).count();
    let mut graph = graph();
    let known = graph.leaked.remove(&bond).map_or(0, |leaked| leaked.len());
    if elsewhere > known {
        *graph.gone.entry(bond).or_default() += elsewhere - known;
    }
}

/// Returns false if some thread certainly does something. Cheaper than a look, and the answer most of the time. The
/// last thread to file, to go idle or to end counts that before it asks, so it gets true.
fn is_perhaps_quiet() -> bool {
    records::waits_for_anyone() > 0
        && quiet::is_all_of_ours(records::filed())
        && !somebody_goes_on()
}

impl Graph {
    /// Files a wait and looks for a dead end. `ticket` is the wait's ticket, or zero if it has none yet.
    pub(super) fn file(&mut self, ticket: Ticket, record: Record) -> Ticket {
        let ticket = self.insert(ticket, record);
        self.resolve(ticket);
        if is_perhaps_quiet() {
            self.refuse_if_quiet();
        }
        ticket
    }

    fn refuse(&mut self, victim: Ticket, verdict: Deadlock) {
        if let Some(record) = self.records.get_mut(&victim) {
            record.verdict = Some(verdict);
            record.parker.unpark();
        }
    }

    /// Picks victims until the wait is in no dead end, or none can be picked.
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

    /// The lock for which this wait waits and which will never be released, if so. Such a wait is dead alone, and can
    /// always fail.
    fn leak_that_keeps(&self, ticket: Ticket) -> Option<Bond> {
        let record = self.records.get(&ticket)?;
        if self.leaked.is_empty() || record.goes_on() || record.yields == Yields::Never {
            return None;
        }
        let leaked = |bond: &Bond| self.leaked.contains_key(bond);
        record.found_by.iter().copied().find(leaked)
    }

    /// If no thread is left that does anything, refuses the newest wait for anyone that can fail. The other waits
    /// depend on such waits: refusing them would not help. The victim's thread goes on, and when it files another wait,
    /// goes idle or ends, it looks here again. So the next wait is not refused before it is certain that this victim
    /// does not help it, and is refused at once then.
    fn refuse_if_quiet(&mut self) {
        let Some(victim) = self.newest_for_anyone() else {
            return;
        };
        // A thread that is gone may have brought something on its way out.
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
}
