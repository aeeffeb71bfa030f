//! Join handles.

use std::convert::Infallible;
use std::fmt;
use std::panic::Location;

use super::ending::{straggler, wait_naming_stragglers};
use super::group::Task;
use super::packet::{JoinPoll, Packet};
use crate::contain::contain;
use crate::current::{self, TaskRecord};
use crate::deadline;
use crate::deadlock::{TaskSet, WaitObject, WaitSite, WaitsOn};
use crate::error::{Cancelled, JoinError, JoinErrorKind, Why};
use crate::id::Label;
use crate::observe::{Event, Verb, is_on, tell};
use crate::park::Parker;
use crate::part::Part;
use crate::primitive::{Arc, Duration, Instant};
use crate::wait::{Heed, WaitOutcome, wait};

/// A handle to a task: the right to take its result, and the means to ask about it and to cancel it.
///
/// A handle from [`spawn`](crate::spawn) *joins on drop*: it cancels the task and waits for it;
/// [`detach`](Self::detach) lets the task go on instead. A handle from a scope may be dropped freely: the
/// scope joins the task, and a failure that no join took is the scope's failure.
///
/// `T` is the type of the task's value; `E` that of its error in a [`try_scope`](crate::try_scope),
/// [`Infallible`] elsewhere. A value that no join takes is dropped; if it is an `Err`, it is
/// [reported](crate::on_unjoined_error).
///
/// ```
/// let handle = reunite::Builder::new().name("answer").spawn(|| 6 * 7);
/// assert_eq!(handle.name(), Some("answer"));
/// assert!(handle.spawned_at().line() > 0);
/// assert_eq!(handle.join().unwrap(), 42);
/// ```
pub struct JoinHandle<T, E = Infallible> {
    packet: Part<Packet<T, E>, dyn Task>,
    on_drop: OnDrop,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnDrop {
    /// Stop the task and wait for it, because nothing else waits for it.
    Join,
    /// Do nothing: the task's scope joins it, or the task was detached.
    Nothing,
}

/// The greatest depth to which one thread runs queued tasks inside each other's joins.
const MAX_INLINE_DEPTH: usize = 16;

impl<T, E> JoinHandle<T, E> {
    pub(crate) fn new(packet: Part<Packet<T, E>, dyn Task>, on_drop: OnDrop) -> Self {
        Self { packet, on_drop }
    }

    /// Starts the task. If the system refuses a thread, the task fails with that error.
    pub(crate) fn start(&self) {
        let task = self.task();
        if let Err(error) = task.start() {
            task.refuse(error);
        }
    }

    pub(crate) fn task(&self) -> &Arc<dyn Task> {
        self.packet.whole()
    }

    /// Waits for the task and returns its value. A result that is ready is returned even if the caller is
    /// cancelled.
    ///
    /// # Errors
    /// - The task failed, panicked or was cancelled.
    /// - The join could never end, because the task is the caller itself or waits for the caller
    ///   ([`is_deadlock`](JoinError::is_deadlock)). If the task waits for the caller through its scope, the
    ///   error is returned at once; if through locks or other joins, after some ten milliseconds.
    /// - The join would block the last thread that the caller's pool may have
    ///   ([`is_starved`](JoinError::is_starved)).
    /// - The task was joined before: by a join with a timeout, or by [`try_join`](Self::try_join).
    /// - The caller was cancelled ([`is_interrupted`](JoinError::is_interrupted)). Then a scope's task goes
    ///   on in its scope; a task from [`spawn`](crate::spawn) is cancelled and joined, because its handle is
    ///   dropped.
    ///
    /// ```
    /// assert_eq!(reunite::spawn(|| 6 * 7).join().unwrap(), 42);
    /// ```
    #[track_caller]
    pub fn join(mut self) -> Result<T, JoinError<E>> {
        self.join_until(None, Location::caller())
    }

    /// Joins the task like [`join`](Self::join), and waits at most `timeout`. A result that is ready is
    /// returned even if the timeout is zero.
    ///
    /// # Errors
    /// As [`join`](Self::join); or the timeout passed ([`is_timeout`](JoinError::is_timeout)). If the timeout
    /// passed or the caller was cancelled, the task goes on and the handle stays usable.
    ///
    /// ```
    /// use std::time::Duration;
    /// let mut task = reunite::spawn(|| reunite::sleep(Duration::from_secs(3600)));
    /// let error = task.join_timeout(Duration::from_millis(5)).unwrap_err();
    /// assert!(error.is_timeout());
    /// task.cancel();
    /// match task.join() {
    ///     Ok(slept) => assert!(slept.is_err()),       // woken out of its sleep
    ///     Err(e) => assert!(e.is_cancelled()),        // or cancelled before it began
    /// }
    /// ```
    #[track_caller]
    pub fn join_timeout(&mut self, timeout: Duration) -> Result<T, JoinError<E>> {
        self.join_until(Some(deadline::after(timeout)), Location::caller())
    }

