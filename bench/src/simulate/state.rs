//! The state of the model of a pool.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::ops::Range;

use super::costs::{Costs, Time, Topology};
use super::design::Design;
use super::lines::{LineId, Lines, count};
use super::program::{Node, Program};

pub(super) type JobId = usize;

/// The next step of a worker. A step happens at one instant, and tells how long it takes until the next one.
#[derive(Clone, Copy, Debug)]
pub(super) enum At {
    // Computing (`compute`).
    Begin(Node),
    Forked(Node),
    Return,
    /// Continues with the step that was put aside before [`At::Publish`] or [`At::Look`].
    GoOn,
    Answer,
    AskToPublish(Publish),
    Publish(Publish),
    Published,
    Reclaim(JobId),
    Execute(JobId),
    Finished(JobId),
    // Looking for work (`search`).
    Search(u32),
    StopSearching,
    Take(usize),
    AskToTake(usize, usize),
    TakeFrom(usize, usize),
    TakenInVain,
    Got(JobId),
    CountBack,
    PieceOver,
    Idle(u32),
    // Sleeping and waking (`sleep`).
    Look,
    Rouse,
    RouseLocked,
    Wake(usize, Spent),
    Start(usize),
    Rest,
    RestLocked,
    LookAgain,
    GetUp,
    LookAgainLocked,
    BeIdle,
    CountIdle,
    Asleep,
    Woken,
    // Waiting (`join`).
    Help(u32),
    Block,
    Leave,
    LeaveLocked,
    Left,
    Park,
    ComeBack,
    AskToComeBack,
    ComeBackLocked,
    // What the program does, and its scope (`scope`).
    NextPhase,
    Spawn(u32),
    AskToSpawn(u32),
    SpawnLocked(u32),
    FindScope,
    FindScopeLocked,
    HasTasks,
    TakeBatch,
    TakeBatchLocked,
    RunTask,
    TaskOver,
    BatchOver,
    WorkOver,
    WaitForScope,
    Install(u32),
    InstallLocked(u32),
    AwaitInstalled(u32),
    TakeEntry,
    RunEntry,
    EntryOver,
    Release(LineId, After),
}

/// The number of forks to publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Publish {
    Older,
    All,
}

/// Where a worker continues after it has released a lock.
#[derive(Clone, Copy, Debug)]
pub(super) enum After {
    GoOn,
    Published,
    TakeNext(usize),
    Got(JobId),
    Begin(Node),
    Help,
    Wake(usize),
    Start(usize),
    Asleep,
    Search,
    LookAgain,
    Leave,
    Spawn(u32, bool),
    HasTasks,
    Found(bool),
    Batch(bool),
    Entry(bool),
    AwaitInstalled(u32),
}

/// An entry of a worker's stack: something that it has open.
#[derive(Clone, Copy, Debug)]
pub(super) enum Frame {
    /// A fork whose first half runs.
    Fork(JobId),
    /// A half that was forked by another thread.
    Job(JobId, Option<JobId>),
    /// A join that waits for a job.
    Join(JobId),
    /// The tasks of the scope.
    Tasks,
    Main,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Private,
    Published,
    Taken,
    Done,
}

#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) node: Node,
    pub(super) owner: usize,
    /// The half, forked by another thread, in which it was forked.
    pub(super) up: Option<JobId>,
    pub(super) stage: Stage,
    pub(super) is_awaited: bool,
    pub(super) thief: usize,
}

/// The activities on which a thread spends its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spent {
    Work,
    Forking,
    Sharing,
    Searching,
    Helping,
    Waking,
    InScope,
    Counters,
    Locks,
    Blocked,
    Asleep,
}

pub(super) const SPENT: [(Spent, &str); 11] = [
    (Spent::Work, "work"),
    (Spent::Forking, "forks"),
    (Spent::Sharing, "hand-over"),
    (Spent::Searching, "search"),
    (Spent::Helping, "joins, looking"),
    (Spent::Waking, "waking others"),
    (Spent::InScope, "scope"),
    (Spent::Counters, "counters"),
    (Spent::Locks, "locks"),
    (Spent::Blocked, "joins, blocked"),
    (Spent::Asleep, "asleep"),
];

/// A worker; the first one is the visitor.
pub(super) struct Worker {
    pub(super) at: At,
    pub(super) stack: Vec<Frame>,
    /// Where it continues after a look or after publishing.
    pub(super) then: Vec<At>,
    /// Open forks, the oldest first.
    pub(super) private: VecDeque<JobId>,
    pub(super) mailbox: VecDeque<JobId>,
    pub(super) is_asked: bool,
    /// The half that it runs.
    pub(super) inner: Option<JobId>,
    pub(super) nesting: usize,
    pub(super) round: u32,
    /// It looks only for descendants of this.
    pub(super) target: Option<JobId>,
    pub(super) counts_out: bool,
    pub(super) was_last: bool,
    pub(super) first_seat: usize,
    /// The activity for which it sleeps or is blocked, if it does.
    pub(super) sleeps: Option<Spent>,
    /// Tokens that an unpark has left: from what it waits for, and from the thread that took it off the list of
    /// sleepers.
    pub(super) is_woken: bool,
    pub(super) is_roused: bool,
    pub(super) since: Time,
    /// The number of tasks that it takes from the scope, and the batch that it has.
    pub(super) many: u32,
    pub(super) batch: Option<usize>,
    pub(super) spent: [Time; SPENT.len()],
    /// The lock that it tries to take because it was released.
    pub(super) calls_for: Option<LineId>,
    /// The part of the step's time that was attributed to another activity.
    pub(super) told: Time,
}

