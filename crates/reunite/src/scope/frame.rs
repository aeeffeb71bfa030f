//! The frame of a scope: the one place where a borrow is declared to outlive what the compiler can see.
//!
//! # Safety argument
//! A job may borrow what lives for `'scope` or longer; the thread that runs it knows no lifetimes. So
//! [`Frame::spawn`] erases the task's lifetime, and relies on these rules:
//!
//! 1. *The job, and everything it captured, is gone before `'scope` ends.* `'scope` is a borrow of the frame,
//!    which ends after [`Frame::close_after`] has returned. A task drops or consumes its closure before it
//!    leaves its group (`task::run`), and `wait_all` returns only when every task has left.
//! 2. *`wait_all` is reached on every path.* Between the creation of the frame and `wait_all` run only the
//!    body, whose unwinding is caught, and code of this module that does not unwind; should that code unwind
//!    after all, `AbortOnUnwind` ends the process.
//! 3. *No other code makes frames.* `open` is private to this file, where each frame is lent by reference to
//!    one body, inside `close_after`, and to nothing else.
//! 4. *`'scope` cannot be chosen by the caller.* The body must accept every `'scope`, and the frame is
//!    invariant in it, as in `std::thread::scope`:
//!
//! ```compile_fail,E0373
//! reunite::scope(|s| {
//!     let local = String::from("dies with the body");
//!     s.spawn(|| local.len());
//! });
//! ```
//!
//! The scope cannot leave its body, two tasks cannot change one variable, a value that is not `Send` cannot
//! reach a thread, and neither a result nor an error can outlive what it borrows:
//!
//! ```compile_fail,E0521
//! let mut smuggled = None;
//! reunite::scope(|s| smuggled = Some(s));
//! ```
//! ```compile_fail,E0499
//! let mut count = 0;
//! reunite::scope(|s| {
//!     s.spawn(|| count += 1);
//!     s.spawn(|| count += 1);
//! });
//! ```
//! ```compile_fail,E0277
//! let shared = std::rc::Rc::new(1);
//! reunite::scope(|s| drop(s.spawn(|| *shared)));
//! ```
//! ```compile_fail,E0597
//! let escaped = {
//!     let local = String::from("dies here");
//!     reunite::scope(|s| s.spawn(|| local.as_str()))
//! };
//! drop(escaped);
//! ```
//! ```compile_fail,E0597
//! let error = {
//!     let local = String::from("dies here");
//!     reunite::try_scope(|s| s.spawn(|| Err::<(), _>(local.as_str())).join())
//! };
//! drop(error);
//! ```
//!
//! The result of a job may borrow too. It lies in the task, and is dropped before the task leaves its group,
//! or else with the handle, whose type carries the borrow, so that the compiler checks it (see
//! `task::prepare`).

use std::any::type_name;
use std::convert::Infallible;
use std::marker::PhantomData;

use super::ended::{BodyOutcome, FinishedScope};
use crate::cancel::CancelNode;
use crate::contain::{AbortOnUnwind, assert_outside};
use crate::current::{self, Context};
use crate::cut_short::{Caught, catch_body};
use crate::error::{Cancelled, CutShort, Fallibility, JoinError, ScopeError, Why, resume};
use crate::id::Label;
use crate::observe::{Event, report_unjoined, tell};
use crate::part::Part;
use crate::primitive::{Arc, Instant};
use crate::profile;
use crate::task::{
    Failures, Group, JoinHandle, OnDrop, OnThread, Rules, Spec, Starter, Task, prepare,
};
use crate::thread::THREADS;

pub(crate) struct Frame<'scope, 'env: 'scope, E> {
    group: Arc<Group>,
    failures: Arc<Failures<E>>,
    on: OnThread,
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