    /// Joins the task like [`join`](Self::join), and waits at most until `deadline`.
    ///
    /// # Errors
    /// As [`join_timeout`](Self::join_timeout).
    #[track_caller]
    pub fn join_deadline(&mut self, deadline: Instant) -> Result<T, JoinError<E>> {
        self.join_until(Some(Some(deadline)), Location::caller())
    }

    /// Returns the result if the task has completed; `None` if it has not completed, or if it was joined
    /// before. Does not wait.
    ///
    /// ```
    /// let mut task = reunite::spawn(|| "done");
    /// # while !task.is_finished() { std::thread::yield_now() }
    /// assert_eq!(task.try_join().unwrap().unwrap(), "done");
    /// assert!(task.try_join().is_none());
    /// ```
    #[track_caller]
    pub fn try_join(&mut self) -> Option<Result<T, JoinError<E>>> {
        match self.packet.take() {
            JoinPoll::Pending | JoinPoll::Nothing => None,
            found => {
                self.tell_joined(Location::caller());
                self.unpack(found)
            }
        }
    }

    /// Returns true if the task has completed: with a value, an error or a panic, or cancelled.
    ///
    /// ```
    /// let task = reunite::spawn(|| 1);
    /// while !task.is_finished() { std::thread::yield_now() }
    /// assert_eq!(task.join().unwrap(), 1);
    /// ```
    pub fn is_finished(&self) -> bool {
        self.packet.is_complete()
    }

    /// Cancels the task, the scopes and maps that it has opened, and their tasks. What it has started with
    /// [`spawn`](crate::spawn) goes on. A running task notices the cancellation at its next
    /// [`checkpoint`](crate::checkpoint) or in any of this library's waits. A task that has not started
    /// completes as cancelled without running.
    ///
    /// ```
    /// let task = reunite::spawn(|| while reunite::checkpoint().is_ok() {});
    /// task.cancel();
    /// match task.join() {
    ///     Ok(()) => {}                            // its loop ended
    ///     Err(e) => assert!(e.is_cancelled()),    // it had not begun
    /// }
    /// ```
    pub fn cancel(&self) {
        self.cancel_because(Why::Requested("cancelled through its handle".to_owned()));
    }

    fn cancel_because(&self, why: Why) {
        self.task()
            .identity()
            .node
            .cancel(Cancelled::new(why, self.label().clone()));
    }

    /// Calls `f` when the task has completed and its result can be taken without waiting: on the thread that
    /// completes the task, or right away on the calling thread if it has completed already. In a program with
    /// an event loop, `f` posts an event, and the handler of the event calls [`try_join`](Self::try_join).
    ///
    /// `f` is called *after* the result can be taken, so that a [`try_join`](Self::try_join) that `f`
    /// triggers finds the result. Hence a join may return before `f` is called, or while `f` runs. But the
    /// end of the task's scope, the end of its pool, and [`shutdown`](crate::shutdown) (for a task outside
    /// scopes) wait for `f`, too. Several callbacks are called one after the other, in the order in which
    /// they were added; keep them short.
    ///
    /// A panic in `f` ends only `f`; the panic hook reports it.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// let (repaint, repainted) = mpsc::channel();
    /// let mut task = reunite::spawn(|| 42);
    /// task.on_complete(move || repaint.send(()).unwrap());
    /// repainted.recv().unwrap();
    /// assert_eq!(task.try_join().unwrap().unwrap(), 42);
    /// ```
    pub fn on_complete(&self, f: impl FnOnce() + Send + 'static) {
        self.packet.on_complete(Box::new(f));
    }

    /// Returns the task's label: number, name, spawn site.
    pub fn label(&self) -> &Label {
        self.task().label()
    }

    /// Returns the task's name, if it was given one.
    pub fn name(&self) -> Option<&str> {
        self.label().name()
    }

    /// Returns the task's number.
    pub fn id(&self) -> crate::TaskId {
        self.task().id
    }

    /// Returns the source line that spawned the task.
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.label().spawned_at()
    }

