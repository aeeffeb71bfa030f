//! The view's own tasks: left out of what is counted, and apart in the tree.

use std::cell::Cell;
use std::io;

use reunite::{DumpTask, Label};
use reunite_net::{Connection, Outcome, Server, ServerBuilder};

thread_local! {
    /// Whether this thread serves the view. What happens on it is left out, until it starts something else.
    static SERVES: Cell<bool> = const { Cell::new(false) };
}

/// Starts the view's server in this file, by which its tasks are told from those of the program.
pub(crate) fn start(
    builder: ServerBuilder,
    handler: impl Fn(Connection) -> Outcome + Send + Sync + 'static,
) -> io::Result<Server> {
    builder.start(handler)
}

/// Whether the task is a live view's own: its server, with all below, is spawned in this file.
pub fn is_its_own(task: &DumpTask) -> bool {
    is_spawned_here(&task.task)
}

/// Whether this is the task that accepts, below which are all others.
pub(crate) fn is_spawned_here(task: &Label) -> bool {
    task.spawned_at().file() == file!()
}

/// Marks the calling thread as one that serves the view, until its task ends.
pub(crate) fn mark_thread() {
    SERVES.set(true);
}

/// Removes the mark: the thread starts another task.
pub(crate) fn unmark_thread() {
    SERVES.set(false);
}

/// Whether the calling thread serves the view, or the task is the one that accepts.
pub(crate) fn is_of_the_view(task: &Label) -> bool {
    SERVES.get() || is_spawned_here(task)
}
