//! Scopes: tasks that may borrow from outside, and that have all completed when the scope ends.

mod builder;
mod ended;
#[allow(unsafe_code)]
mod frame;
mod ready;

use std::fmt;
use std::panic::Location;

use crate::cancel::Canceller;
use crate::deadline;
use crate::error::{Fallibility, Fallible, JoinError, ScopeError};
use crate::primitive::{Duration, Instant};
use crate::task::{FailFast, Group, JoinHandle, WaitAll};
use crate::thread::Builder;

pub use builder::ScopeBuilder;
pub use ended::Ended;
pub use frame::Scope;
pub use ready::Ready;

use frame::run;

/// Runs `body`, whose tasks may borrow what lives outside it, and waits for all of them.
///
/// Each task starts at once on a thread of its own. Every task runs to its end, whatever the others do
/// ([`policy::WaitAll`](crate::policy::WaitAll)); to stop at the first error, see [`try_scope`].
///
/// # Panics
/// If `body` panics: the tasks are cancelled and joined first. If a task panicked and no join returned that
/// panic: with the payload of the first such task.
///
/// # Cancellation
/// The calling task leaves (see [partial results](crate#partial-results)) in two cases: if `body` left; and
/// if a cancellation from outside the scope stopped tasks that were not joined, and no wait or
/// [`checkpoint`](crate::checkpoint) of `body` returned that cancellation.
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
    let plan = ScopeBuilder::new().plan(WaitAll, Location::caller());
    run(plan, |s| Ok(body(s))).into_value()
}

