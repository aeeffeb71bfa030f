//! Recognises the view's own tasks, which are left out of the figures and listed separately in the tree.
//!
//! All of them are recognised by their numbers. The observer notes that of a view's accepting task when the task is
//! spawned, which is before the task begins. Observers are not called for a view that an observer starts, so the number
//! is noted again when the server has started. What the accepting task spawns is noted until it begins.
//!
//! A thread is marked with the number of the task of a view that it runs. Threads are reused, and observers that end
//! with their view do not remove the mark: it holds only for the task with that number.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::io;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use reunite::{DumpTask, Label, TaskId};
use reunite_net::{Connection, Outcome, Server, ServerBuilder};

/// The tasks of all views.
#[derive(Default)]
struct OwnTasks {
    /// The accepting tasks of the views that run, and of those that did not end in time.
    servers: BTreeSet<TaskId>,
    /// The tasks that were spawned for clients and have not begun, also those that never will.
    clients: BTreeSet<TaskId>,
}

static TASKS: RwLock<OwnTasks> = RwLock::new(OwnTasks {
    servers: BTreeSet::new(),
    clients: BTreeSet::new(),
});

fn tasks() -> RwLockReadGuard<'static, OwnTasks> {
    TASKS.read().unwrap_or_else(PoisonError::into_inner)
}

fn tasks_mut() -> RwLockWriteGuard<'static, OwnTasks> {
    TASKS.write().unwrap_or_else(PoisonError::into_inner)
}

/// The part of a thread in a view.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ThreadRole {
    /// The thread is the program's.
    None,
    /// The thread starts the server of a view.
    StartsServer,
    /// The thread runs this accepting task of a view, which spawns nothing but tasks of the view.
    Accepts(TaskId),
    /// The thread runs this task of a client, which may call the program's function that cancels it.
    Serves(TaskId),
}

impl ThreadRole {
    fn task(self) -> Option<TaskId> {
        match self {
            Self::None | Self::StartsServer => None,
            Self::Accepts(task) | Self::Serves(task) => Some(task),
        }
    }
}

thread_local! {
    static ROLE: Cell<ThreadRole> = const { Cell::new(ThreadRole::None) };
}

/// The server of a view.
#[derive(Debug)]
pub(crate) struct OwnServer {
    pub(crate) server: Server,
    task: TaskId,
}

impl OwnServer {
    pub(crate) fn start(
        builder: ServerBuilder,
        handler: impl Fn(Connection) -> Outcome + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let starting = Starting::begin();
        let server = builder.start(handler)?;
        drop(starting);
        let task = server.task().id();
        note(task);
        Ok(Self { server, task })
    }

    /// Shuts the server down within `time`. Its clients are cut if they do not end in time; its task then stays noted.
    pub(crate) fn shutdown(self, time: Duration) {
        if self.server.shutdown(time).is_ok() {
            tasks_mut().servers.remove(&self.task);
        }
    }
}

/// Marks the calling thread as starting a server until this is dropped.
struct Starting {
    before: ThreadRole,
}

impl Starting {
    fn begin() -> Self {
        let before = ROLE.replace(ThreadRole::StartsServer);
        Self { before }
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        ROLE.set(self.before);
    }
}

fn note(task: TaskId) {
    tasks_mut().servers.insert(task);
}

/// Returns true if `task` is the server of a live view; the tasks below it in the tree are the view's, too.
pub fn is_its_own(task: &DumpTask) -> bool {
    is_server(&task.task)
}

fn is_server(task: &Label) -> bool {
    tasks().servers.contains(&task.id())
}

/// Returns true if a task that `by` spawns on the calling thread is the view's, and notes it. Called by the observer of
/// each view.
pub(crate) fn spawns(task: &Label, by: &Label) -> bool {
    match ROLE.get() {
        ThreadRole::StartsServer => {
            note(task.id());
            true
        }
        ThreadRole::Accepts(server) if server == by.id() => {
            tasks_mut().clients.insert(task.id());
            true
        }
        _ => false,
    }
}

/// Marks the calling thread if the task that it starts is a view's, else removes the mark of the task before. Called by
/// the observer of each view.
pub(crate) fn starts(task: &Label) {
    let id = task.id();
    // Another view's observer was called before.
    if ROLE.get().task() == Some(id) {
        return;
    }
    let (is_server, is_client) = {
        let tasks = tasks();
        (tasks.servers.contains(&id), tasks.clients.contains(&id))
    };
    ROLE.set(if is_server {
        ThreadRole::Accepts(id)
    } else if is_client {
        tasks_mut().clients.remove(&id);
        ThreadRole::Serves(id)
    } else {
        ThreadRole::None
    });
}

/// Returns true if the calling thread runs `task`, and it is a view's.
pub(crate) fn runs(task: &Label) -> bool {
    ROLE.get().task() == Some(task.id())
}

/// Returns true if `task`, which completes on the calling thread, is a view's. Called by the observer of each view.
pub(crate) fn completes(task: &Label) -> bool {
    // A task to which the system refused a thread completes where it was spawned, without having begun.
    let is_spawner = || matches!(ROLE.get(), ThreadRole::Accepts(_));
    runs(task) || is_spawner() && tasks().clients.contains(&task.id())
}

#[cfg(test)]
mod tests {
    use reunite::{Builder, channel};

    use super::*;
    use crate::{Live, Options};

    fn task_named(name: &str) -> Option<DumpTask> {
        let scopes = reunite::dump().scopes.into_iter();
        scopes
            .flat_map(|scope| scope.tasks)
            .find(|task| task.task.name() == Some(name))
    }

    #[test]
    fn a_task_is_not_the_views_because_of_the_file_that_spawned_it() {
        let (end, at_end) = channel::bounded::<()>(1);
        let name = "of the program";
        let task = Builder::new().name(name).spawn(move || drop(at_end.recv()));
        let listed = task_named(name).expect("the task is in the tree");
        assert!(!is_its_own(&listed));
        drop(end);
        task.join().unwrap();
    }

    #[test]
    fn the_server_of_a_view_is_noted_until_the_view_ends() {
        let here = "127.0.0.1:0".parse().unwrap();
        let live = Live::start(here, Options::new("noted"), || false).unwrap();
        let server = live.server.as_ref().expect("a running view");
        let label = server.server.task().clone();
        assert!(is_server(&label));
        drop(live);
        assert!(!is_server(&label));
    }
}
