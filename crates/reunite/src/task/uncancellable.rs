//! A task that always begins, even if it is cancelled, because a thread waits for its value.

use super::group::{Begins, Group, Task, TaskHeader};
use super::identity::{EagerIdentity, HasIdentity, Identity, NodeOf, TaskState};
use super::job::{Conclusion, JobFate, OnThread};
use crate::cancel::CancelNode;
use crate::current::{TaskContext, TaskRecord};
use crate::deadlock::{Need, Resource, TaskSet};
use crate::id::{Label, TaskId};
use crate::part::Part;
use crate::primitive::{Arc, Mutex};

/// Runs a closure, and stores how the closure ended.
pub(crate) type UncancellableJob<'a> = Box<dyn FnOnce() + Send + 'a>;

struct UncancellableTask {
    entry: TaskHeader,
    named: EagerIdentity,
    job: Mutex<Option<UncancellableJob<'static>>>,
}

/// Makes a task of `group` that runs under the node of the task that waits for it, even if that is cancelled.
pub(crate) fn prepare_uncancellable(
    job: UncancellableJob<'static>,
    label: Label,
    parent: Part<TaskRecord>,
    node: Part<CancelNode>,
    group: &Arc<Group>,
) -> Arc<dyn Task> {
    Arc::new(UncancellableTask {
        entry: TaskHeader::new(label.id(), TaskState::asked(), group, Begins::Always),
        named: EagerIdentity {
            identity: Identity {
                record: TaskRecord::of_task(label, group.created(), Some(parent)),
                node: NodeOf::Another(node),
            },
            on: OnThread::default(),
        },
        job: Mutex::new(Some(job)),
    })
}

impl Task for UncancellableTask {
    fn entry(&self) -> &TaskHeader {
        &self.entry
    }

    fn named(&self) -> &dyn HasIdentity {
        &self.named
    }

    fn execute(&self, _: JobFate, _: Conclusion) {
        let job = self.job.lock().take();
        if let Some(job) = job {
            job();
        }
    }

    #[cfg(not(reunite_model))]
    fn conclude(&self) {}
}

impl TaskContext for UncancellableTask {
    fn record(&self) -> &TaskRecord {
        &self.named.identity.record
    }

    fn node(&self) -> &CancelNode {
        &self.named.identity.node
    }

    fn known_node(&self) -> Option<&CancelNode> {
        Some(self.node())
    }
}

impl TaskSet for UncancellableTask {
    fn need(&self) -> Need {
        self.entry.need()
    }

    fn size(&self) -> usize {
        self.entry.size()
    }

    fn needs(&self, task: TaskId) -> bool {
        self.entry.needs(task)
    }

    fn resources(&self) -> Vec<Resource> {
        self.entry.resources()
    }
}
