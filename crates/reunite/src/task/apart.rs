//! Tasks on threads that were never used before, and whose thread-locals are gone when the task completes.
//!
//! # Protocol
//! Two threads take part. The *keeper* is the one that runs the task's entry: recycled, with a place in its scope. It
//! starts the *fresh* one, which runs the closure, and waits for the end of that thread as the system tells it
//! (`JoinHandle::join` of std): so all that runs when a thread ends has run, destructors of thread-locals of Rust and of
//! others. Only then does the keeper carry out the rest of the task, its *conclusion*: it completes the packet, runs
//! callbacks, asks the policy, leaves the group. Everybody who waits for the task waits for one of these, at the door, in
//! the ways and with the limits of any other task; nobody but the keeper waits for a thread.
//!
//! Until its last thread-local is gone the fresh thread *is* the task: it runs in the task's context, so that a wait in a
//! destructor heeds its cancellation and is shown as its, and it bears the task's completion, so that a destructor which
//! waits for what the joiner holds is found in the wait-for graph. The guards for that lie in a thread-local, `KEPT`. Those are
//! dropped in the opposite order of their first uses (so do glibc and std): after all of the closure's, as it was used
//! before the closure began, and before those that the guards themselves need, as they were made before.
//!
//! While the fresh thread runs, the keeper does nothing, and counts as idle. The fresh thread counts it in when it begins,
//! and out as the last that it does before it ends: so there is always one of the two who may yet do something.
//!
//! A panic in a destructor of a thread-local ends the process, as with std.

use std::cell::Cell;
use std::io;

use super::group::{RunApart, Task};
use super::job::{Go, Then};
use crate::current::{Context, Entered, enter};
use crate::deadlock::{self, Running, idle_one_less, idle_one_more};
use crate::id::Label;
use crate::observe::{Event, Quiet, tell};
use crate::primitive::{Arc, thread_local};

thread_local! {
    static KEPT: Cell<Option<Kept>> = const { Cell::new(None) };
}

/// What makes the calling thread the task.
struct Kept {
    label: Label,
    running: Option<Running>,
    entered: Option<Entered>,
    quiet: Option<Quiet>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            deadlock::leak(&self.label, running.leaked());
        }
        self.entered.take();
        self.quiet.take();
        idle_one_less();
    }
}

/// Runs the task's closure on a fresh thread, and waits for the end of that. What is left is the conclusion.
///
/// # Errors
/// The system refuses a thread; the closure has not run.
pub(super) fn run(task: &Arc<dyn Task>, run_apart: RunApart) -> io::Result<()> {
    let given = Arc::clone(task);
    let work = Box::new(move || {
        stay(&given);
        given.execute(Go::Run, Then::Leave);
    });
    run_apart(task.label(), task.on().stack_size, work)
}

/// The calling thread is the task from now on, to its end.
fn stay(task: &Arc<dyn Task>) {
    idle_one_more();
    let label = task.label().clone();
    let context = Context {
        who: task.shared_who(),
        node: task.shared_node(),
    };
    let group = task.group.node().label().id();
    let kept = Kept {
        quiet: task.is_quiet.then(Quiet::keep),
        entered: Some(enter(context)),
        running: Some(deadlock::run(label.id(), Some(group))),
        label: label.clone(),
    };
    KEPT.with(|here| here.set(Some(kept)));
    tell(|| Event::Start { task: &label });
}
