//! Scopes: tasks that may borrow, and that are all back when the scope ends.

mod builder;
#[allow(unsafe_code)]
mod frame;
mod ready;

use std::convert::Infallible;
use std::fmt;
use std::panic::Location;

use crate::cancel::Canceller;
use crate::error::{JoinError, ScopeError};
use crate::task::{FailFast, Group, JoinHandle, WaitAll};
use crate::thread::Builder;

pub use builder::ScopeBuilder;
pub use ready::Ready;

use frame::{Frame, run_scope, run_try_scope};

/// Runs `body`, whose tasks may borrow what lives outside it, and waits for all of them.
///
/// Each task starts at once on a thread of its own. Every task runs to its end, whatever the others do
/// ([`policy::WaitAll`](crate::policy::WaitAll)); for "stop at the first error" see [`try_scope`].
///
/// # Panics
/// If `body` panics: the tasks are cancelled and joined first. If a task panicked and no join took that:
/// with the payload of the first that did.
///
/// It leaves the task around it, see [partial results](crate#partial-results), if its body was left, or if a
/// cancellation from above, of which the body was not told by a wait or a [`checkpoint`](crate::checkpoint), kept tasks
/// from completing that no join took.
///
/// ```
/// let text = String::from("to be\nor not to be");
/// let (words, lines) = reunite::scope(|s| {
///     let words = s.spawn(|| text.split_whitespace().count());
///     let lines = s.spawn(|| text.lines().count());
///     (words.join(), lines.join())
/// });
/// assert_eq!((words.unwrap(), lines.unwrap()), (6, 2));
/// ```
#[track_caller]
pub fn scope<'env, T, F>(body: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    run_scope(ScopeBuilder::new().plan(WaitAll, Location::caller()), body).into_value()
}

/// Runs `body`, whose tasks return `Result`s; the first failure cancels the rest, and all failures arrive.
///
/// In the body, `?` takes the errors of joins and the body's own errors of type `E`. Outside, one `?` or
/// `match` gets the [`ScopeError`]: the root cause first, the others in spawn order.
///
/// # Errors
/// A task failed or panicked and no join took that, or the body returned an error; or the scope was cut
/// short from above. A failure that the body joined and did not return is the body's affair: it counts as
/// handled.
///
/// # Panics
/// If the body panics: with its payload, after every task is back.
///
/// ```
/// fn load(name: &str) -> Result<usize, String> {
///     if name.is_empty() { Err("no name".into()) } else { Ok(name.len()) }
/// }
/// fn both(a: &str, b: &str) -> Result<usize, reunite::ScopeError<String>> {
///     reunite::try_scope(|s| {
///         let a = s.spawn(|| load(a));
///         let b = s.spawn(|| load(b));
///         Ok(a.join()? + b.join()?)
///     })
/// }
/// assert_eq!(both("ab", "cde").unwrap(), 5);
/// assert_eq!(both("ab", "").unwrap_err().into_error().unwrap(), "no name");
/// ```
#[track_caller]
pub fn try_scope<'env, T, E, F>(body: F) -> Result<T, ScopeError<E>>
where
    F: for<'scope> FnOnce(&'scope TryScope<'scope, 'env, E>) -> Result<T, JoinError<E>>,
{
    run_try_scope(ScopeBuilder::new().plan(FailFast, Location::caller()), body).into_result()
}

/// What the body of a [`scope`] spawns through.
pub struct Scope<'scope, 'env> {
    frame: Frame<'scope, 'env, Infallible>,
}

/// What the body of a [`try_scope`] spawns through.
pub struct TryScope<'scope, 'env, E> {
    frame: Frame<'scope, 'env, E>,
}

impl<'scope> Scope<'scope, '_> {
    pub(crate) fn group(&self) -> &Group {
        self.frame.group()
    }

    /// [`spawn_with`](Self::spawn_with) at a line that is told.
    pub(crate) fn spawn_at<T, F>(
        &'scope self,
        builder: Builder,
        at: &'static Location<'static>,
        f: F,
    ) -> JoinHandle<T>
    where
        T: Send + 'scope,
        F: FnOnce() -> T + Send + 'scope,
    {
        self.frame.spawn(builder.spec(at), move || Ok(f()))
    }
}