#[derive(Default)]
pub(super) struct Lock {
    pub(super) holder: Option<usize>,
    /// True if a waiting thread was called and is coming.
    pub(super) is_called: bool,
    pub(super) since: Time,
    pub(super) waiters: VecDeque<usize>,
}

#[derive(Default)]
pub(super) struct Members {
    pub(super) active: usize,
    pub(super) searching: usize,
    pub(super) sleepers: Vec<usize>,
    pub(super) threads: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) next: u32,
    pub(super) end: u32,
    pub(super) count: u32,
    pub(super) begun: Time,
}

#[derive(Default)]
pub(super) struct Scope {
    pub(super) queued: Range<u32>,
    pub(super) is_listed: bool,
    pub(super) pending: u32,
    pub(super) batches: Vec<Batch>,
    pub(super) is_awaited: bool,
}

/// Counts of what happened.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Counts {
    pub(super) leaves: u64,
    pub(super) tasks: u64,
    pub(super) publications: u64,
    pub(super) published: u64,
    pub(super) stolen: u64,
    pub(super) in_vain: u64,
    pub(super) taken_back: u64,
    pub(super) woken: u64,
    pub(super) started: u64,
    pub(super) blocked: u64,
    pub(super) most_active: usize,
    pub(super) events: u64,
}

pub(super) struct Sim<'a> {
    pub(super) now: Time,
    pub(super) costs: &'a Costs,
    pub(super) design: Design,
    pub(super) topology: Topology,
    pub(super) program: &'a Program,
    pub(super) workers: Vec<Worker>,
    pub(super) jobs: Vec<Job>,
    pub(super) free: Vec<JobId>,
    pub(super) members: Members,
    pub(super) scope: Scope,
    pub(super) entries: usize,
    pub(super) entry_done: bool,
    pub(super) phase: usize,
    pub(super) is_over: bool,
    pub(super) counts: Counts,
    pub(super) lines: Lines,
    pub(super) locks: Vec<Lock>,
    pub(super) events: BinaryHeap<Reverse<(Time, usize)>>,
    pub(super) random: u64,
}

/// The next step of a worker.
pub(super) enum Go {
    /// It goes on after this time.
    After(Time, At, Spent),
    /// Another worker makes it go on.
    Stop,
}

impl Go {
    /// The same, later by the time of a system call.
    pub(super) fn later(self, by: Time) -> Self {
        match self {
            Self::After(time, at, on) => Self::After(time + by, at, on),
            Self::Stop => Self::Stop,
        }
    }
}

impl<'a> Sim<'a> {
    pub(super) fn new(
        program: &'a Program,
        costs: &'a Costs,
        design: Design,
        topology: Topology,
        seed: u64,
    ) -> Self {
        let size = topology.workers;
        // As many spares may stay as the pool has places.
        let threads = 2 * size;
        let worker = |_| Worker {
            at: At::Woken,
            stack: Vec::new(),
            then: Vec::new(),
            private: VecDeque::new(),
            mailbox: VecDeque::new(),
            is_asked: true,
            inner: None,
            nesting: 0,
            round: 0,
            target: None,
            counts_out: false,
            was_last: false,
            first_seat: 0,
            sleeps: Some(Spent::Asleep),
            is_woken: false,
            is_roused: false,
            since: 0,
            many: 1,
            batch: None,
            spent: [0; SPENT.len()],
            calls_for: None,
            told: 0,
        };
        let visits = program.visits();
        let mut sim = Self {
            now: 0,
            costs,
            design,
            topology,
            program,
            workers: (0..=threads).map(worker).collect(),
            jobs: Vec::new(),
            free: Vec::new(),
            members: Members {
                active: usize::from(visits),
                searching: 0,
                // Beside a visitor there is one thread more than the pool has places left. They went to sleep in order.
                sleepers: (1..=size).rev().collect(),
                threads: size,
            },
            scope: Scope::default(),
            entries: 0,
            entry_done: false,
            phase: 0,
            is_over: false,
            counts: Counts::default(),
            lines: Lines::new(topology, threads + 1),
            locks: (0..count(threads + 1)).map(|_| Lock::default()).collect(),
            events: BinaryHeap::new(),
            random: seed,
        };
        let main = &mut sim.workers[0];
        main.at = At::NextPhase;
        main.stack.push(Frame::Main);
        main.sleeps = None;
        sim.events.push(Reverse((0, 0)));
        sim
    }
}
