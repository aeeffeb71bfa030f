//! The handle of a task of a pool's scope.

use std::convert::Infallible;
use std::panic::Location;
use std::ptr::NonNull;

use super::cells::{Ref, RefCounted};
use super::member;
use super::scope_state::ScopeState;
use super::seat::Seat;
use super::task_traits::{InPlaceTask, JoinTask, RunTask, TaskRole, erase};
use super::this_thread;
use crate::current::{self, Context};
use crate::deadline;
use crate::deadlock::{Resource, WaitObject, WaitSite, WaitsOn};
use crate::error::{Cancelled, JoinError, JoinErrorKind, Why};
use crate::id::{Label, TaskId};
use crate::observe::{Event, Verb, is_on, tell};
use crate::primitive::{Arc, Duration, Instant};
use crate::wait::{self, Heed, WaitOutcome};

/// The greatest depth to which a thread runs tasks inside each other's joins.
const MAX_NESTED_JOINS: usize = 128;

/// A handle to a task of a [`PoolScope`](crate::PoolScope): the right to take its result. It may be dropped
/// freely: the scope joins the task.
///
/// ```
/// let text = "to be or not to be";
/// let words = reunite::Pool::global().scope(|s| {
///     let task = s.spawn(|| text.split(' ').count());
///     task.join().unwrap()
/// });
/// assert_eq!(words, 6);
/// ```
pub struct PoolTask<'scope, T> {
    task: Ref<dyn JoinTask<T> + 'scope>,
    state: &'scope Arc<ScopeState>,
}

impl<'scope, T> PoolTask<'scope, T> {
    /// Creates the handle of a task of that scope. It takes over the reference `task`.
    pub(super) fn new(task: Ref<dyn JoinTask<T> + 'scope>, state: &'scope Arc<ScopeState>) -> Self {
        Self { task, state }
    }
}

