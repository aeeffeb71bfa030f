//! The members of a group, which are the tasks that have not left: listing them, and cancelling them.

use super::group::{Group, GroupState, Task};
use super::identity::NodeOf;
use super::live::{ScopeSnapshot, Visible};
use crate::cancel::{CancelNode, TaskNodes};
use crate::current::TaskRecord;
use crate::error::{Cancelled, Why};
use crate::id::TaskId;
use crate::part::Part;
use crate::primitive::Arc;

/// The largest number of a pool's tasks that the live tree shows although they have not begun.
const SHOWN: usize = 100;

impl GroupState {
    /// Returns the tasks that were begun and have not left.
    pub(super) fn begun(&self) -> Vec<TaskId> {
        let members = self.members.iter();
        let begun = members.filter(|(_, entry)| !entry.is_waiting_to_start());
        let mut begun: Vec<_> = begun.map(|(id, _)| *id).collect();
        begun.sort_unstable();
        begun
    }

    pub(super) fn has_begun(&self, task: TaskId) -> bool {
        let entry = self.members.get(&task);
        entry.is_some_and(|entry| !entry.is_waiting_to_start())
    }
}

impl Group {
    /// Returns the tasks that have not left, in spawn order.
    pub(super) fn members(&self) -> Vec<Arc<dyn Task>> {
        self.some_members(usize::MAX).0
    }

    /// Returns the [`members`](Self::members), but at most `most_queued` of a pool's tasks that have not begun.
    /// Also returns an upper bound on the number of tasks left out.
    fn some_members(&self, most_queued: usize) -> (Vec<Arc<dyn Task>>, usize) {
        let (mut members, more) = self.unsorted(most_queued);
        members.sort_unstable_by_key(|task| task.id);
        // A pool's task that begins while the tasks are listed may be found twice.
        members.dedup_by_key(|task| task.id);
        (members, more)
    }

    fn unsorted(&self, most_queued: usize) -> (Vec<Arc<dyn Task>>, usize) {
        match self.queue() {
            Some(queue) => queue.tasks(most_queued),
            None => (self.state.lock().members.values().cloned().collect(), 0),
        }
    }

    /// Returns true if `record` is that of a task of this group, or of a task below one of them.
    pub(crate) fn is_around(&self, record: &Part<TaskRecord>) -> bool {
        let state = self.state.lock();
        record
            .lineage(self.node.label().id())
            .any(|record| state.members.contains_key(&record.label.id()))
    }

    /// Cancels each member that is not in `except`, but not the group itself. Returns how many tasks that are.
    pub(crate) fn cancel_members_but(&self, except: &[TaskId], why: &Why) -> usize {
        let members = self.members();
        let is_meant = |entry: &Arc<dyn Task>| !except.contains(&entry.id);
        let members: Vec<_> = members.into_iter().filter(is_meant).collect();
        for entry in &members {
            entry
                .identity()
                .node
                .cancel(Cancelled::new(why.clone(), self.node.label().clone()));
        }
        members.len()
    }
}

impl TaskNodes for Group {
    fn nodes(&self) -> Vec<Part<CancelNode>> {
        let (members, _) = self.unsorted(usize::MAX);
        let own = |task: &&Arc<dyn Task>| matches!(task.identity().node, NodeOf::Itself(_));
        let tasks = members.iter().filter(own);
        tasks.map(|task| task.shared_node()).collect()
    }
}

impl Visible for Group {
    fn snapshots(&self) -> Vec<ScopeSnapshot> {
        let (members, more_queued) = self.some_members(SHOWN);
        let shown = members.iter().filter(|task| !task.record().is_carrier());
        vec![ScopeSnapshot {
            scope: self.node.label().clone(),
            owner: self.owner(),
            cause: self.node.cause(),
            tasks: shown.map(|task| task.shared_record()).collect(),
            more_queued,
        }]
    }
}
