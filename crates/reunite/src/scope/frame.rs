//! The frame of a scope: the one place where a borrow is told to outlive what the compiler can see.
//!
//! # Safety argument
//! A job may borrow what lives for `'scope` or longer; the thread that runs it knows no lifetimes. So
//! [`Frame::spawn`] erases the task's lifetime, and must answer for it:
//!
//! 1. *The job, and all it captured, is gone before `'scope` ends.* `'scope` is a borrow of the frame, which
//!    ends after [`Frame::close_after`] has returned. A task drops or consumes its closure before it leaves
//!    its group (`task::run`), and `wait_all` returns only when every task has left.
//! 2. *`wait_all` is reached on every path.* Between the making of the frame and `wait_all` stand the body,
//!    whose unwinding is caught, and code of this module that does not unwind; should it do so after all,
//!    `AbortOnUnwind` ends the process.
//! 3. *Nobody else makes frames.* `open` is private to this file, where each frame is lent to a body by
//!    reference, inside `close_after`, and to nobody else.
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
//! Nor does the scope itself leave its body, nor do two tasks change one thing, nor does what is not `Send`
//! reach a thread:
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
//! The result of a job may borrow too. It lies in the task, and is dropped before the task leaves its group, or else with
//! the handle, which is typed and the compiler watches it (see `task::prepare`).

use std::any::type_name;
use std::convert::Infallible;
use std::marker::PhantomData;

use super::ended::{Finished, Left};
use crate::cancel::Node;
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

/// What the body of a [`scope`](super::scope()), or of a [`try_scope`](super::try_scope), spawns through.
///
/// `K` says what the closures of its tasks return, see [`Fallibility`]: any value, in a [`scope`](super::scope()); a `Result<_, E>`, in a
/// [`try_scope`](super::try_scope), whose scope is a `Scope<'scope, 'env, Fallible<E>>`. All else is the same for both.
///
/// A task may spawn into its own scope. Handles may be dropped, and may leave the scope; what a task borrows must live
/// longer than the scope, not just longer than the task:
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
    // Not for its own sake: without it, an error type with a lifetime (`Box<dyn Error>` has `'static`) is one more that
    // outlives `'scope`, and the compiler wants what a body's tasks borrow to live as long as both.
    K: Fallibility + 'env,
{
    pub(super) frame: Frame<'scope, 'env, K::Error>,
}

impl<'scope, E> Frame<'scope, '_, E> {
    pub(crate) fn group(&self) -> &Group {
        &self.group
    }

    pub(crate) fn node(&self) -> &Part<Node> {
        self.group.node()
    }

    /// Admits and starts a task; a refused thread is the task's failure.
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
        // SAFETY: the task leaves the group only after what it borrows is gone (1), and `run` waits for the group before
        // `'scope` ends (2, 3, 4 above). What it returns is in the handle's type.
        let erase = |task| unsafe { erase(task) };
        let packet = prepare(spec, &self.group, owner, Some(&self.failures), f, erase);
        let handle = JoinHandle::new(packet, OnDrop::Nothing);
        handle.start();
        handle
    }
}

/// The body's panic goes on, and it alone: nobody else will hear of these.
fn tell_lost<E>(failures: &[JoinError<E>]) {
    for failure in failures {
        let is_lost = failure.is_error() && !failure.is_after_cancel();
        if let Some(task) = failure.task().filter(|_| is_lost) {
            report_unjoined(task, type_name::<E>());
        }
    }
}

/// Forgets how long what a task borrows may live.
///
/// # Safety
/// When `'a` ends its closure must have been run or dropped, and what that returned must be gone, unless its
/// [`JoinHandle`] is not.
unsafe fn erase<'a>(task: Arc<dyn Task + 'a>) -> Arc<dyn Task> {
    // SAFETY: the two types differ in the lifetime bound of a trait object only, which has no influence
    // on layout or vtable; that nothing borrowed is touched after `'a` is the caller's promise.
    unsafe { std::mem::transmute::<Arc<dyn Task + 'a>, Arc<dyn Task>>(task) }
}

/// What a scope's builder chose.
pub(super) struct Plan {
    pub(super) label: Label,
    pub(super) deadline: Option<Instant>,
    pub(super) rules: Rules,
    pub(super) on: OnThread,
}

/// Opens a scope, runs its body, and waits for its tasks.
pub(super) fn run<'env, K, T, F>(plan: Plan, body: F) -> Finished<T, K::Error>
where
    K: Fallibility + 'env,
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env, K>) -> Result<T, JoinError<K::Error>>,
{
    let (frame, outer) = Frame::open(plan);
    let scope = Scope { frame };
    scope.frame.close_after(outer, || body(&scope))
}

