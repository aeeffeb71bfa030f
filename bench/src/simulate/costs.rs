//! The costs of the pool's steps, and where the workers sit.

/// A time in picoseconds.
pub(super) type Time = u64;

/// Converts a number of nanoseconds.
pub(super) const fn ns(nanoseconds: u64) -> Time {
    nanoseconds * 1_000
}

/// Converts a measurement in nanoseconds.
pub(super) fn measured(nanoseconds: f64) -> Time {
    (nanoseconds.max(0.0) * 1e3) as Time
}

/// The costs of the steps. Everything that can be measured is measured where the command runs (see `calibrate`); values
/// taken from publications are named there.
#[derive(Clone, Debug)]
pub(super) struct Costs {
    /// A read of a word in the thread's own cache, with the code around it in a scan.
    pub(super) hit: Time,
    /// Moving a line between cores with one last-level cache, of one socket, of two sockets.
    pub(super) complex: Time,
    pub(super) node: Time,
    pub(super) across: Time,
    /// The number of misses of a scan that overlap.
    pub(super) overlap: u64,
    /// An atomic read-modify-write of a line in the thread's own cache.
    pub(super) rmw: Time,
    /// Locking and unlocking a lock that no other thread wants.
    pub(super) lock: Time,
    /// A fork and its end, if no thread asks for it.
    pub(super) fork: Time,
    /// The additional cost of a fork if its list is public: a fence at its end (Chase, Lev 2005).
    pub(super) deque: Time,
    /// Publishing at all, and each published fork.
    pub(super) publish: Time,
    pub(super) parcel: Time,
    /// Taking a published fork back.
    pub(super) take_back: Time,
    /// Beginning a stolen half, and ending it.
    pub(super) execute: Time,
    pub(super) finish: Time,
    /// Giving up a place before a thread blocks, without the counters of the members.
    pub(super) block: Time,
    /// Waking a thread, and the time from there until it runs.
    pub(super) wake: Time,
    pub(super) latency: Time,
    /// Starting a thread, and the time from there until it runs.
    pub(super) start: Time,
    pub(super) start_latency: Time,
    /// One pause of a thread that spins, and one yield.
    pub(super) pause: Time,
    pub(super) yielding: Time,
    /// A spawn into a scope: before the lock, and under it.
    pub(super) spawn: Time,
    pub(super) enqueue: Time,
    /// Taking a batch, under the lock, and each of its tasks; and running a task that does nothing.
    pub(super) batch: Time,
    pub(super) each: Time,
    pub(super) task: Time,
    /// The kind of costs that is left out, if any.
    pub(super) free: Option<Free>,
}

impl Default for Costs {
    /// As measured on the machine that `docs/bench/simulate.csv` comes from.
    fn default() -> Self {
        Self {
            hit: 1_000,
            complex: ns(30),
            node: ns(107),
            across: ns(197),
            overlap: 4,
            rmw: 1_700,
            lock: 4_300,
            fork: 1_500,
            deque: 4_600,
            publish: ns(60),
            parcel: ns(40),
            take_back: ns(30),
            execute: ns(60),
            finish: ns(30),
            block: ns(200),
            wake: ns(3_000),
            latency: ns(3_500),
            start: ns(7_200),
            start_latency: ns(14_700),
            pause: 24_400,
            yielding: ns(525),
            spawn: ns(8),
            enqueue: ns(10),
            batch: ns(60),
            each: ns(3),
            task: ns(28),
            free: None,
        }
    }
}

/// A kind of costs that is left out, to find out how much it contributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Free {
    WakeUps,
    /// The counters of the members that are awake, and of those that search.
    Counters,
    /// Looking at all seats, and raising their words.
    Looks,
    Locks,
    /// Distance: all caches are as near as those of one complex.
    Distance,
}

impl Costs {
    /// Leaves out one kind of costs.
    pub(super) fn without(mut self, free: Free) -> Self {
        match free {
            Free::WakeUps => {
                let small = self.rmw;
                (self.wake, self.latency) = (small, small);
                (self.start, self.start_latency) = (small, small);
            }
            Free::Distance => (self.node, self.across) = (self.complex, self.complex),
            Free::Counters | Free::Looks | Free::Locks => self.free = Some(free),
        }
        self
    }

    pub(super) fn is_free(&self, what: Free) -> bool {
        self.free == Some(what)
    }
}

/// Where the workers sit: on cores in complexes of eight, on one or two sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Topology {
    pub(super) workers: usize,
    pub(super) nodes: usize,
}

/// The number of cores with one last-level cache.
const COMPLEX: usize = 8;

impl Topology {
    /// The core of a worker. A spare has the core of a worker that blocks.
    fn core(self, worker: usize) -> usize {
        worker % self.workers
    }

    pub(super) fn node(self, worker: usize) -> usize {
        self.core(worker) * self.nodes / self.workers
    }

    /// The cost of moving a line from one core to the other.
    pub(super) fn transfer(self, costs: &Costs, from: usize, to: usize) -> Time {
        let (a, b) = (self.core(from), self.core(to));
        if a == b {
            costs.hit
        } else if self.node(from) != self.node(to) {
            costs.across
        } else if a / COMPLEX == b / COMPLEX {
            costs.complex
        } else {
            costs.node
        }
    }
}
