//! Recognises the view's own tasks, which are left out of the figures and listed separately in the tree.
//!
//! A task belongs to the view if its server was spawned in this file. Threads that run a client's task are marked,
//! since everything that happens on them is the view's, too.

use std::cell::Cell;
use std::io;

use reunite::{DumpTask, Label};
use reunite_net::{Connection, Outcome, Server, ServerBuilder};

thread_local! {
    /// True while this thread runs a task of the view.
    static SERVES: Cell<bool> = const { Cell::new(false) };
}

/// Starts the view's server in this file, so that the source line of its task identifies it.
pub(crate) fn start(
    builder: ServerBuilder,
    handler: impl Fn(Connection) -> Outcome + Send + Sync + 'static,
) -> io::Result<Server> {
    builder.start(handler)
}

/// Returns true if `task` is the server of a live view; the tasks below it in the tree are the view's, too.
pub fn is_its_own(task: &DumpTask) -> bool {
    is_server(&task.task)
}

/// Returns true if this is the accepting task of a view's server.
pub(crate) fn is_server(task: &Label) -> bool {
    task.spawned_at().file() == file!()
}

/// Marks the calling thread as running a task of the view.
pub(crate) fn mark_thread() {
    SERVES.set(true);
}

/// Removes the mark when the thread starts another task.
pub(crate) fn unmark_thread() {
    SERVES.set(false);
}

/// Returns true if the calling thread is marked, or `task` is the accepting task.
pub(crate) fn is_of_the_view(task: &Label) -> bool {
    SERVES.get() || is_server(task)
}