/// Runs `body`, whose tasks return `Result`s. The first failure cancels the rest; all failures are returned.
///
/// In the body, `?` works on the errors of joins and on errors of type `E`. The [`ScopeError`] that the
/// caller gets has the root cause first, then the other failures in spawn order.
///
/// What the body returned is dropped if the scope fails; [`ScopeBuilder::try_scope_ended`] returns both.
///
/// # Errors of different types
/// `E` is the error type of all tasks. Tasks with other errors convert theirs by `?`, as in `|| Ok(load(id)?)`; see
/// [`spawn`](Scope::spawn). If `E` is `Box<dyn Error + Send + Sync>`, `?` in the body also takes the errors of `std` and
/// of this library. Other errors are converted by `map_err`, such as `config.parse().map_err(AnyError::from)?`, also for
/// an `E` of your own. If nothing else determines `E`, name it: `try_scope::<_, AnyError, _>(…)`.
///
/// ```
/// type AnyError = Box<dyn std::error::Error + Send + Sync>;
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let (lines, port) = reunite::try_scope::<_, AnyError, _>(|s| {
///         let port = s.spawn(|| Ok("80".parse::<u16>()?));
///         let text = std::fs::read_to_string("Cargo.toml")?;
///         Ok((text.lines().count(), port.join()?))
///     })?;
///     assert!(lines > 1 && port == 80);
///     Ok(())
/// }
/// ```
///
/// # Errors
/// - A task failed or panicked, and no join took that failure. A failure that the body joined and did not
///   return counts as handled.
/// - The body returned an error, or left (see [partial results](crate#partial-results)).
/// - A cancellation from outside the scope stopped it.
///
/// # Panics
/// If the body panics: with its payload, after every task has completed.
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
    E: 'env,
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env, Fallible<E>>) -> Result<T, JoinError<E>>,
{
    let plan = ScopeBuilder::new().plan(FailFast, Location::caller());
    run(plan, body).into_result()
}

impl<K: Fallibility> Scope<'_, '_, K> {
    pub(crate) fn group(&self) -> &Group {
        self.frame.group()
    }

    /// Cancels the scope: its tasks, and all waits of its body from now on.
    ///
    /// The scope still returns what the body returns, unless a task fails because of the cancellation, or a
    /// wait that cannot return an error leaves the body.
    ///
    /// ```
    /// let values = reunite::scope(|s| {
    ///     let task = s.spawn(|| reunite::sleep(std::time::Duration::from_secs(3600)));
    ///     s.cancel("the answer is known");
    ///     drop(task);
    ///     42
    /// });
    /// assert_eq!(values, 42);
    /// ```
    pub fn cancel(&self, reason: impl Into<String>) {
        self.canceller().cancel(reason);
    }

    /// Returns a handle that cancels the scope from any thread.
    ///
    /// ```
    /// reunite::scope(|s| {
    ///     let canceller = s.canceller();
    ///     s.spawn(move || canceller.cancel("the task has seen enough"));
    ///     assert!(reunite::sleep(std::time::Duration::MAX).is_err());
    ///     assert!(s.is_cancelled());
    /// });
    /// ```
    pub fn canceller(&self) -> Canceller {
        Canceller::new(self.frame.node().clone())
    }

    /// Returns true if the scope was cancelled, for any reason.
    pub fn is_cancelled(&self) -> bool {
        self.frame.node().is_cancelled()
    }
}

impl<'scope, K: Fallibility> Scope<'scope, '_, K> {
    /// Starts a task at once on a thread of its own. In a cancelled scope no task starts: the new task
    /// completes as cancelled. If the operating system refuses a thread, the task fails with that error
    /// ([`is_refused`](JoinError::is_refused)).
    ///
    /// The handle may be dropped. A panic that no join took fails the scope; in a [`try_scope`], so does an
    /// error. In a plain [`scope`] a `Result` is a value like any other; an `Err` that no join took is
    /// reported ([`on_unjoined_error`](crate::on_unjoined_error)).
    ///
    /// ```
    /// let text = "to be";
    /// let words = reunite::scope(|s| s.spawn(|| text.split(' ').count()).join().unwrap());
    /// assert_eq!(words, 2);
    /// ```
    ///
    /// Tasks of one `try_scope` with different errors share an error type that `?` converts them to:
    ///
    /// ```
    /// use std::{fs, error::Error};
    /// type AnyError = Box<dyn Error + Send + Sync>;
    ///
    /// fn port(file: &str, text: &str) -> Result<(String, u16), reunite::ScopeError<AnyError>> {
    ///     reunite::try_scope(|s| {
    ///         let host = s.spawn(|| Ok(fs::read_to_string(file)?));
    ///         let port = s.spawn(|| Ok(text.parse()?));
    ///         Ok((host.join()?, port.join()?))
    ///     })
    /// }
    /// let error = port("Cargo.toml", "eighty").unwrap_err().into_error().unwrap();
    /// assert!(error.is::<std::num::ParseIntError>());
    /// let error = port("no such file", "80").unwrap_err().into_error().unwrap();
    /// assert!(error.is::<std::io::Error>());
    /// ```
    #[track_caller]
    pub fn spawn<T, F>(&'scope self, f: F) -> JoinHandle<T, K::Error>
    where
        T: Send + 'scope,
        K::Error: Send + 'scope,
        F: FnOnce() -> K::Returns<T> + Send + 'scope,
    {
        self.spawn_with(Builder::new(), f)
    }

    /// Starts a task like [`spawn`](Self::spawn), with a name, a stack size or other choices of a
    /// [`Builder`].
    ///
    /// ```
    /// use reunite::Builder;
    /// reunite::scope(|s| {
    ///     let indexer = s.spawn_with(Builder::new().name("indexer"), || 3);
    ///     assert_eq!(indexer.name(), Some("indexer"));
    /// });
    /// ```
    #[track_caller]
    pub fn spawn_with<T, F>(&'scope self, builder: Builder, f: F) -> JoinHandle<T, K::Error>
    where
        T: Send + 'scope,
        K::Error: Send + 'scope,
        F: FnOnce() -> K::Returns<T> + Send + 'scope,
    {
        let spec = builder.spec(Location::caller());
        self.frame.spawn(spec, || K::into_result(f()))
    }

    /// Starts a task that provides a service, and waits until it reports that it is [`Ready`], with a value
    /// for the caller, such as the port on which it listens. [`Ready`] has an example.
    ///
    /// # Errors
    /// - The service completed before it was ready: the error is its failure, or says that it was never
    ///   ready.
    /// - The caller was cancelled. Then the service is cancelled, too, because the caller has no handle to
    ///   it; the scope waits for its end.
    #[track_caller]
    #[allow(
        clippy::type_complexity,
        reason = "aliases would hide that these are a handle and a join's error"
    )]
    pub fn spawn_ready<R, T, F>(
        &'scope self,
        builder: Builder,
        f: F,
    ) -> Result<(R, JoinHandle<T, K::Error>), JoinError<K::Error>>
    where
        R: Send + 'scope,
        T: Send + 'scope,
        K::Error: Send + 'scope,
        F: FnOnce(Ready<R>) -> K::Returns<T> + Send + 'scope,
    {
        self.spawn_ready_until(builder, None, Location::caller(), f)
    }

    /// Starts a service like [`spawn_ready`](Self::spawn_ready), and waits at most `timeout` for it to be
    /// ready.
    ///
    /// # Errors
    /// As [`spawn_ready`](Self::spawn_ready); or the timeout passed. Then the service is cancelled, because
    /// the caller has no handle to it.
    ///
    /// ```
    /// use std::time::Duration;
    /// let late = reunite::scope(|s| {
    ///     let never_up = |_ready: reunite::Ready<()>| reunite::sleep(Duration::MAX).is_err();
    ///     let service = s.spawn_ready_timeout(reunite::Builder::new(), never_up, Duration::from_millis(5));
    ///     service.map(drop).unwrap_err()
    /// });
    /// assert!(late.is_timeout());
    /// ```
    #[track_caller]
    #[allow(clippy::type_complexity, reason = "as of `spawn_ready`")]
    pub fn spawn_ready_timeout<R, T, F>(
        &'scope self,
        builder: Builder,
        f: F,
        timeout: Duration,
    ) -> Result<(R, JoinHandle<T, K::Error>), JoinError<K::Error>>
    where
        R: Send + 'scope,
        T: Send + 'scope,
        K::Error: Send + 'scope,
        F: FnOnce(Ready<R>) -> K::Returns<T> + Send + 'scope,
    {
        let deadline = deadline::after(timeout);
        self.spawn_ready_until(builder, deadline, Location::caller(), f)
    }

    /// Starts a service like [`spawn_ready`](Self::spawn_ready), and waits for it to be ready, at most until
    /// `deadline`.
    ///
    /// # Errors
    /// As [`spawn_ready_timeout`](Self::spawn_ready_timeout).
    #[track_caller]
    #[allow(clippy::type_complexity, reason = "as of `spawn_ready`")]
    pub fn spawn_ready_deadline<R, T, F>(
        &'scope self,
        builder: Builder,
        f: F,
        deadline: Instant,
    ) -> Result<(R, JoinHandle<T, K::Error>), JoinError<K::Error>>
    where
        R: Send + 'scope,
        T: Send + 'scope,
        K::Error: Send + 'scope,
        F: FnOnce(Ready<R>) -> K::Returns<T> + Send + 'scope,
    {
        self.spawn_ready_until(builder, Some(deadline), Location::caller(), f)
    }

    #[allow(clippy::type_complexity, reason = "as of `spawn_ready`")]
    fn spawn_ready_until<R, T, F>(
        &'scope self,
        builder: Builder,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
        f: F,
    ) -> Result<(R, JoinHandle<T, K::Error>), JoinError<K::Error>>
    where
        R: Send + 'scope,
        T: Send + 'scope,
        K::Error: Send + 'scope,
        F: FnOnce(Ready<R>) -> K::Returns<T> + Send + 'scope,
    {
        ready::hand_shake(at, deadline, |ready| {
            let spec = builder.spec(at);
            self.frame.spawn(spec, || K::into_result(f(ready)))
        })
    }
}

impl<'scope, K: Fallibility> Scope<'scope, '_, K> {
    /// Starts a thread of a map. The failures of items are outcomes of the map, not failures of the scope.
    pub(crate) fn start_worker(
        &'scope self,
        builder: Builder,
        at: &'static Location<'static>,
        work: impl FnOnce() + Send + 'scope,
    ) -> JoinHandle<(), K::Error>
    where
        K::Error: Send + 'scope,
    {
        self.frame.spawn(builder.spec(at), || {
            work();
            Ok(())
        })
    }
}

impl<K: Fallibility> fmt::Debug for Scope<'_, '_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({})", self.frame.node().label())
    }
}
