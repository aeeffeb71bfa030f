//! Recognises the view's own tasks, which are left out of the figures and listed separately in the tree.
//!
//! A view's accepting task is recognised by its number. The observer notes it when the task is spawned, which is before
//! the task begins. Observers are not called for a view that an observer starts, so the number is noted again when the
//! server has started. Threads that run a task of a view are marked, since everything that happens on them is the
//! view's, too.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::io;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use reunite::{DumpTask, Label, TaskId};
use reunite_net::{Connection, Outcome, Server, ServerBuilder};

/// The accepting tasks of the views that run, and of those that did not end in time.
static SERVERS: RwLock<BTreeSet<TaskId>> = RwLock::new(BTreeSet::new());

/// The part of a thread in a view.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ThreadRole {
    /// The thread is the program's.
    None,
    /// The thread starts the server of a view.
    StartsServer,
    /// The thread runs the accepting task of a view, which spawns nothing but tasks of the view.
    Accepts,
    /// The thread runs the task of a client, which may call the program's function that cancels it.
    Serves,
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
            let mut servers = SERVERS.write().unwrap_or_else(PoisonError::into_inner);
            servers.remove(&self.task);
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
    let mut servers = SERVERS.write().unwrap_or_else(PoisonError::into_inner);
    servers.insert(task);
}

/// Returns true if `task` is the server of a live view; the tasks below it in the tree are the view's, too.
pub fn is_its_own(task: &DumpTask) -> bool {
    is_server(&task.task)
}

fn is_server(task: &Label) -> bool {
    let servers = SERVERS.read().unwrap_or_else(PoisonError::into_inner);
    servers.contains(&task.id())
}

/// Returns true if a task that the calling thread spawns is the view's. Notes it if it is the server. Called by the
/// observer.
pub(crate) fn spawns(task: &Label) -> bool {
    match ROLE.get() {
        ThreadRole::StartsServer => {
            note(task.id());
            true
        }
        ThreadRole::Accepts => true,
        ThreadRole::Serves | ThreadRole::None => false,
    }
}

/// Marks the calling thread if the task that it starts is the server of a view, else removes the mark of the task
/// before. Called by the observer.
pub(crate) fn starts(task: &Label) {
    ROLE.set(match is_server(task) {
        true => ThreadRole::Accepts,
        false => ThreadRole::None,
    });
}

/// Marks the calling thread as running the task of a client.
pub(crate) fn mark_client_thread() {
    ROLE.set(ThreadRole::Serves);
}

/// Returns true if what happens on the calling thread is the view's.
pub(crate) fn is_on_its_thread() -> bool {
    ROLE.get() != ThreadRole::None
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
