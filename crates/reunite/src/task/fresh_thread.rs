//! Tasks on threads that were never used before, and whose thread-locals are gone when the task completes.
//!
//! # Protocol
//! Two threads take part. The *keeper* is the one that runs the task's entry: recycled, with a place in its
//! scope. It starts the *fresh* one, which runs the closure, and waits for the end of that thread as the
//! system reports it (`JoinHandle::join` of std). So all that runs when a thread ends has run by then,
//! including the destructors of thread-locals of Rust and of other languages. Only then does the keeper carry
//! out the rest of the task, its *conclusion*: it completes the packet, runs callbacks, asks the policy,
//! leaves the group. Other threads wait for one of these steps, as for any other task, so timeouts and
//! cancellations work as usual. Only the keeper waits for a thread.
//!
//! Until its last thread-local is gone the fresh thread *is* the task. It runs in the task's context, so that
//! a wait in a destructor heeds the task's cancellation and is shown as the task's. It also stands for the
//! task's completion in the wait-for graph, so that a destructor which waits for what the joiner holds is
//! found there. The guards for that lie in a thread-local, `KEPT`. Thread-locals are dropped in the opposite
//! order of their first uses (by glibc and by std): `KEPT` after all those of the closure, as it was used
//! before the closure began, and before those that the guards themselves need, as these were used before.
//!
//! While the fresh thread runs, the keeper does nothing, and counts as idle. The fresh thread counts the
//! keeper as idle when it begins, and uncounts it as the last thing before it ends. So one of the two threads
//! always counts as running.
//!
//! A panic in a destructor of a thread-local ends the process, as with std.

use std::cell::Cell;
use std::io;

use super::group::{RunOnFreshThread, Task};
use super::job::{Conclusion, JobFate};
use crate::current::{Context, Entered, enter};
use crate::deadlock::{self, RunningTask, count_idle, uncount_idle};
use crate::id::Label;
use crate::observe::{Event, Quiet, tell};
use crate::primitive::{Arc, thread_local};

thread_local! {
    static KEPT: Cell<Option<FreshThreadState>> = const { Cell::new(None) };
}

/// The guards that make the calling thread the task.
struct FreshThreadState {
    label: Label,
    running: Option<RunningTask>,
    entered: Option<Entered>,
    quiet: Option<Quiet>,
}

impl Drop for FreshThreadState {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            deadlock::leak(&self.label, running.leaked());
        }
        self.entered.take();
        self.quiet.take();
        uncount_idle();
    }
}

/// Runs the task's closure on a fresh thread, and waits for the end of that thread. The conclusion is left to
/// the caller.
///
/// # Errors
/// The system refuses a thread; the closure has not run.
pub(super) fn run(task: &Arc<dyn Task>, run_on_fresh_thread: RunOnFreshThread) -> io::Result<()> {
    let given = Arc::clone(task);
    let work = Box::new(move || {
        become_task(&given);
        given.execute(JobFate::Run, Conclusion::Deferred);
    });
    run_on_fresh_thread(task.label(), task.on().stack_size, work)
}

/// Makes the calling thread the task, until the thread ends.
fn become_task(task: &Arc<dyn Task>) {
    count_idle();
    let label = task.label().clone();
    let context = Context {
        record: task.shared_record(),
        node: task.shared_node(),
    };
    let group = task.group.node().label().id();
    let kept = FreshThreadState {
        quiet: task.is_quiet.then(Quiet::keep),
        entered: Some(enter(context)),
        running: Some(deadlock::begin_task(label.id(), Some(group))),
        label: label.clone(),
    };
    KEPT.with(|here| here.set(Some(kept)));
    tell(|| Event::Start { task: &label });
}