    /// Joins the task. `deadline` is `None` for a join without a limit, and `Some(None)` for one with a limit
    /// that lies too far ahead to be an `Instant`.
    fn join_until(
        &mut self,
        deadline: Option<Option<Instant>>,
        at: &'static Location<'static>,
    ) -> Result<T, JoinError<E>> {
        if let Some(result) = self.unpack(self.packet.take()) {
            self.tell_joined(at);
            return result;
        }
        let here = current::shared();
        if let Some(refusal) = self.refusal(&here.record) {
            return Err(JoinError::new(self.label().clone(), refusal));
        }
        // A joiner that is cancelled already does not start or run the task.
        if here.node.cause().is_none() && !deadline::has_passed(here.node.deadline()) {
            self.help_to_start(&here.record, deadline.is_some());
            if let Some(result) = self.unpack(self.packet.take()) {
                self.tell_joined(at);
                return result;
            }
        }

        let site = self.site(Verb::Join, at);
        let ready = |parker: &_| self.packet.is_complete_or_wake(parker);
        let failed = match wait(site, deadline.flatten(), Heed::Task, ready) {
            WaitOutcome::Ready => {
                self.tell_joined(at);
                return self
                    .unpack(self.packet.take())
                    .expect("a completed packet has a result");
            }
            WaitOutcome::TimedOut => self.timed_out(),
            WaitOutcome::Cancelled(cancelled) => JoinErrorKind::Interrupted(cancelled),
            WaitOutcome::Refused(refusal) => JoinErrorKind::Refused(refusal),
        };
        Err(JoinError::new(self.label().clone(), failed))
    }

    /// Waits until the task has completed, `arrived` returns true, or `deadline` has passed. Before `arrived`
    /// returns false, it must store the parker where the thread that changes the answer unparks it, like any
    /// condition given to `wait`.
    pub(crate) fn wait_for_either(
        &self,
        verb: Verb,
        at: &'static Location<'static>,
        deadline: Option<Instant>,
        mut arrived: impl FnMut(&Parker) -> bool,
    ) -> Result<(), JoinError<E>> {
        let label = self.label().clone();
        let site = WaitSite {
            on: WaitsOn::Anyone,
            ..self.site(verb, at)
        };
        let ready = |parker: &_| arrived(parker) || self.packet.is_complete_or_wake(parker);
        match wait(site, deadline, Heed::Task, ready) {
            WaitOutcome::Cancelled(cancelled) => {
                Err(JoinError::new(label, JoinErrorKind::Interrupted(cancelled)))
            }
            WaitOutcome::Refused(refusal) => {
                Err(JoinError::new(label, JoinErrorKind::Refused(refusal)))
            }
            WaitOutcome::TimedOut => Err(JoinError::new(label, self.timed_out())),
            WaitOutcome::Ready => Ok(()),
        }
    }

    fn timed_out(&self) -> JoinErrorKind<E> {
        JoinErrorKind::TimedOut {
            age: self.task().record().age(),
            doing: self.task().record().doing(),
        }
    }

    fn tell_joined(&self, at: &'static Location<'static>) {
        if is_on() {
            let by = current::current().record;
            tell(|| Event::Join {
                task: self.label(),
                by: &by.label,
                at,
            });
        }
    }

    fn site(&self, verb: Verb, at: &'static Location<'static>) -> WaitSite {
        WaitSite {
            verb,
            object: WaitObject::Label(self.label().clone()),
            at,
            on: WaitsOn::Tasks(Arc::clone(self.task()) as Arc<dyn TaskSet>),
        }
    }

    fn unpack(&self, found: JoinPoll<T, E>) -> Option<Result<T, JoinError<E>>> {
        let again = || JoinError::new(self.label().clone(), JoinErrorKind::AlreadyJoined);
        match found {
            JoinPoll::Pending => None,
            JoinPoll::Result(Ok(value)) => Some(Ok(value)),
            // The slot is empty if the scope ended first and took the failure.
            JoinPoll::Result(Err(slot)) => Some(Err(slot.lock().take().unwrap_or_else(again))),
            JoinPoll::Nothing => Some(Err(again())),
        }
    }

    /// Returns the refusal of a join that could never end because the task is the joiner, or waits for the
    /// joiner at the end of a scope.
    fn refusal(&self, joiner: &Part<TaskRecord>) -> Option<JoinErrorKind<E>> {
        if joiner.label.id() < self.id() {
            // The common case: the joiner is older than the task, and so is every task that waits for the
            // joiner.
            return None;
        }
        let depth = joiner
            .lineage(self.id())
            .position(|record| record.label.id() == self.id())?;
        Some(if depth == 0 {
            JoinErrorKind::SelfJoin
        } else {
            JoinErrorKind::AncestorJoin
        })
    }

