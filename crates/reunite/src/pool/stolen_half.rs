//! The half of a fork that another thread has taken, and runs where it lies in the forker's frame.

use std::collections::BTreeMap;
use std::panic::Location;

use super::lineage::Ancestor;
use super::piece::{CoarseSpawnTime, LazyPieceIdentity, Piece, PieceFacts, PieceIdentity};
use crate::current::{self, Context};
use crate::id::{Label, LabelKind, TaskId};
use crate::observe::{Completion, Event, tell};
use crate::primitive::{Arc, Counter, OnceLock, Ordering, StaticMutex};
use crate::task::ScopeSnapshot;

/// The half as a task of its own, and a part of the task that forked it.
pub(super) struct StolenHalf {
    job: Ancestor,
    at: &'static Location<'static>,
    /// The context of its forker.
    around: Arc<Context>,
    spawned: CoarseSpawnTime,
    own: LazyPieceIdentity,
    /// The label of the fork, to which both halves belong; made on demand.
    fork: OnceLock<Label>,
}

impl StolenHalf {
    /// Creates the half for the job `job`, forked in `around`.
    pub(super) fn new(
        job: Ancestor,
        at: &'static Location<'static>,
        around: Arc<Context>,
        spawned: CoarseSpawnTime,
    ) -> Arc<Self> {
        Arc::new(Self {
            job,
            at,
            around,
            spawned,
            own: LazyPieceIdentity::unknown(),
            fork: OnceLock::new(),
        })
    }

    fn identity(&self) -> &PieceIdentity {
        self.own.make_part(&self.around, || PieceFacts {
            id: TaskId::next(),
            kind: LabelKind::Task,
            at: self.at,
            spawned: self.spawned,
        })
    }

    /// Returns the fork as the live tree shows it.
    pub(super) fn picture(&self) -> ScopeSnapshot {
        let record = self.identity().context.record.clone();
        record.start();
        ScopeSnapshot {
            scope: self.fork().clone(),
            owner: Some(self.around.record.clone()),
            cause: self.around.node.cause(),
            tasks: vec![record],
            more_queued: 0,
        }
    }

    pub(super) fn label(&self) -> &Label {
        self.identity().label()
    }

    /// Returns the label of the fork, to which both halves belong.
    fn fork(&self) -> &Label {
        let fork = || Label::new(LabelKind::Fork, None, self.at);
        self.fork.get_or_init(fork)
    }

    /// Tells observers that the half is a task of its own now, and begins.
    pub(super) fn tell_start(&self) {
        let task = self.label();
        tell(|| Event::Spawn {
            task,
            by: &self.around.record.label,
            scope: self.fork(),
        });
        tell(|| Event::Start { task });
    }

    /// Tells observers how the half has completed; its forker will tell them of the join.
    pub(super) fn tell_completion(&self, how: Completion) {
        let task = self.label();
        tell(|| Event::Complete { task, how });
        let mut joins = JOINS.lock();
        joins.insert(self.job.address(), task.clone());
        EXPECTED.store(joins.len() as u64, Ordering::Relaxed);
    }
}

/// The halves that have completed and whose joins observers are to be told of, by the addresses of their
/// jobs. The jobs lie in frames that are not left before the join.
static JOINS: StaticMutex<BTreeMap<usize, Label>> = StaticMutex::new(BTreeMap::new());

/// The number of entries in `JOINS`. A forker sees its own half counted, because the half is counted before
/// its job is done.
static EXPECTED: Counter = Counter::new(0);

/// Tells observers that the calling thread has joined the job, which is done, if they were told of the job.
pub(super) fn tell_join(job: Ancestor, at: &'static Location<'static>) {
    if EXPECTED.load(Ordering::Relaxed) == 0 {
        return;
    }
    let task = {
        let mut joins = JOINS.lock();
        let task = joins.remove(&job.address());
        EXPECTED.store(joins.len() as u64, Ordering::Relaxed);
        task
    };
    if let Some(task) = task {
        let by = current::shared();
        tell(|| Event::Join {
            task: &task,
            by: &by.record.label,
            at,
        });
    }
}

impl Piece for StolenHalf {
    fn as_ancestor(&self) -> Ancestor {
        self.job
    }

    fn context(&self, _: &Arc<Context>) -> Arc<Context> {
        let made = self.identity();
        made.context.record.start();
        Arc::clone(&made.context)
    }

    fn known_context(&self, _: &Arc<Context>) -> Option<Arc<Context>> {
        let made = self.own.known()?;
        Some(Arc::clone(&made.context))
    }
}