/// A scope: the value through which the body of a [`scope`](super::scope()) or a
/// [`try_scope`](super::try_scope) spawns tasks.
///
/// `K` determines what the closures of its tasks return, see [`Fallibility`]: any value, in a
/// [`scope`](super::scope()); a `Result<_, E>`, in a [`try_scope`](super::try_scope), whose scope is a
/// `Scope<'scope, 'env, Fallible<E>>`. Everything else is the same for both.
///
/// A task may spawn into its own scope. Handles may be dropped, and may leave the scope. What a task borrows
/// must live longer than the scope, not just longer than the task:
///
/// ```
/// let (mut evens, words) = (vec![], ["to", "be"]);
/// let longest = reunite::scope(|s| {
///     s.spawn(|| evens.extend([2, 4]));                  // changes what no other task sees
///     let task = s.spawn(|| {
///         s.spawn(|| println!("{words:?}"));             // the scope waits for this one, too
///         words.iter().copied().max_by_key(|word| word.len())
///     });
///     task.join().unwrap()
/// });
/// assert_eq!((evens, longest), (vec![2, 4], Some("be")));
/// ```
/// ```compile_fail,E0373
/// reunite::try_scope(|s| {
///     let local = String::from("dies with the body");
///     s.spawn(|| Ok::<_, String>(local.len()));
///     Ok(())
/// });
/// ```
pub struct Scope<'scope, 'env, K = Infallible>
where
    // The bound is for type inference: without it, an error type with a lifetime (`Box<dyn Error>` has
    // `'static`) would be one more that outlives `'scope`, and the compiler would require all that a body's
    // tasks borrow to live as long.
    K: Fallibility + 'env,
{
    pub(super) frame: Frame<'scope, 'env, K::Error>,
}

impl<'scope, E> Frame<'scope, '_, E> {
    pub(crate) fn group(&self) -> &Group {
        &self.group
    }

    pub(crate) fn node(&self) -> &Part<CancelNode> {
        self.group.node()
    }

    /// Admits and starts a task. If the system refuses a thread, the task fails with that error.
    pub(crate) fn spawn<T, F>(&self, spec: Spec, f: F) -> JoinHandle<T, E>
    where
        T: Send + 'scope,
        E: Send + 'scope,
        F: FnOnce() -> Result<T, E> + Send + 'scope,
    {
        let spec = Spec {
            on: spec.on.or(self.on),
            ..spec
        };
        let owner = self.group.owner();
        // SAFETY: the task leaves the group only after what it borrows is gone (rule 1), and `run` waits for
        // the group before `'scope` ends (rules 2, 3, 4). The lifetime of its result is part of the handle's
        // type.
        let erase = |task| unsafe { erase(task) };
        let packet = prepare(spec, &self.group, owner, Some(&self.failures), f, erase);
        let handle = JoinHandle::new(packet, OnDrop::Nothing);
        handle.start();
        handle
    }
}

/// Reports the errors that are lost because the body's panic continues in their place.
fn report_lost<E>(failures: &[JoinError<E>]) {
    for failure in failures {
        let is_lost = failure.is_error() && !failure.is_after_cancel();
        if let Some(task) = failure.task().filter(|_| is_lost) {
            report_unjoined(task, type_name::<E>());
        }
    }
}

/// Erases the lifetime of the data that a task borrows.
///
/// # Safety
/// Before `'a` ends, the task's closure must have been run or dropped, and its result must be gone, unless
/// the result's [`JoinHandle`] still exists.
unsafe fn erase<'a>(task: Arc<dyn Task + 'a>) -> Arc<dyn Task> {
    // SAFETY: the two types differ only in the lifetime bound of a trait object, which has no influence on
    // layout or vtable. The caller guarantees that nothing borrowed is touched after `'a`.
    unsafe { std::mem::transmute::<Arc<dyn Task + 'a>, Arc<dyn Task>>(task) }
}

/// The choices of a scope's builder.
pub(super) struct ScopeOptions {
    pub(super) label: Label,
    pub(super) deadline: Option<Instant>,
    pub(super) rules: Rules,
    pub(super) on: OnThread,
}

/// Opens a scope, runs its body, and waits for its tasks.
pub(super) fn run<'env, K, T, F>(plan: ScopeOptions, body: F) -> FinishedScope<T, K::Error>
where
    K: Fallibility + 'env,
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env, K>) -> Result<T, JoinError<K::Error>>,
{
    let (frame, outer) = Frame::open(plan);
    let scope = Scope { frame };
    scope.frame.close_after(outer, || body(&scope))
}

impl<E> Frame<'_, '_, E> {
    /// Creates a frame; returns it with the context in which it was opened.
    fn open(plan: ScopeOptions) -> (Self, Context) {
        profile::begin_if_asked();
        let outer = current::current();
        let node = CancelNode::child(&outer.node, plan.label, plan.deadline);
        let frame = Self {
            group: Group::new(
                node,
                Some(outer.record.clone()),
                plan.rules,
                Starter::Threads(THREADS),
            ),
            failures: Arc::new(Failures::new()),
            on: plan.on,
            scope: PhantomData,
            env: PhantomData,
        };
        tell(|| Event::Open {
            scope: frame.node().label(),
            by: &outer.record.label,
        });
        (frame, outer)
    }