    /// Runs or starts the task if it has not begun and the join might otherwise never end.
    ///
    /// A task that queues in a scope with a limit may wait for the place of the joiner, or of a task that
    /// waits for the joiner. So a joiner inside that scope runs the task on its own thread. If the join has a
    /// time limit, or is nested in too many such joins, the task gets a thread beyond the limit instead. A
    /// joiner also runs a pool's task that no thread has begun.
    fn help_to_start(&self, joiner: &Part<TaskRecord>, timed: bool) {
        let entry = self.task();
        let queue = entry.group.queue();
        if !entry.is_waiting_to_start() || !(queue.is_some() || entry.group.is_around(joiner)) {
            return;
        }
        let deep = INLINE_DEPTH.with(|depth| depth.get() >= MAX_INLINE_DEPTH);
        match queue {
            // The task stays in the pool's queue: the joiner gives up its place while it blocks, so another
            // thread can run the task.
            Some(_) if timed || deep => {}
            Some(queue) => {
                let _deeper = Deeper::new();
                queue.run_here(entry);
            }
            None if timed || deep || entry.on().is_fresh => {
                if let Err(error) = entry.start_beyond_limit() {
                    entry.refuse(error);
                }
            }
            None => {
                let _deeper = Deeper::new();
                entry.run();
            }
        }
    }
}

crate::primitive::thread_local! {
    static INLINE_DEPTH: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Counts one level of nesting until dropped.
struct Deeper;

impl Deeper {
    fn new() -> Self {
        INLINE_DEPTH.with(|depth| depth.set(depth.get() + 1));
        Self
    }
}

impl Drop for Deeper {
    fn drop(&mut self) {
        INLINE_DEPTH.with(|depth| depth.set(depth.get() - 1));
    }
}

impl<T> JoinHandle<T> {
    /// Gives up the handle without stopping the task. The task runs to its end; until then
    /// [`detached`](crate::detached) lists it, and [`shutdown`](crate::shutdown) cancels it. Its result is
    /// dropped; an `Err` is [reported](crate::on_unjoined_error).
    ///
    /// On a scope's task this is the same as dropping the handle: no task outlives its scope. A task of
    /// [`Pool::spawn`](crate::Pool::spawn) is neither listed nor cancelled: its pool waits for it.
    ///
    /// ```
    /// let (done, wait) = std::sync::mpsc::channel();
    /// reunite::spawn(move || done.send("done").unwrap()).detach();
    /// assert_eq!(wait.recv().unwrap(), "done");
    /// ```
    pub fn detach(mut self) {
        if self.on_drop == OnDrop::Join {
            self.task().detach();
            self.on_drop = OnDrop::Nothing;
        }
        // The task may have completed by now. Then its result is dropped here, where a panic of its
        // destructor must not reach the caller, as if the task had completed a moment later.
        contain(|| drop(self));
    }
}

impl<T, E> JoinHandle<T, E> {
    /// Gives the handle up: another part of this crate counts the task and waits for it.
    pub(crate) fn leave_to_owner(mut self) {
        self.on_drop = OnDrop::Nothing;
    }
}

impl<T, E> Drop for JoinHandle<T, E> {
    fn drop(&mut self) {
        if self.on_drop == OnDrop::Nothing {
            self.packet.abandon();
        } else if !self.packet.discard() {
            // The drop of the handle joined the task, but no one takes the result: an `Err` is reported here.
            self.stop_and_join();
            self.packet.abandon();
        }
    }
}

impl<T, E> JoinHandle<T, E> {
    /// Cancels the task and waits for it.
    fn stop_and_join(&self) {
        self.cancel_because(Why::Dropped);
        let here = current::current();
        if self.refusal(&here.record).is_some() {
            // The handle is dropped by the task itself, or by a task that it waits for: waiting here would
            // never end.
            self.task().detach();
            return;
        }
        let came_back = wait_naming_stragglers(
            &here.record.label,
            |deadline| {
                let ready = |parker: &_| self.packet.is_complete_or_wake(parker);
                let site = self.site(Verb::Drop, self.spawned_at());
                wait(site, deadline, Heed::UnlessForEver, ready)
            },
            || vec![straggler(self.task().record())],
        );
        if !came_back {
            // The wait was refused: the task waits for the task that drops the handle, so the wait would
            // never end.
            self.task().detach();
        }
    }
}

impl<T, E> fmt::Debug for JoinHandle<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "JoinHandle({}, {})",
            self.label(),
            self.task().record().doing()
        )
    }
}
