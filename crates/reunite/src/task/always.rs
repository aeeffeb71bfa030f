//! A task that always begins: a thread waits for it that has no value without it.

use super::group::{Begins, Entry, Group, Task};
use super::identity::{AtOnce, Identity, Named, NodeOf, Stage};
use super::job::{Go, OnThread, Then};
use crate::cancel::Node;
use crate::current::{Asked, Who};
use crate::deadlock::{Bond, Crew, Need};
use crate::id::{Label, TaskId};
use crate::part::Part;
use crate::primitive::{Arc, Mutex};

/// Runs a closure, and stores how that ended.
pub(crate) type Job<'a> = Box<dyn FnOnce() + Send + 'a>;

struct Always {
    entry: Entry,
    named: AtOnce,
    job: Mutex<Option<Job<'static>>>,
}

/// Makes a task of `group` that runs under the node of the task that waits for it, even if that is cancelled.
pub(crate) fn always(
    job: Job<'static>,
    label: Label,
    parent: Part<Who>,
    node: Part<Node>,
    group: &Arc<Group>,
) -> Arc<dyn Task> {
    Arc::new(Always {
        entry: Entry::new(label.id(), Stage::asked(), group, Begins::Always),
        named: AtOnce {
            identity: Identity {
                who: Who::of_task(label, group.created(), Some(parent)),
                node: NodeOf::Another(node),
            },
            on: OnThread::default(),
        },
        job: Mutex::new(Some(job)),
    })
}

impl Task for Always {
    fn entry(&self) -> &Entry {
        &self.entry
    }

    fn named(&self) -> &dyn Named {
        &self.named
    }

    fn execute(&self, _: Go, _: Then) {
        let job = self.job.lock().take();
        if let Some(job) = job {
            job();
        }
    }

    #[cfg(not(reunite_model))]
    fn conclude(&self) {}
}

impl Asked for Always {
    fn who(&self) -> &Who {
        &self.named.identity.who
    }

    fn node(&self) -> &Node {
        &self.named.identity.node
    }

    fn known_node(&self) -> Option<&Node> {
        Some(self.node())
    }
}

impl Crew for Always {
    fn need(&self) -> Need {
        self.entry.need()
    }

    fn size(&self) -> usize {
        self.entry.size()
    }

    fn needs(&self, task: TaskId) -> bool {
        self.entry.needs(task)
    }

    fn bonds(&self) -> Vec<Bond> {
        self.entry.bonds()
    }
}
