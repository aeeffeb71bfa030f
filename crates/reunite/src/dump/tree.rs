//! The live tree at one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;

use crate::contain::assert_outside;
use crate::current::TaskRecord;
use crate::deadlock;
use crate::id::{Label, TaskId};
use crate::part::Part;
use crate::primitive::Duration;
use crate::task::{self, ScopeSnapshot};

/// The live tree at one moment; see [`dump()`].
///
/// `Display` shows it as a tree for people, [`to_json`](Self::to_json) as containers for tools.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Dump {
    /// The scopes that no task of this library opened, in the order in which they were opened. Tasks outside
    /// scopes are in a scope called `program`.
    pub scopes: Vec<DumpScope>,
}

/// A scope that has not ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DumpScope {
    /// The scope's number, its name, and the line that opened it.
    pub scope: Label,
    /// The task (or thread) that opened the scope and will wait for its end; `None` for the program's own scope.
    pub owner: Option<Label>,
    /// The wait of the owner, if the owner is a thread that appears nowhere else in the tree.
    pub owner_waits: Option<DumpWait>,
    /// The reason and the source of the scope's cancellation, if it was cancelled.
    pub cancelled: Option<String>,
    /// The scope's tasks that have not completed, in spawn order. In a pool and in a pool's scope, whose queues may
    /// be long, only the first hundred of the tasks that have not begun are listed.
    pub tasks: Vec<DumpTask>,
    /// The number of further tasks that have not begun. In a queue of thousands of tasks only the beginning is
    /// searched; then this also counts tasks that their joiners have run and that are still in the queue.
    pub more_queued: usize,
}

/// A task that has not completed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DumpTask {
    /// The task's number, its name, and the line that spawned it.
    pub task: Label,
    /// The time since the task was spawned.
    pub age: Duration,
    /// True if the task has begun to run.
    pub has_begun: bool,
    /// True if the task's handle was detached.
    pub is_detached: bool,
    /// The task's wait. `None` if the task runs, or waits in a way that this library does not see.
    pub waits: Option<DumpWait>,
    /// The locks that the task holds, each with the line that took it. They are known only while the task's thread
    /// waits without a deadline, and after some milliseconds of that wait. Otherwise this is empty.
    pub holds: Vec<String>,
    /// The scopes that the task has opened and that have not ended.
    pub scopes: Vec<DumpScope>,
}

/// The wait of a task or thread.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DumpWait {
    /// The wait in words, as in ``joins task `b` (src/main.rs:15)``.
    pub what: String,
    /// The line where it waits.
    pub at: &'static Location<'static>,
    /// The duration of the wait so far.
    pub lasted: Duration,
    /// The locks that the task holds while it waits, each with the line that took it. They are known only for waits
    /// without a deadline, after some milliseconds. Otherwise this is empty.
    pub holds: Vec<String>,
}

/// Returns the live tree. No thread is stopped meanwhile, so parts of the tree may be some microseconds apart.
///
/// ```
/// reunite::ScopeBuilder::new().name("night run").scope(|s| {
///     let task = s.spawn_with(reunite::Builder::new().name("sleeper"), || {
///         reunite::sleep(std::time::Duration::from_secs(3600))
///     });
///     let dump = reunite::dump();
///     assert!(dump.to_string().contains("task `sleeper`"));
///     assert!(dump.to_json().contains(r#""name":"night run""#));
///     task.cancel();
/// }).unwrap();
/// ```
pub fn dump() -> Dump {
    assert_outside();
    let holds = deadlock::locks_of_pending_waits();
    let pictures = task::pictures();
    let shown = pictures.iter().flat_map(|picture| &picture.tasks);
    let shown: BTreeSet<_> = shown.map(|record| record.label.id()).collect();
    let mut by_owner: BTreeMap<Option<TaskId>, Vec<ScopeSnapshot>> = BTreeMap::new();
    for picture in pictures {
        // A thread that is no task of this library is at the root.
        let owner = picture.owner.as_ref().map(|record| record.label.id());
        let owner = owner.filter(|owner| shown.contains(owner));
        by_owner.entry(owner).or_default().push(picture);
    }
    let mut tree = Tree { by_owner, holds };
    Dump {
        scopes: tree.scopes_of(None),
    }
}

struct Tree {
    by_owner: BTreeMap<Option<TaskId>, Vec<ScopeSnapshot>>,
    holds: BTreeMap<TaskId, Vec<String>>,
}

impl Tree {
    fn scopes_of(&mut self, owner: Option<TaskId>) -> Vec<DumpScope> {
        let pictures = self.by_owner.remove(&owner).unwrap_or_default();
        let scopes = pictures.iter().map(|picture| self.scope(picture));
        scopes.collect()
    }

    fn scope(&mut self, picture: &ScopeSnapshot) -> DumpScope {
        let tasks = picture
            .tasks
            .iter()
            .map(|record| self.task(record))
            .collect();
        let owner = picture.owner.as_ref();
        let is_foreign = owner.is_some_and(|record| record.is_foreign());
        DumpScope {
            scope: picture.scope.clone(),
            owner: owner.map(|record| record.label.clone()),
            owner_waits: owner
                .filter(|_| is_foreign)
                .and_then(|record| self.wait(record)),
            cancelled: picture.cause.as_ref().map(ToString::to_string),
            tasks,
            more_queued: picture.more_queued,
        }
    }

    fn task(&mut self, record: &Part<TaskRecord>) -> DumpTask {
        DumpTask {
            task: record.label.clone(),
            age: record.age(),
            has_begun: record.has_begun(),
            is_detached: record.is_detached(),
            waits: self.wait(record),
            holds: self.holds_of(record),
            scopes: self.scopes_of(Some(record.label.id())),
        }
    }

    fn wait(&self, record: &TaskRecord) -> Option<DumpWait> {
        let (site, lasted) = record.waiting()?;
        Some(DumpWait {
            what: site.to_string(),
            at: site.at,
            lasted,
            holds: self.holds_of(record),
        })
    }

    fn holds_of(&self, record: &TaskRecord) -> Vec<String> {
        self.holds
            .get(&record.label.id())
            .cloned()
            .unwrap_or_default()
    }
}