impl<T> PoolTask<'_, T> {
    /// Waits for the task and returns its value. Runs the task on the calling thread if no other thread has
    /// begun it; otherwise runs parts of the task that other threads have offered, or blocks.
    ///
    /// # Errors
    /// - The task panicked or was cancelled.
    /// - The join could never end, because the task is the caller itself or waits for the caller
    ///   ([`is_deadlock`](JoinError::is_deadlock)).
    /// - The join would block the last thread that the caller's pool may have
    ///   ([`is_starved`](JoinError::is_starved)).
    /// - The task was joined before: by a join with a timeout, or by [`try_join`](Self::try_join).
    /// - The caller was cancelled ([`is_interrupted`](JoinError::is_interrupted)). The task goes on in its
    ///   scope.
    #[track_caller]
    pub fn join(mut self) -> Result<T, JoinError> {
        self.join_until(None, Location::caller(), None)
    }

    /// Joins the task like [`join`](Self::join), and waits at most `timeout`. The task is not run on the
    /// calling thread, because that could take longer than the timeout.
    ///
    /// # Errors
    /// As [`join`](Self::join); or the timeout passed ([`is_timeout`](JoinError::is_timeout)). If the
    /// timeout passed or the caller was cancelled, the handle stays usable.
    ///
    /// ```
    /// use std::{sync::mpsc, time::Duration};
    /// let (go, wait) = mpsc::channel::<()>();
    /// reunite::Pool::global().scope(|s| {
    ///     let mut task = s.spawn(move || wait.recv().is_err());
    ///     assert!(task.join_timeout(Duration::from_millis(5)).unwrap_err().is_timeout());
    ///     drop(go);
    ///     assert!(task.join().unwrap());
    /// });
    /// ```
    #[track_caller]
    pub fn join_timeout(&mut self, timeout: Duration) -> Result<T, JoinError> {
        self.join_until(Some(deadline::after(timeout)), Location::caller(), None)
    }

    /// Joins the task like [`join`](Self::join), and waits at most until `deadline`.
    ///
    /// # Errors
    /// As [`join_timeout`](Self::join_timeout).
    #[track_caller]
    pub fn join_deadline(&mut self, deadline: Instant) -> Result<T, JoinError> {
        self.join_until(Some(Some(deadline)), Location::caller(), None)
    }

    /// Returns the result if the task has completed and was not joined before; otherwise `None`. Does not
    /// wait.
    ///
    /// ```
    /// reunite::Pool::global().scope(|s| {
    ///     let mut task = s.spawn(|| 7);
    ///     let value = loop {
    ///         if let Some(result) = task.try_join() { break result.unwrap() }
    ///     };
    ///     assert_eq!(value, 7);
    /// });
    /// ```
    #[track_caller]
    pub fn try_join(&mut self) -> Option<Result<T, JoinError>> {
        self.take(Location::caller())
    }

    /// Returns true if the task has completed: with a value or a panic, or cancelled.
    pub fn is_finished(&self) -> bool {
        self.task.is_done()
    }

    /// Cancels the task, and no other of its scope, as [`JoinHandle::cancel`](crate::JoinHandle::cancel)
    /// does. A task that no thread has begun never runs.
    ///
    /// ```
    /// reunite::Pool::global().scope(|s| {
    ///     let task = s.spawn(|| while reunite::checkpoint().is_ok() {});
    ///     task.cancel();
    ///     match task.join() {
    ///         Ok(()) => {}                            // its loop ended
    ///         Err(e) => assert!(e.is_cancelled()),    // it had not begun
    ///     }
    /// });
    /// ```
    pub fn cancel(&self) {
        let why = Why::Requested("cancelled through its handle".to_owned());
        let own = self.context();
        // This comes first: a checkpoint reads this mark, and one after a wait that the cancellation ended
        // must see it.
        self.state.parent.tasks().node.mark_below();
        own.node
            .cancel(Cancelled::new(why, own.record.label.clone()));
    }

    /// Calls `f` when the task has completed and its result can be taken without waiting: on the thread that
    /// ran the task, or right away on the calling thread if it has completed already. See
    /// [`JoinHandle::on_complete`](crate::JoinHandle::on_complete).
    ///
    /// A panic in `f` ends only `f`; the panic hook reports it.
    pub fn on_complete(&self, f: impl FnOnce() + Send + 'static) {
        self.task
            .on_complete(self.state.parent.tasks(), Box::new(f));
    }

    /// Returns the task's label: number, name, spawn site.
    pub fn label(&self) -> Label {
        self.context().record.label.clone()
    }

    /// Returns the task's number.
    pub fn id(&self) -> TaskId {
        TaskId::of_block(self.task.number())
    }

    /// Returns the source line that spawned the task.
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.task.at()
    }

    fn context(&self) -> Arc<Context> {
        self.task.context(self.state.parent.tasks())
    }

    fn take(&self, at: &'static Location<'static>) -> Option<Result<T, JoinError>> {
        let result = self.task.take(&self.state.parent)?;
        if is_on() && self.task.role() == TaskRole::Task {
            let (by, task) = (current::shared(), self.label());
            tell(|| Event::Join {
                task: &task,
                by: &by.record.label,
                at,
            });
        }
        Some(
            result
                .map_err(|error| error.unwrap_or_else(|| self.error(JoinErrorKind::AlreadyJoined))),
        )
    }

    /// Takes the result of a task that has completed.
    fn take_done(&self, at: &'static Location<'static>) -> Result<T, JoinError> {
        let again = || Err(self.error(JoinErrorKind::AlreadyJoined));
        self.take(at).unwrap_or_else(again)
    }

    /// Joins the task at that line. `deadline`: `None` waits without a limit, and runs the task if no thread
    /// has begun it; `Some(None)` waits without a limit, and runs nothing; `Some(instant)` waits until the
    /// instant. A batch has no label of its own, so messages name its `map` instead.
    pub(super) fn join_until(
        &mut self,
        deadline: Option<Option<Instant>>,
        at: &'static Location<'static>,
        map: Option<&Label>,
    ) -> Result<T, JoinError> {
        let told = || map.map_or_else(|| self.label(), Label::clone);
        if let Some(result) = self.take(at) {
            return result;
        }
        if self.task.is_done() {
            return self.take_done(at);
        }
        if let Some(refusal) = self.refusal() {
            return Err(JoinError::new(told(), refusal));
        }
        if deadline.is_none() {
            // At a greater depth it waits for a worker, whose stack is fresh, or which begins at the other
            // end of a chain.
            if this_thread::nesting() < MAX_NESTED_JOINS {
                self.run_if_queued();
            }
            let (task, since) = (self.task.as_ancestor(), self.state.since);
            member::help_until(task, Some(since), || self.task.is_done());
        }
        if self.task.is_done() {
            return self.take_done(at);
        }
        let site = WaitSite {
            verb: match self.task.role() {
                TaskRole::Task => Verb::Join,
                TaskRole::Batch => Verb::Next,
            },
            object: WaitObject::Label(told()),
            at,
            on: WaitsOn::Resource(Resource::Job(self.task.as_ancestor().address())),
        };
        let ready = |parker: &_| {
            let parent = &self.state.parent;
            parent.ask_or_wake(parker, || self.task.is_done_or_awaited())
        };
        match wait::wait(site, deadline.flatten(), Heed::Task, ready) {
            WaitOutcome::Ready => self.take_done(at),
            WaitOutcome::TimedOut => {
                let record = &self.context().record;
                let (age, doing) = (record.age(), record.doing());
                let kind = JoinErrorKind::TimedOut { age, doing };
                Err(JoinError::new(told(), kind))
            }
            WaitOutcome::Cancelled(why) => {
                Err(JoinError::new(told(), JoinErrorKind::Interrupted(why)))
            }
            WaitOutcome::Refused(why) => Err(JoinError::new(told(), JoinErrorKind::Refused(why))),
        }
    }

    /// Runs the task on the calling thread if no thread has begun it and the pool has a place. Returns true
    /// if it was queued.
    pub(super) fn run_if_queued(&self) -> bool {
        let queued = self.task.is_queued();
        if queued {
            let Ok(_visit) = member::visit_if_free(self.state.pool()) else {
                return false;
            };
            let task: &dyn RunTask = &*self.task;
            // SAFETY: `end_in_place` takes it off the list below; running the task does not unwind.
            let aside = unsafe { InPlaceTask::new(task) };
            self.state.begin_in_place(aside);
            let entered = self.state.parent.enter();
            task.run(
                &self.state.parent,
                this_thread::seat().map(Seat::member_state),
            );
            drop(entered);
            self.state.end_in_place(aside);
        }
        queued
    }

    /// Returns the refusal of a join that could never end: the caller is the task, or the task waits for the
    /// caller.
    fn refusal(&self) -> Option<JoinErrorKind<Infallible>> {
        // The lineage may be long, and no thread works on a task that has not begun.
        if self.task.is_queued() || !this_thread::is_inside(self.task.as_ancestor()) {
            return None;
        }
        let is_itself = self.id() == current::shared().record.label.id();
        Some(if is_itself {
            JoinErrorKind::SelfJoin
        } else {
            JoinErrorKind::AncestorJoin
        })
    }

    fn error(&self, kind: JoinErrorKind<Infallible>) -> JoinError {
        JoinError::new(self.label(), kind)
    }
}

impl<T> Drop for PoolTask<'_, T> {
    fn drop(&mut self) {
        if self.task.leave() {
            // The result's destructor is user code, and may need what the caller holds: a worker drops the
            // result.
            let left = self.task.counted();
            let left = left.map(|task| task as NonNull<RefCounted<dyn RunTask + '_>>);
            // SAFETY: as in `spawn`: the scope has not ended, as it outlives its handles.
            self.state.push(unsafe { erase(left) });
        }
        // SAFETY: this is the handle's own reference, which is not used any more.
        if let Some(memory) = unsafe { self.task.give_up() } {
            self.state.give_back(memory);
        }
    }
}

impl<T> std::fmt::Debug for PoolTask<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let record = &self.context().record;
        write!(f, "PoolTask({}, {})", record.label, record.doing())
    }
}
