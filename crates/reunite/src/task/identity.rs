//! The identity of a task: its record, and its cancel node.
//!
//! # Protocol
//! The identity of a task on a thread is made [at once](EagerIdentity). Most of a pool's tasks are over before they
//! could be inspected, so theirs is made [later](LazyIdentity), on demand: by the task itself when it waits, fails,
//! spawns or opens a scope; by its handle, for a cancellation or a message; by an observer; or by a thread that
//! shows the live tree. The facts that cannot be found out later are stored from the beginning: the number, the
//! line, the time of the spawn, and the task that spawned it.
//!
//! 1. An identity is made once. If two threads make it at the same time, the later one uses the earlier
//!    one's.
//! 2. Before it is made, the task itself cannot be cancelled, nor get a notice: both need the node.
//! 3. Each event in the life of the task is a bit of its [`TaskState`], set by one atomic step. The bit `ASKED` is
//!    set after the identity was made and can be found. A thread that sets another bit then looks for the identity.
//!    So of that thread and the thread that makes the identity, at least one sees the other, and brings the record
//!    and the node up to date ([`apply_state`](Identity::apply_state)).
//! 4. The reference to the task's spawner is dropped when the task is over or detached. Otherwise a chain of tasks
//!    that spawn each other would keep the memory of all of them.

use std::ops::Deref;
use std::panic::Location;

use super::job::OnThread;
use crate::cancel::CancelNode;
use crate::current::{SpawnTime, TaskRecord};
use crate::id::{Label, LabelKind, TaskId};
use crate::part::Part;
use crate::primitive::{AtomicU8, Mutex, OnceLock, Ordering, coarse_millis};

/// The history of a task: bits that are set and never cleared.
#[derive(Default)]
pub(crate) struct TaskState(AtomicU8);

/// A thread has begun to run the task.
const BEGUN: u8 = 1;
/// The task's identity was made.
const ASKED: u8 = 2;
/// The task's closure has ended.
const ENDED: u8 = 4;
/// The task's handle was given up, and no other task waits for it.
const DETACHED: u8 = 8;
/// The task is concluded: its result is stored and all who wait for it were told.
const OVER: u8 = 16;

impl TaskState {
    /// Creates the state of a task whose identity is made together with it.
    pub(super) fn asked() -> Self {
        Self(AtomicU8::new(ASKED))
    }

    /// Sets a bit. Returns the bits before.
    fn set(&self, bit: u8) -> u8 {
        self.0.fetch_or(bit, Ordering::SeqCst)
    }

    fn get(&self) -> u8 {
        self.0.load(Ordering::SeqCst)
    }

    pub(super) fn has_begun(&self) -> bool {
        self.get() & BEGUN != 0
    }

    pub(super) fn is_over(&self) -> bool {
        self.get() & OVER != 0
    }
}

/// A task's record, and the node under which it runs.
pub(crate) struct Identity {
    pub(crate) record: TaskRecord,
    pub(crate) node: NodeOf,
}

impl Identity {
    /// Brings the record and the node up to date with the bits of `stage`.
    fn apply_state(&self, stage: u8) {
        let has = |bit| stage & bit != 0;
        if has(BEGUN) {
            self.record.start();
        }
        if has(ENDED) {
            self.node.mark_over();
        }
        if has(DETACHED) {
            self.record.detach();
        }
        if has(OVER) {
            self.record.forget_parent();
        }
    }
}

/// The node under which a task runs.
pub(crate) enum NodeOf {
    Itself(CancelNode),
    /// The node of the task that waits for it.
    Another(Part<CancelNode>),
}

impl Deref for NodeOf {
    type Target = CancelNode;

    fn deref(&self) -> &CancelNode {
        match self {
            Self::Itself(node) => node,
            Self::Another(node) => node,
        }
    }
}

/// The facts of a task from which its identity is made: its number, its state, and the node of its group.
#[derive(Clone, Copy)]
pub(crate) struct IdentitySeed<'a> {
    pub(super) id: TaskId,
    pub(super) stage: &'a TaskState,
    pub(super) group: &'a Part<CancelNode>,
}

/// The place of a task's identity.
pub(crate) trait HasIdentity: Send + Sync {
    /// Returns the identity. Makes it if it was not made yet.
    fn identity(&self, task: IdentitySeed<'_>) -> &Identity;

    /// Returns the identity, if it was made.
    fn known(&self) -> Option<&Identity>;

    fn on(&self) -> OnThread;

    /// Drops the reference to the task's spawner (rule 4).
    fn forget_parent(&self);
}

/// The steps in the life of a task.
impl dyn HasIdentity + '_ {
    /// Marks the task as begun. Returns true if it was not begun before.
    #[inline]
    pub(super) fn begin(&self, stage: &TaskState) -> bool {
        let is_first = stage.set(BEGUN) & BEGUN == 0;
        if is_first {
            self.tell(BEGUN);
        }
        is_first
    }

    /// Records that its closure has ended.
    #[inline]
    pub(super) fn end(&self, stage: &TaskState) {
        stage.set(ENDED);
        self.tell(ENDED);
    }

    pub(super) fn detach(&self, stage: &TaskState) {
        stage.set(DETACHED);
        self.tell(DETACHED);
        self.forget_parent();
    }

    /// Records that it is concluded.
    #[inline]
    pub(super) fn finish(&self, stage: &TaskState) {
        stage.set(OVER);
        self.tell(OVER);
        self.forget_parent();
    }