    /// Runs the body, waits for the tasks, and gathers the outcomes.
    fn close_after<T>(
        &self,
        outer: Context,
        body: impl FnOnce() -> Result<T, JoinError<E>>,
    ) -> FinishedScope<T, E> {
        let guard =
            AbortOnUnwind("a scope was torn open by a panic of its own; this is a bug in reunite");
        let over = self.run_body(&outer, body);
        let label = self.node().label();
        self.group.wait_all(label.spawned_at());
        self.group.end();
        tell(|| Event::End {
            scope: label,
            by: &outer.record.label,
        });
        if outer.record.is_foreign() {
            profile::write_if_asked();
        }
        std::mem::forget(guard);
        self.gather(over, &outer.node)
    }

    fn run_body<T>(
        &self,
        outer: &Context,
        body: impl FnOnce() -> Result<T, JoinError<E>>,
    ) -> FinishedBody<T, E> {
        let node = self.node();
        let entered = current::enter(Context {
            record: outer.record.clone(),
            node: node.clone(),
        });
        assert_outside();
        let body = catch_body(body);
        // The node does not tell this, because it also records what the tasks below it were told.
        let is_told = current::has_observed_cancellation();
        drop(entered);
        // The body's own failure takes its place in the order of failures before it cancels the tasks.
        let order = self.failures.order();
        let after_cancel = node.was_observed();
        if is_told && outer.node.is_cancelled() {
            current::mark_cancellation_observed();
        }
        if !matches!(body, Caught::Value(Ok(_))) {
            node.cancel(Cancelled::new(Why::BodyFailed, node.label().clone()));
        }
        FinishedBody {
            body,
            observed_cancellation: is_told,
            order,
            after_cancel,
        }
    }

    /// Gathers the value of the body and the failures of the tasks, which have all completed. `above` is the
    /// node around the scope's node.
    fn gather<T>(&self, over: FinishedBody<T, E>, above: &CancelNode) -> FinishedScope<T, E> {
        let node = self.node();
        let (order, after_cancel) = (over.order, over.after_cancel);
        let mut unclaimed = self.failures.take_unclaimed(node, above);
        // A body that was told of the cancellation knows whether its value is complete.
        let undone = unclaimed
            .undone
            .take()
            .filter(|_| !over.observed_cancellation);
        let (body, left) = match over.body {
            Caught::Panic(payload) => {
                report_lost(&unclaimed.failures);
                resume(payload)
            }
            Caught::Value(Ok(value)) => {
                (BodyOutcome::Value(value), undone.map(CutShort::Cancelled))
            }
            Caught::Value(Err(error)) => {
                // An interrupted join adds nothing to the failure that interrupted it.
                if !error.is_interrupted() || unclaimed.failures.is_empty() {
                    unclaimed.failures.push(error.of_body(order, after_cancel));
                }
                (BodyOutcome::Nothing, None)
            }
            Caught::Left(why, partial) => {
                let is_root = unclaimed.add_left_body(&why, order, after_cancel);
                // A partial value is used only if the leaving of the body is the root cause. Otherwise the
                // value stays partial even if the policy ignores the failures.
                let partial = partial.and_then(Result::ok).filter(|_| is_root);
                (BodyOutcome::Partial(partial), is_root.then_some(why))
            }
        };
        let (cause, failures) = (node.cause(), unclaimed.failures);
        let inherited = match (&cause, above.cause()) {
            (Some(cause), Some(above)) => cause.is_same(&above),
            _ => false,
        };
        let late = cause.as_ref().is_some_and(Cancelled::is_deadline);
        FinishedScope {
            failed: !failures.is_empty() && !self.group.is_satisfied(),
            cut_short: inherited || (late && !self.group.keeps_partial_results()),
            body,
            left,
            error: ScopeError::new(node.label().clone(), failures, cause, unclaimed.cancelled),
        }
    }
}

/// A body that has ended.
struct FinishedBody<T, E> {
    body: Caught<Result<T, JoinError<E>>>,
    /// True if the body was told of a cancellation.
    observed_cancellation: bool,
    /// The place of the body's failure in the order of failures.
    order: u64,
    after_cancel: bool,
}
