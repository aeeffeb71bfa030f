//! A task that is to run: its job until somebody takes it, and its place in its group.

use std::io;

#[cfg(not(reunite_model))]
use super::apart::Apart;
use super::group::Group;
#[cfg(not(reunite_model))]
use super::job::Conclusion;
use super::job::{Go, Job, OnThread};
use crate::cancel::Node;
use crate::current::{Context, Who, enter};
use crate::deadlock::{self, Bond, Crew, Need};
use crate::id::TaskId;
use crate::observe::{Event, Quiet, is_quiet, tell};
use crate::primitive::{Arc, Mutex};

pub(crate) struct Entry {
    job: Mutex<Option<Job<'static>>>,
    pub(crate) who: Arc<Who>,
    pub(crate) node: Arc<Node>,
    pub(crate) group: Arc<Group>,
    pub(crate) on: OnThread,
    begins: Begins,
    /// Spawned by an observer, or by such a task: observers are not told of it.
    is_quiet: bool,
}

/// Whether a task's closure runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begins {
    /// Not if the task is cancelled before.
    UnlessCancelled,
    /// Whatever happens: somebody waits who needs what it returns.
    Always,
}

impl Entry {
    pub(crate) fn new(
        job: Job<'static>,
        who: Arc<Who>,
        node: Arc<Node>,
        group: Arc<Group>,
        on: OnThread,
    ) -> Arc<Self> {
        Arc::new(Self {
            job: Mutex::new(Some(job)),
            who,
            node,
            group,
            on,
            begins: Begins::UnlessCancelled,
            is_quiet: is_quiet(),
        })
    }

    /// A task that runs in a cancelled task as well.
    pub(crate) fn always(
        job: Job<'static>,
        who: Arc<Who>,
        node: Arc<Node>,
        group: Arc<Group>,
    ) -> Arc<Self> {
        Arc::new(Self {
            job: Mutex::new(Some(job)),
            who,
            node,
            group,
            on: OnThread::default(),
            begins: Begins::Always,
            is_quiet: is_quiet(),
        })
    }

    /// Whether it is over before it has begun.
    pub(super) fn never_begins(&self) -> bool {
        self.begins == Begins::UnlessCancelled && self.node.is_cancelled()
    }

    /// Whether nobody has begun to run it.
    pub(crate) fn is_waiting_to_start(&self) -> bool {
        self.job.lock().is_some()
    }

    /// Runs the job on this thread, unless somebody else took it before. A cancelled task is not started:
    /// it completes cancelled. Never unwinds.
    pub(crate) fn run(&self) {
        self.go(self.whether_to_run(), false);
    }

    /// [`run`](Self::run), on a thread that has a place in the group.
    fn run_in_place(&self) {
        self.go(self.whether_to_run(), true);
    }

    fn whether_to_run(&self) -> Go {
        if self.begins == Begins::Always {
            return Go::Run;
        }
        let Some(cause) = self.node.cause() else {
            return Go::Run;
        };
        // It counts as told: what its closure holds is dropped undone, and those who depend on that must know.
        let _told = self.node.check();
        Go::Cancelled(cause)
    }

    /// The system refused a thread: the task completes with that.
    pub(crate) fn refuse(&self, error: io::Error) {
        self.go(Go::Refused(error), false);
    }

    fn go(&self, go: Go, in_place: bool) {
        let Some(job) = self.job.lock().take() else {
            return;
        };
        if in_place {
            self.group.begin_in_place();
        }
        self.who.start();
        let last = self.run_apart(job, go);
        let context = Context {
            who: Arc::clone(&self.who),
            node: Arc::clone(&self.node),
        };
        let quiet = self.is_quiet.then(Quiet::keep);
        let entered = enter(context);
        let group = self.group.node().label().id();
        let running = deadlock::run(self.who.label.id(), Some(group));
        match last {
            Last::Job(job, go) => {
                tell(|| Event::Start {
                    task: &self.who.label,
                });
                // It has concluded, as it was not told otherwise.
                let _none = job(go);
            }
            #[cfg(not(reunite_model))]
            Last::Conclusion(conclude) => conclude(),
        }
        deadlock::leak(&self.who.label, running.leaked());
        drop(running);
        drop(entered);
        drop(quiet);
        self.who.forget_parent();
        // Last: from here on the scope may end, and what the job borrowed may be gone.
        self.group.leave(&self.who, in_place);
    }
}

/// What this thread is to do of a task.
enum Last {
    Job(Job<'static>, Go),
    #[cfg(not(reunite_model))]
    Conclusion(Conclusion<'static>),
}

impl Entry {
    /// Has a task that asks for a fresh thread run there.
    #[cfg(not(reunite_model))]
    fn run_apart(&self, job: Job<'static>, go: Go) -> Last {
        let Some(threads) = self.group.threads().filter(|_| self.on.is_fresh) else {
            return Last::Job(job, go);
        };
        if !matches!(go, Go::Run) {
            return Last::Job(job, go);
        }
        let apart = Apart {
            context: Context {
                who: Arc::clone(&self.who),
                node: Arc::clone(&self.node),
            },
            group: self.group.node().label().id(),
            stack_size: self.on.stack_size,
            is_quiet: self.is_quiet,
        };
        match apart.run(job, threads.run_apart) {
            Ok(conclusion) => Last::Conclusion(conclusion),
            Err((job, error)) => Last::Job(job, Go::Refused(error)),
        }
    }

    /// In a model no thread has anything to do in its locals' destructors, and every task a thread of its own.
    #[cfg(reunite_model)]
    fn run_apart(&self, job: Job<'static>, go: Go) -> Last {
        Last::Job(job, go)
    }
}

impl Crew for Entry {
    /// Of its completion.
    fn need(&self) -> Need {
        if self.is_waiting_to_start() {
            self.group.need_of_queued()
        } else {
            Need::Any(vec![self.who.label.id()])
        }
    }

    fn size(&self) -> usize {
        if self.is_waiting_to_start() {
            self.group.size()
        } else {
            1
        }
    }

    fn needs(&self, task: TaskId) -> bool {
        task == self.who.label.id() && !self.is_waiting_to_start()
    }

    fn bonds(&self) -> Vec<Bond> {
        let completion = Bond::Task(self.who.label.id());
        let place = self.group.has_limit() && self.is_waiting_to_start();
        let place = place.then(|| self.group.bond());
        std::iter::once(completion).chain(place).collect()
    }
}

/// What a thread does: this task, then those that queue for its place.
pub(crate) fn run_chain(first: Arc<Entry>) {
    let group = Arc::clone(&first.group);
    first.run_in_place();
    drop(first);
    while let Some(next) = group.next_in_queue() {
        next.run_in_place();
    }
}