impl<E> Frame<'_, '_, E> {
    /// A frame, and the context it was opened in.
    fn open(plan: Plan) -> (Self, Context) {
        profile::begin_if_asked();
        let outer = current::current();
        let node = Node::child(&outer.node, plan.label, plan.deadline);
        let frame = Self {
            group: Group::new(
                node,
                Some(outer.who.clone()),
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
            by: &outer.who.label,
        });
        (frame, outer)
    }

    /// Runs the body, waits for the tasks, gathers what happened.
    fn close_after<T>(
        &self,
        outer: Context,
        body: impl FnOnce() -> Result<T, JoinError<E>>,
    ) -> Finished<T, E> {
        let guard =
            AbortOnUnwind("a scope was torn open by a panic of its own; this is a bug in reunite");
        let over = self.run_body(&outer, body);
        let label = self.node().label();
        self.group.wait_all(label.spawned_at());
        self.group.end();
        tell(|| Event::End {
            scope: label,
            by: &outer.who.label,
        });
        if outer.who.is_foreign() {
            profile::write_if_asked();
        }
        std::mem::forget(guard);
        self.gather(over, &outer.node)
    }

    fn run_body<T>(
        &self,
        outer: &Context,
        body: impl FnOnce() -> Result<T, JoinError<E>>,
    ) -> Over<T, E> {
        let node = self.node();
        let entered = current::enter(Context {
            who: outer.who.clone(),
            node: node.clone(),
        });
        assert_outside();
        let body = catch_body(body);
        // The node does not say: others are told under it, too.
        let is_told = current::was_told();
        drop(entered);
        // The body's own failure takes its place among the children's before it cancels them.
        let order = self.failures.order();
        let after_cancel = node.was_observed();
        if is_told && outer.node.is_cancelled() {
            current::mark_told();
        }
        if !matches!(body, Caught::Value(Ok(_))) {
            node.cancel(Cancelled::new(Why::BodyFailed, node.label().clone()));
        }
        Over {
            body,
            is_told,
            order,
            after_cancel,
        }
    }

    /// What the body and the tasks left, who are all back. `above` is the node around the scope's.
    fn gather<T>(&self, over: Over<T, E>, above: &Node) -> Finished<T, E> {
        let node = self.node();
        let (order, after_cancel) = (over.order, over.after_cancel);
        let mut unclaimed = self.failures.take_unclaimed(node, above);
        // A body that was told of the cancellation knows what its value is.
        let undone = unclaimed.undone.take().filter(|_| !over.is_told);
        let (body, left) = match over.body {
            Caught::Panic(payload) => {
                tell_lost(&unclaimed.failures);
                resume(payload)
            }
            Caught::Value(Ok(value)) => (Left::Value(value), undone.map(CutShort::Cancelled)),
            Caught::Value(Err(error)) => {
                // An interrupted join says nothing that the failure which interrupted it does not.
                if !error.is_interrupted() || unclaimed.failures.is_empty() {
                    unclaimed.failures.push(error.of_body(order, after_cancel));
                }
                (Left::Nothing, None)
            }
            Caught::Left(why, partial) => {
                let is_root = unclaimed.add_left_body(&why, order, after_cancel);
                // A policy that forgives the failure before it does not make a part whole.
                let partial = partial.and_then(Result::ok).filter(|_| is_root);
                (Left::Partial(partial), is_root.then_some(why))
            }
        };
        let (cause, failures) = (node.cause(), unclaimed.failures);
        let inherited = match (&cause, above.cause()) {
            (Some(cause), Some(above)) => cause.is_same(&above),
            _ => false,
        };
        let late = cause.as_ref().is_some_and(Cancelled::is_deadline);
        Finished {
            failed: !failures.is_empty() && !self.group.is_satisfied(),
            cut_short: inherited || (late && !self.group.keeps_partial_results()),
            body,
            left,
            error: ScopeError::new(node.label().clone(), failures, cause, unclaimed.cancelled),
        }
    }
}

/// A body that is over.
struct Over<T, E> {
    body: Caught<Result<T, JoinError<E>>>,
    /// Whether it was told of a cancellation.
    is_told: bool,
    /// Its place among the failures.
    order: u64,
    after_cancel: bool,
}
