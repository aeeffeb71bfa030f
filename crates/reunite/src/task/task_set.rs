//! The tasks on which the waits for a group's tasks depend.

use super::group::{Group, TaskHeader};
use crate::deadlock::{Need, Resource, TaskSet};
use crate::id::TaskId;
use crate::primitive::Arc;

impl TaskSet for TaskHeader {
    /// Returns what the completion of the task depends on.
    fn need(&self) -> Need {
        if self.is_waiting_to_start() {
            self.group.need_of_queued()
        } else {
            Need::Any(vec![self.id])
        }
    }

    fn size(&self) -> usize {
        if self.is_waiting_to_start() {
            self.group.size()
        } else {
            1
        }
    }

    fn needs(&self, task: TaskId) -> bool {
        task == self.id && !self.is_waiting_to_start()
    }

    fn resources(&self) -> Vec<Resource> {
        let completion = Resource::Task(self.id);
        let place = self.group.has_limit() && self.is_waiting_to_start();
        let place = place.then(|| self.group.resource());
        std::iter::once(completion).chain(place).collect()
    }
}

impl TaskSet for Group {
    /// Returns what the end of the scope depends on: every task that was begun. Queued tasks count once they
    /// begin.
    fn need(&self) -> Need {
        Need::All(self.state.lock().begun())
    }

    fn size(&self) -> usize {
        self.state.lock().members.len()
    }

    fn needs(&self, task: TaskId) -> bool {
        self.state.lock().has_begun(task)
    }

    fn resources(&self) -> Vec<Resource> {
        vec![self.resource()]
    }
}

/// The tasks of a group without some that are left out: a wait for all others depends on these.
pub(super) struct OtherTasks {
    pub(super) group: Arc<Group>,
}

impl TaskSet for OtherTasks {
    fn need(&self) -> Need {
        let state = self.group.state.lock();
        let is_meant = |id: &TaskId| !state.left_out.contains(id);
        Need::All(state.begun().into_iter().filter(is_meant).collect())
    }

    fn size(&self) -> usize {
        self.group.size()
    }

    fn needs(&self, task: TaskId) -> bool {
        let state = self.group.state.lock();
        state.has_begun(task) && !state.left_out.contains(&task)
    }

    fn resources(&self) -> Vec<Resource> {
        vec![self.group.resource()]
    }
}
