//! Cache lines: which core has which, and the costs of reading and changing one.

use super::costs::{Costs, Time, Topology};

/// A line that several threads use.
pub(super) type LineId = usize;

/// The counters of the members that are awake, and of those that search.
pub(super) const MEMBERS: LineId = 0;
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

/// The mailbox of a worker; if forks are public, its deque.
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
    /// True if others have read it since it was changed.
    is_shared: bool,
    /// The time at which the last atomic change is done.
    free_at: Time,
    busy: Time,
}

/// All lines. Changes of one line follow each other; reads do not delay each other.
pub(super) struct Lines {
    lines: Vec<Line>,
    /// The version of each line that each worker has seen.
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

    /// Fetches a line into the cache of `worker`. Returns true if it was there already.
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
            // If the worker has the line, the cores that have read it must drop it: that takes as long as for the
            // farthest one.
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

    /// Notes that `worker` has changed the line, and has it alone.
    pub(super) fn own(&mut self, worker: usize, id: LineId) {
        let line = &mut self.lines[id];
        line.owner = worker;
        line.version += 1;
        line.is_shared = false;
        let version = line.version;
        let seen = worker * self.lines.len() + id;
        self.seen[seen] = version;
    }

    /// The cost of changing a line for which no other thread waits, such as a lock that was just handed over.
    pub(super) fn take_over(&mut self, costs: &Costs, worker: usize, id: LineId) -> Time {
        let owner = self.lines[id].owner;
        let cost = self.topology.transfer(costs, owner, worker);
        self.own(worker, id);
        if owner == worker { 0 } else { cost }
    }

    /// Notes that the lock of the line was held for this time.
    pub(super) fn held(&mut self, id: LineId, time: Time) {
        self.lines[id].busy += time;
    }

    /// Returns the time for which the line was being changed, or its lock held.
    pub(super) fn busy(&self, id: LineId) -> Time {
        self.lines[id].busy
    }
}
