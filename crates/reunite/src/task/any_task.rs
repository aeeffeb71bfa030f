//! The answers that every task can give, whatever type its closure returns.

use super::group::{Begins, Group, Task, TaskHeader};
use super::identity::{Identity, IdentitySeed, NodeOf, TaskState};
use super::job::OnThread;
use crate::cancel::CancelNode;
use crate::current::TaskRecord;
use crate::id::{Label, TaskId};
use crate::observe::is_quiet;
use crate::part::Part;
use crate::primitive::Arc;

impl dyn Task {
    /// Returns the task's identity; makes it if it is not made yet.
    pub(crate) fn identity(&self) -> &Identity {
        self.named().identity(self.of())
    }

    /// Returns the task's identity, if it is made already.
    #[inline]
    pub(crate) fn known(&self) -> Option<&Identity> {
        self.named().known()
    }

    pub(crate) fn label(&self) -> &Label {
        &self.record().label
    }

    pub(crate) fn on(&self) -> OnThread {
        self.named().on()
    }

    /// Detaches the task: its handle was given up, so no task joins it.
    pub(super) fn detach(&self) {
        self.named().detach(&self.stage);
    }

    /// Returns a reference to the task's record, which keeps the task alive.
    pub(crate) fn shared_record(self: &Arc<Self>) -> Part<TaskRecord> {
        Part::of(Arc::clone(self), |task| task.record(), |task| task as _)
    }

    /// Returns a reference to the node under which the task runs.
    pub(crate) fn shared_node(self: &Arc<Self>) -> Part<CancelNode> {
        if let NodeOf::Another(node) = &self.identity().node {
            return node.clone();
        }
        Part::of(
            Arc::clone(self),
            |task| &*task.identity().node,
            |task| task as _,
        )
    }
}

impl TaskHeader {
    /// Creates the entry of a task of `group`.
    #[inline]
    pub(super) fn new(id: TaskId, stage: TaskState, group: &Arc<Group>, begins: Begins) -> Self {
        Self {
            id,
            group: Arc::clone(group),
            stage,
            begins,
            is_quiet: is_quiet(),
        }
    }

    pub(super) fn of(&self) -> IdentitySeed<'_> {
        IdentitySeed {
            id: self.id,
            stage: &self.stage,
            group: self.group.node(),
        }
    }

    /// Returns true if no thread has begun to run the task.
    pub(crate) fn is_waiting_to_start(&self) -> bool {
        !self.stage.has_begun()
    }

    /// Returns true if the task is concluded.
    pub(crate) fn is_over(&self) -> bool {
        self.stage.is_over()
    }
}