impl<'scope> Scope<'scope, '_> {
    /// Starts a task at once on a thread of its own. In a cancelled scope nothing starts: the task
    /// completes cancelled. A refusal by the operating system is the task's failure.
    #[track_caller]
    pub fn spawn<T, F>(&'scope self, f: F) -> JoinHandle<T>
    where
        T: Send + 'scope,
        F: FnOnce() -> T + Send + 'scope,
    {
        self.spawn_with(Builder::new(), f)
    }

    /// [`spawn`](Self::spawn) with a name or a stack size:
    /// `s.spawn_with(Builder::new().name("indexer"), …)`.
    #[track_caller]
    pub fn spawn_with<T, F>(&'scope self, builder: Builder, f: F) -> JoinHandle<T>
    where
        T: Send + 'scope,
        F: FnOnce() -> T + Send + 'scope,
    {
        self.frame
            .spawn(builder.spec(Location::caller()), move || Ok(f()))
    }

    /// Starts a service and waits until it says that it is [`Ready`], with a value for the caller, such
    /// as the port it listens on.
    ///
    /// # Errors
    /// What the task completed with before it was ready; or the caller's own cancellation.
    #[track_caller]
    pub fn spawn_ready<R, T, F>(
        &'scope self,
        builder: Builder,
        f: F,
    ) -> Result<(R, JoinHandle<T>), JoinError>
    where
        R: Send + 'scope,
        T: Send + 'scope,
        F: FnOnce(Ready<R>) -> T + Send + 'scope,
    {
        let at = Location::caller();
        ready::hand_shake(at, |ready| {
            self.frame.spawn(builder.spec(at), move || Ok(f(ready)))
        })
    }

    /// Cancels the scope: every task in it, and every later wait of the body. The scope then returns
    /// what the body returns, unless the body is left by one of these waits that cannot return an error.
    pub fn cancel(&self, reason: impl Into<String>) {
        self.canceller().cancel(reason);
    }

    /// A way to cancel the scope from anywhere else.
    pub fn canceller(&self) -> Canceller {
        Canceller::new(self.frame.node().clone())
    }

    /// Whether the scope is cancelled, by anyone.
    pub fn is_cancelled(&self) -> bool {
        self.frame.node().is_cancelled()
    }
}

impl<'scope, E> TryScope<'scope, '_, E> {
    /// Starts a task at once on a thread of its own. In a cancelled scope nothing starts: the task
    /// completes cancelled. A refusal by the operating system is the task's failure.
    #[track_caller]
    pub fn spawn<T, F>(&'scope self, f: F) -> JoinHandle<T, E>
    where
        T: Send + 'scope,
        E: Send + 'scope,
        F: FnOnce() -> Result<T, E> + Send + 'scope,
    {
        self.spawn_with(Builder::new(), f)
    }

    /// [`spawn`](Self::spawn) with a name or a stack size:
    /// `s.spawn_with(Builder::new().name("indexer"), …)`.
    #[track_caller]
    pub fn spawn_with<T, F>(&'scope self, builder: Builder, f: F) -> JoinHandle<T, E>
    where
        T: Send + 'scope,
        E: Send + 'scope,
        F: FnOnce() -> Result<T, E> + Send + 'scope,
    {
        self.frame.spawn(builder.spec(Location::caller()), f)
    }

    /// Starts a service and waits until it says that it is [`Ready`], with a value for the caller, such
    /// as the port it listens on.
    ///
    /// # Errors
    /// What the task completed with before it was ready; or the caller's own cancellation.
    #[track_caller]
    pub fn spawn_ready<R, T, F>(
        &'scope self,
        builder: Builder,
        f: F,
    ) -> Result<(R, JoinHandle<T, E>), JoinError<E>>
    where
        R: Send + 'scope,
        T: Send + 'scope,
        E: Send + 'scope,
        F: FnOnce(Ready<R>) -> Result<T, E> + Send + 'scope,
    {
        let at = Location::caller();
        ready::hand_shake(at, |ready| {
            self.frame.spawn(builder.spec(at), move || f(ready))
        })
    }

    /// Cancels the scope: every task in it, and every later wait of the body.
    pub fn cancel(&self, reason: impl Into<String>) {
        self.canceller().cancel(reason);
    }

    /// A way to cancel the scope from anywhere else.
    pub fn canceller(&self) -> Canceller {
        Canceller::new(self.frame.node().clone())
    }

    /// Whether the scope is cancelled, by anyone.
    pub fn is_cancelled(&self) -> bool {
        self.frame.node().is_cancelled()
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({})", self.frame.node().label())
    }
}

impl<E> fmt::Debug for TryScope<'_, '_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TryScope({})", self.frame.node().label())
    }
}
