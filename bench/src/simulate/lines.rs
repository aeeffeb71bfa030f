//! Cache lines: who has which, and what it costs to read or change one.

use super::costs::{Costs, Time, Topology};

/// A line that several threads use.
pub(super) type LineId = usize;

/// The roster's counters.
pub(super) const ROSTER: LineId = 0;
/// The lock of the sleepers.
pub(super) const STATE: LineId = 1;
/// The list of open scopes, and how many have tasks.
pub(super) const SLOTS: LineId = 2;
/// The lock of the scope's queue.
pub(super) const QUEUE: LineId = 3;
/// The queue of tasks that belong to no scope.
pub(super) const ENTRIES: LineId = 4;
const SHARED: usize = 5;

/// The word of a worker's seat.
pub(super) fn word(worker: usize) -> LineId {
    SHARED + 2 * worker
}

/// Its mailbox; if forks are public, its deque.
pub(super) fn mailbox(worker: usize) -> LineId {
    SHARED + 2 * worker + 1
}

pub(super) fn count(workers: usize) -> usize {
    SHARED + 2 * workers
}

#[derive(Clone, Default)]
struct Line {
    owner: usize,
    version: u32,
    /// Whether others have read it since it was changed.
    is_shared: bool,
    /// When the last atomic change is over.
    free_at: Time,
    busy: Time,
}

/// Changes of one line come one after the other; reads do not keep each other waiting.
pub(super) struct Lines {
    lines: Vec<Line>,
    /// The version that each worker has seen of each.
    seen: Vec<u32>,
    topology: Topology,
}

impl Lines {
    pub(super) fn new(topology: Topology, workers: usize) -> Self {
        let count = count(workers);
        let own = |line: usize| line.saturating_sub(SHARED) / 2;
        let line = |at| Line {
            owner: own(at),
            ..Line::default()
        };
        Self {
            lines: (0..count).map(line).collect(),
            seen: vec![0; count * workers],
            topology,
        }
    }

    /// Whether it is in the cache of `worker`, where it is from now on.
    fn fetch(&mut self, worker: usize, id: LineId) -> bool {
        let seen = worker * self.lines.len() + id;
        let (line, seen) = (&mut self.lines[id], &mut self.seen[seen]);
        let is_hit = line.owner == worker || *seen == line.version;
        *seen = line.version;
        line.is_shared |= line.owner != worker;
        is_hit
    }

    pub(super) fn read(&mut self, costs: &Costs, worker: usize, id: LineId) -> Time {
        let owner = self.lines[id].owner;
        if self.fetch(worker, id) {
            costs.hit
        } else {
            self.topology.transfer(costs, owner, worker)
        }
    }

    /// An atomic change at `now`: how long it takes, and how much of that is waiting for other changes.
    pub(super) fn change(
        &mut self,
        costs: &Costs,
        worker: usize,
        id: LineId,
        now: Time,
    ) -> (Time, Time) {
        let line = &mut self.lines[id];
        let cost = if line.owner == worker && !line.is_shared {
            costs.rmw
        } else {
            // If it is the worker's own, those who have read it must drop it: as far as from the farthest of them.
            let from = line.owner;
            let near = costs
                .complex
                .max(self.topology.transfer(costs, from, worker));
            costs.rmw + near
        };
        let waited = line.free_at.saturating_sub(now);
        line.free_at = now + waited + cost;
        line.busy += cost;
        self.own(worker, id);
        (waited + cost, waited)
    }

    /// `worker` has changed it, and has it alone.
    pub(super) fn own(&mut self, worker: usize, id: LineId) {
        let line = &mut self.lines[id];
        line.owner = worker;
        line.version += 1;
        line.is_shared = false;
        let version = line.version;
        let seen = worker * self.lines.len() + id;
        self.seen[seen] = version;
    }

    /// What it costs to change one that others do not wait for: as of a lock that was just given.
    pub(super) fn take_over(&mut self, costs: &Costs, worker: usize, id: LineId) -> Time {
        let owner = self.lines[id].owner;
        let cost = self.topology.transfer(costs, owner, worker);
        self.own(worker, id);
        if owner == worker { 0 } else { cost }
    }

    /// It was held for so long.
    pub(super) fn held(&mut self, id: LineId, time: Time) {
        self.lines[id].busy += time;
    }

    /// For how long it was changed or held.
    pub(super) fn busy(&self, id: LineId) -> Time {
        self.lines[id].busy
    }
}
