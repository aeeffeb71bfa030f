//! The tasks of a group that have not left: listing them, and cancelling all of them.

use super::group::{Group, Task};
use super::identity::NodeOf;
use super::live::{ScopeSnapshot, Visible};
use crate::cancel::{CancelNode, TaskNodes};
use crate::current::TaskRecord;
use crate::error::{Cancelled, Why};
use crate::id::TaskId;
use crate::part::Part;
use crate::primitive::Arc;

/// The most tasks of a pool that have not begun and that the live tree shows.
const SHOWN: usize = 100;

impl Group {
    /// Returns the tasks that have not left, in spawn order.
    pub(super) fn members(&self) -> Vec<Arc<dyn Task>> {
        self.some_members(usize::MAX).0
    }

    /// Returns the [`members`](Self::members), including at most `most_queued` of a pool's tasks that have
    /// not begun, and how many more of these there are.
    fn some_members(&self, most_queued: usize) -> (Vec<Arc<dyn Task>>, usize) {
        let (mut members, more) = self.unsorted(most_queued);
        members.sort_unstable_by_key(|task| task.id);
        // A pool's task may be found twice, as it may be begun between two looks.
        members.dedup_by_key(|task| task.id);
        (members, more)
    }

    fn unsorted(&self, most_queued: usize) -> (Vec<Arc<dyn Task>>, usize) {
        match self.queue() {
            Some(queue) => queue.tasks(most_queued),
            None => (self.state.lock().members.values().cloned().collect(), 0),
        }
    }

    /// Returns true if `record` runs inside this group: as one of its tasks, or below one.
    pub(crate) fn is_around(&self, record: &Part<TaskRecord>) -> bool {
        let state = self.state.lock();
        record
            .lineage(self.node.label().id())
            .any(|record| state.members.contains_key(&record.label.id()))
    }

    /// Cancels each task that has not left, except for these, and not the group. Returns how many.
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