    #[inline]
    fn tell(&self, bit: u8) {
        if let Some(identity) = self.known() {
            identity.apply_state(bit);
        }
    }
}

/// An identity that is made with the task, which may ask for a certain kind of thread.
pub(super) struct EagerIdentity {
    pub(super) identity: Identity,
    pub(super) on: OnThread,
}

impl HasIdentity for EagerIdentity {
    fn identity(&self, _: IdentitySeed<'_>) -> &Identity {
        &self.identity
    }

    fn known(&self) -> Option<&Identity> {
        Some(&self.identity)
    }

    fn on(&self) -> OnThread {
        self.on
    }

    fn forget_parent(&self) {
        self.identity.record.forget_parent();
    }
}

/// An identity that is made on demand.
pub(super) struct LazyIdentity {
    at: &'static Location<'static>,
    /// The time at which the task was spawned, to a few milliseconds.
    created: u32,
    parent: Mutex<Option<Part<TaskRecord>>>,
    made: OnceLock<Box<Identity>>,
}

impl LazyIdentity {
    /// Creates the place for a task that is spawned now, at the line `at`.
    #[inline]
    pub(super) fn new(at: &'static Location<'static>, parent: Part<TaskRecord>) -> Self {
        Self {
            at,
            created: coarse_millis(),
            parent: Mutex::new(Some(parent)),
            made: OnceLock::new(),
        }
    }

    #[cold]
    fn make(&self, task: IdentitySeed<'_>) -> &Identity {
        let label = Label::with_id(task.id, LabelKind::Task, None, self.at);
        let parent = self.parent.lock().clone();
        let created = SpawnTime::About(self.created);
        let made = Identity {
            record: TaskRecord::of_task(label.clone(), created, parent),
            node: NodeOf::Itself(CancelNode::of_task(task.group, label)),
        };
        // `get_or_init` would hold its own lock while making the identity takes others.
        let _too_late = self.made.set(Box::new(made));
        // Rules 3 and 4.
        if task.stage.set(ASKED) & OVER != 0 {
            self.forget_parent();
        }
        let Some(made) = self.made.get() else {
            unreachable!("it was set, here or by another")
        };
        made
    }
}

impl HasIdentity for LazyIdentity {
    fn identity(&self, task: IdentitySeed<'_>) -> &Identity {
        let made = self.made.get().map(|made| &**made);
        let made = made.unwrap_or_else(|| self.make(task));
        made.apply_state(task.stage.get());
        made
    }

    #[inline]
    fn known(&self) -> Option<&Identity> {
        self.made.get().map(|made| &**made)
    }

    fn on(&self) -> OnThread {
        OnThread::default()
    }

    #[inline]
    fn forget_parent(&self) {
        let parent = self.parent.lock().take();
        drop(parent);
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;
    use crate::current;

    impl TaskState {
        fn is_parent_forgotten(&self) -> bool {
            self.get() & (DETACHED | OVER) != 0
        }
    }

    struct LazyTestTask {
        id: TaskId,
        stage: TaskState,
        group: Part<CancelNode>,
        named: LazyIdentity,
    }

    impl LazyTestTask {
        fn new() -> Self {
            let here = current::shared();
            Self {
                id: TaskId::next(),
                stage: TaskState::default(),
                group: here.node.clone(),
                named: LazyIdentity::new(Location::caller(), here.record.clone()),
            }
        }

        fn identity(&self) -> &Identity {
            self.named.identity(IdentitySeed {
                id: self.id,
                stage: &self.stage,
                group: &self.group,
            })
        }

        fn named(&self) -> &dyn HasIdentity {
            &self.named
        }
    }

    /// The identity may be made before or after the event.
    #[test]
    fn an_identity_knows_what_happened_to_the_task_before_and_after_it_was_made() {
        for is_asked_before in [true, false] {
            let check = |happens: fn(&LazyTestTask), is_told: fn(&Identity) -> bool| {
                let task = LazyTestTask::new();
                if is_asked_before {
                    assert!(!is_told(task.identity()));
                }
                happens(&task);
                assert_eq!(task.named.known().is_some(), is_asked_before);
                assert!(is_told(task.identity()), "asked before: {is_asked_before}");
                // Without an identity, the reference to the spawner is dropped here.
                let is_parent_kept = task.named.parent.lock().is_some();
                assert_eq!(is_parent_kept, !task.stage.is_parent_forgotten());
            };
            check(
                |task| assert!(task.named().begin(&task.stage)),
                |it| it.record.has_begun(),
            );
            check(
                |task| task.named().end(&task.stage),
                |it| it.node.is_marked_over(),
            );
            check(
                |task| task.named().detach(&task.stage),
                |it| it.record.is_detached() && it.record.parent().is_none(),
            );
            check(
                |task| task.named().finish(&task.stage),
                |it| it.record.parent().is_none(),
            );
        }
        let task = LazyTestTask::new();
        assert!(task.named().begin(&task.stage) && !task.named().begin(&task.stage));
    }

    #[test]
    fn threads_that_ask_at_the_same_time_get_the_same_identity() {
        let task = LazyTestTask::new();
        let asked: Vec<_> = std::thread::scope(|s| {
            let ask = || std::ptr::from_ref(task.identity()).addr();
            let asked: Vec<_> = (0..4).map(|_| s.spawn(ask)).collect();
            asked.into_iter().map(|it| it.join().unwrap()).collect()
        });
        assert!(asked.iter().all(|it| *it == asked[0]));
        assert_eq!(task.identity().record.label.id(), task.id);
    }
}
