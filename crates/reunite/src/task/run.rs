//! The start of a task, and its run on a thread.

use std::io;

use super::admission::{Admitted, RunningThread};
#[cfg(not(reunite_model))]
use super::fresh_thread;
use super::group::{Begins, Task, TaskHeader};
use super::job::{Conclusion, JobFate};
use crate::current::{self, Context, TaskContext, enter};
use crate::deadlock;
use crate::error::resume;
use crate::observe::{Event, Quiet, is_on, tell};
use crate::primitive::Arc;

impl dyn Task {
    /// Starts the task, or queues it. If its group is cancelled, completes it as cancelled without starting
    /// anything.
    ///
    /// # Errors
    /// The system refused a thread. The task was admitted: the caller must call `run` or `refuse`.
    pub(crate) fn start(self: &Arc<Self>) -> io::Result<()> {
        self.start_by(Self::start_thread)
    }

    /// Starts a task of a pool like `start`: calls `enqueue`, which queues it for a worker.
    #[inline]
    pub(crate) fn start_in_queue(self: &Arc<Self>, enqueue: impl FnOnce(Arc<Self>)) {
        let enqueued = self.start_by(|task| {
            enqueue(Arc::clone(task));
            Ok(())
        });
        debug_assert!(enqueued.is_ok(), "a pool takes every task into its queue");
    }

    #[inline]
    fn start_by(
        self: &Arc<Self>,
        start: impl FnOnce(&Arc<Self>) -> io::Result<()>,
    ) -> io::Result<()> {
        let group = &self.group;
        if is_on() {
            let by = current::current().record;
            tell(|| Event::Spawn {
                task: self.label(),
                by: &by.label,
                scope: group.node().label(),
            });
        }
        if let Err(payload) = group.ask_policy(|| self.label()) {
            // The spawning task called the policy, so the spawning task panics. The scope is cancelled already.
            resume(payload);
        }
        match group.admit(self) {
            Admitted::Place => start(self),
            Admitted::Queued => Ok(()),
            Admitted::NeverBegins => {
                self.run();
                Ok(())
            }
        }
    }

    /// Starts a thread beyond the limit, for a queued task that a joiner inside the scope needs and cannot run.
    pub(crate) fn start_beyond_limit(self: &Arc<Self>) -> io::Result<()> {
        self.group.add_place();
        self.start_thread()
    }

    /// Starts a thread for the task's place. If the system refuses it and no place is left, the queued tasks are
    /// refused, too.
    fn start_thread(self: &Arc<Self>) -> io::Result<()> {
        let started = self.group.starter().start(self);
        if started.is_err() {
            for orphan in self.group.give_place_up() {
                orphan.refuse(io::Error::other(
                    "no thread is left to run the queue of its scope",
                ));
            }
        }
        started
    }

    /// Runs the task on this thread, unless another thread has begun it. A cancelled task is not run: it completes
    /// as cancelled. Never unwinds.
    pub(crate) fn run(self: &Arc<Self>) {
        self.run_with_fate(self.whether_to_run(), RunningThread::WithoutPlace);
    }

    /// Runs the task like `run`, on a thread that has a place in the group.
    fn run_in_place(self: &Arc<Self>) {
        self.run_with_fate(self.whether_to_run(), RunningThread::WithPlace);
    }

    fn whether_to_run(&self) -> JobFate {
        if self.begins == Begins::Always {
            return JobFate::Run;
        }
        let known = self.known();
        if known.is_none() && !self.group.node().is_cancelled() {
            return JobFate::Run;
        }
        // The group's node may be cancelled while the cancellation has not reached the task's node yet. Other
        // threads may know of it already, and wait for this task's place.
        let news = || {
            let cause = self.group.node().cause()?;
            let node = &self.identity().node;
            node.record_cause(&cause);
            node.cause()
        };
        let cause = known.and_then(|known| known.node.cause());
        let Some(cause) = cause.or_else(news) else {
            return JobFate::Run;
        };
        // The task counts as told of the cancellation: its closure is dropped without being run, and tasks that
        // receive from senders in it must learn that messages are missing.
        let _told = self.identity().node.check();
        JobFate::Cancelled(cause)
    }

    /// Completes the task with the error that the system refused a thread.
    pub(crate) fn refuse(self: &Arc<Self>, error: io::Error) {
        self.run_with_fate(JobFate::Refused(error), RunningThread::WithoutPlace);
    }

    fn run_with_fate(self: &Arc<Self>, fate: JobFate, thread: RunningThread) {
        let TaskHeader {
            id,
            group,
            stage,
            is_quiet,
            ..
        } = self.entry();
        let named = self.named();
        if !named.begin(stage) {
            return;
        }
        if thread == RunningThread::WithPlace {
            group.begin_in_place();
        }
        let last = self.run_on_fresh_thread(fate);
        let quiet = is_quiet.then(Quiet::keep);
        let entered = match named.known() {
            Some(_) => enter(Context {
                record: self.shared_record(),
                node: self.shared_node(),
            }),
            None => enter(Arc::clone(self) as Arc<dyn TaskContext>),
        };
        let running = deadlock::begin_task(*id, Some(group.node().label().id()));
        match last {
            LastStep::All(fate) => {
                tell(|| Event::Start { task: self.label() });
                self.execute(fate, Conclusion::Now);
            }
            #[cfg(not(reunite_model))]
            LastStep::Conclusion => self.conclude(),
        }
        if running.has_leaked() {
            deadlock::leak(self.label(), running.leaked());
        }
        drop(running);
        drop(entered);
        drop(quiet);
        named.finish(stage);
        // This is the last step: from here on the scope may end, and what the task borrowed may be gone.
        group.leave(*id, thread);
    }
}

/// The rest of a task that this thread must still do.
enum LastStep {
    All(JobFate),
    #[cfg(not(reunite_model))]
    Conclusion,
}

impl dyn Task {
    /// Runs the closure on a fresh thread, if the task asks for one. Returns the steps that this thread must still
    /// take.
    #[cfg(not(reunite_model))]
    fn run_on_fresh_thread(self: &Arc<Self>, fate: JobFate) -> LastStep {
        if !self.on().is_fresh || !matches!(fate, JobFate::Run) {
            return LastStep::All(fate);
        }
        let Some(threads) = self.group.threads() else {
            return LastStep::All(fate);
        };
        match fresh_thread::run(self, threads.run_on_fresh_thread) {
            Ok(()) => LastStep::Conclusion,
            Err(error) => LastStep::All(JobFate::Refused(error)),
        }
    }

    /// Does nothing. Under the model checker destructors of thread-locals do nothing, so a fresh thread would
    /// make no difference.
    #[cfg(reunite_model)]
    fn run_on_fresh_thread(self: &Arc<Self>, fate: JobFate) -> LastStep {
        LastStep::All(fate)
    }
}

/// Runs this task, and then the tasks that queue for its place.
pub(crate) fn run_chain(first: Arc<dyn Task>) {
    let group = Arc::clone(&first.group);
    first.run_in_place();
    drop(first);
    while let Some(next) = group.next_in_queue() {
        next.run_in_place();
    }
}
