//! The error of a join.

use std::any::Any;
use std::convert::Infallible;
use std::fmt;
use std::io;

use super::{Cancelled, CutShort, Deadlock, Refusal, resume};
use crate::id::Label;
use crate::primitive::{Duration, Mutex};

/// The error of a join: the task completed without a value, or the join itself failed.
///
/// | predicate | meaning | state of the task |
/// |---|---|---|
/// | [`is_error`](Self::is_error) | the task returned an error of its own (`E`) | completed |
/// | [`is_panic`](Self::is_panic) | the task panicked; the payload is kept | completed |
/// | [`is_cancelled`](Self::is_cancelled) | the task, or the caller of the join, was cancelled | see [`is_interrupted`](Self::is_interrupted) |
/// | [`is_deadlock`](Self::is_deadlock) | a wait of the task, or the join, would never have ended | see the message |
/// | [`is_starved`](Self::is_starved) | a wait of the task, or the join, would have starved its pool | see the message |
/// | [`is_timeout`](Self::is_timeout) | the time to wait ran out | still running; join again |
/// | [`is_refused`](Self::is_refused) | the task could not start, or the join was refused at once | see the message |
///
/// `E` is the error type of the tasks of a [`try_scope`](crate::try_scope); elsewhere it is
/// [`Infallible`]. Any `E` converts into a `JoinError<E>`, so `?` in the body of a `try_scope` accepts both
/// the errors of joins and the body's own errors. A `JoinError<Box<dyn Error + Send + Sync>>` is also made from the
/// errors of `std` and of this library; see [`try_scope`](crate::try_scope#errors-of-different-types).
///
/// ```
/// let error = reunite::spawn(|| -> u32 { panic!("no input") }).join().unwrap_err();
/// assert!(error.is_panic());
/// assert_eq!(error.panic_message(), Some("no input"));
/// ```
pub struct JoinError<E = Infallible>(Box<JoinErrorDetails<E>>);

/// The state of a task before a thread has begun to run it.
pub(crate) const NOT_STARTED: &str = "not started yet";

struct JoinErrorDetails<E> {
    task: Option<Label>,
    kind: JoinErrorKind<E>,
    /// The place of a completed task in the order in which the tasks of its scope failed.
    order: u64,
    /// True if a completed task had been told of a cancellation before it failed.
    after_cancel: bool,
}

pub(crate) enum JoinErrorKind<E> {
    Failed(E),
    Panicked {
        message: String,
        payload: Mutex<Box<dyn Any + Send>>,
    },
    Cancelled(Cancelled),
    /// One of the task's waits was refused, and the task could not return that as an error.
    CutShort(Refusal),
    NotStarted(io::Error),
    Interrupted(Cancelled),
    TimedOut {
        age: Duration,
        doing: String,
    },
    SelfJoin,
    AncestorJoin,
    AlreadyJoined,
    /// The join would never have ended.
    Refused(Refusal),
    /// A service returned before it reported that it was ready.
    NeverReady,
}

/// The way in which a task completed without a value. A packet or a group holds it until it is taken.
pub(crate) type Failure<E> = JoinErrorKind<E>;

impl<E> JoinErrorKind<E> {
    pub(crate) fn panicked(payload: Box<dyn Any + Send>) -> Self {
        match CutShort::from_payload(payload) {
            Ok(why) => Self::cut_short(why),
            Err(payload) => Self::Panicked {
                message: panic_message(&*payload),
                payload: Mutex::new(payload),
            },
        }
    }

    /// The failure of a task that was cut short.
    pub(crate) fn cut_short(why: CutShort) -> Self {
        match why {
            CutShort::Cancelled(cancelled) => Self::Cancelled(cancelled),
            CutShort::Refused(refusal) => Self::CutShort(refusal),
        }
    }
}

pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a payload that is not text".to_owned()
    }
}

impl<E> JoinError<E> {
    pub(crate) fn new(task: Label, kind: JoinErrorKind<E>) -> Self {
        Self(Box::new(JoinErrorDetails {
            task: Some(task),
            kind,
            order: u64::MAX,
            after_cancel: false,
        }))
    }

    pub(crate) fn completed(
        task: Label,
        failure: Failure<E>,
        order: u64,
        after_cancel: bool,
    ) -> Self {
        Self(Box::new(JoinErrorDetails {
            task: Some(task),
            kind: failure,
            order,
            after_cancel,
        }))
    }

    /// Returns true if this is how the task completed, false if it is how the join failed.
    pub(crate) fn is_completion(&self) -> bool {
        matches!(
            self.0.kind,
            JoinErrorKind::Failed(_)
                | JoinErrorKind::Panicked { .. }
                | JoinErrorKind::Cancelled(_)
                | JoinErrorKind::CutShort(_)
                | JoinErrorKind::NotStarted(_)
        )
    }

    /// Converts the error that a scope's body returned: the body's own, or one that it got from a join.
    pub(crate) fn of_body(mut self, order: u64, after_cancel: bool) -> Self {
        if self.0.task.is_none() || !self.is_completion() {
            self.0.order = order;
            self.0.after_cancel = after_cancel;
        }
        self
    }

    /// The error of a scope whose body left.
    pub(crate) fn of_left_body(why: CutShort, order: u64, after_cancel: bool) -> Self {
        Self(Box::new(JoinErrorDetails {
            task: None,
            kind: JoinErrorKind::cut_short(why),
            order,
            after_cancel,
        }))
    }

    /// The place among the candidates for a scope's root cause: the least is the root cause.
    pub(crate) fn rank(&self) -> (bool, u64) {
        (self.is_cancelled() || self.0.after_cancel, self.0.order)
    }

    /// The task that was joined; `None` if this is the error of a scope's body.
    pub fn task(&self) -> Option<&Label> {
        self.0.task.as_ref()
    }

    /// The place of an item of a map in the order of the items, counted from 0. `None` if this is the error of
    /// something else, such as a map that was cancelled.
    ///
    /// ```
    /// let halves = reunite::map([4, 3], |n| if n % 2 == 0 { n / 2 } else { panic!("odd") });
    /// let errors: Vec<_> = halves.into_iter().filter_map(Result::err).collect();
    /// assert_eq!(errors[0].item(), Some(1));
    /// ```
    pub fn item(&self) -> Option<usize> {
        self.task().and_then(Label::item)
    }

    /// Returns true if the task (or the scope's body) returned an error of its own.
    pub fn is_error(&self) -> bool {
        matches!(self.0.kind, JoinErrorKind::Failed(_))
    }

    /// Returns true if the task panicked.
    pub fn is_panic(&self) -> bool {
        matches!(self.0.kind, JoinErrorKind::Panicked { .. })
    }

    /// Returns true if the task completed cancelled, or if the caller of the join was cancelled while it waited.
    pub fn is_cancelled(&self) -> bool {
        matches!(
            self.0.kind,
            JoinErrorKind::Cancelled(_) | JoinErrorKind::Interrupted(_)
        )
    }

    /// The cancellation of the task, or of the caller of the join, with its reason and its source.
    ///
    /// ```
    /// let task = reunite::spawn(|| reunite::sleep(std::time::Duration::from_secs(3600)).unwrap_or_else(|c| c.unwind()));
    /// task.cancel();
    /// let error = task.join().unwrap_err();
    /// assert_eq!(error.as_cancelled().unwrap().reason(), "cancelled through its handle");
    /// ```
    pub fn as_cancelled(&self) -> Option<&Cancelled> {
        match &self.0.kind {
            JoinErrorKind::Cancelled(cancelled) | JoinErrorKind::Interrupted(cancelled) => {
                Some(cancelled)
            }
            _ => None,
        }
    }

    /// Returns true if it was the caller of the join that was cancelled. How the task completes is then not known yet.
    pub fn is_interrupted(&self) -> bool {
        matches!(self.0.kind, JoinErrorKind::Interrupted(_))
    }

    /// Returns true if the time to wait ran out. The task goes on and the handle stays usable.
    ///
    /// ```
    /// use std::time::Duration;
    /// let mut task = reunite::spawn(|| reunite::sleep(Duration::from_secs(3600)).is_err());
    /// let error = task.join_timeout(Duration::from_millis(1)).unwrap_err();
    /// assert!(error.is_timeout());
    /// println!("{error}");
    /// task.cancel();
    /// ```
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, JoinErrorKind::TimedOut { .. })
    }

    /// Returns true if the operating system refused a thread for the task ([`io_error`](Self::io_error) tells why), or
    /// if the join was refused at once because it could never end: a task joined itself or a task that waits for it, a
    /// task was joined twice, or a service ended before it was ready. A deadlock that was found while the join waited
    /// is an [`is_deadlock`](Self::is_deadlock) only.
    pub fn is_refused(&self) -> bool {
        matches!(
            self.0.kind,
            JoinErrorKind::NotStarted(_)
                | JoinErrorKind::SelfJoin
                | JoinErrorKind::AncestorJoin
                | JoinErrorKind::AlreadyJoined
                | JoinErrorKind::NeverReady
        )
    }

    /// Returns true if the task failed after it had been told that it is cancelled: its failure is most likely a
    /// consequence of the cancellation.
    pub fn is_after_cancel(&self) -> bool {
        self.0.after_cancel
    }

    /// The task's own error, if [`is_error`](Self::is_error).
    pub fn error(&self) -> Option<&E> {
        match &self.0.kind {
            JoinErrorKind::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// Takes out the task's own error.
    ///
    /// # Errors
    /// Gives `self` back if this is not an error of the task's own.
    ///
    /// ```
    /// let scope = reunite::try_scope(|s| {
    ///     let error = s.spawn(|| "x".parse::<u32>()).join().unwrap_err();
    ///     assert!(error.into_error().is_ok());
    ///     Ok(())
    /// });
    /// assert!(scope.is_ok());
    /// ```
    pub fn into_error(self) -> Result<E, Self> {
        match self.0.kind {
            JoinErrorKind::Failed(error) => Ok(error),
            kind => Err(Self(Box::new(JoinErrorDetails { kind, ..*self.0 }))),
        }
    }

    /// Converts the task's own error with `convert`; everything else stays as it is. With this, the body of a
    /// [`try_scope`](crate::try_scope) can return the join error of a task that has another error type.
    ///
    /// ```
    /// // A task outside the scope has no error type of its own.
    /// let outside = reunite::spawn(|| 2);
    /// let sum = reunite::try_scope(|s| {
    ///     let inside = s.spawn(|| "x1".parse::<u32>());
    ///     Ok(inside.join()? + outside.join().map_err(|error| error.map_error(|never| match never {}))?)
    /// });
    /// // Tasks of another scope may fail with another type.
    /// let error = reunite::try_scope(|_| sum.map_err(|error| error.into_failures().remove(0).map_error(|e| e.to_string())));
    /// assert_eq!(error.unwrap_err().into_error().unwrap(), "invalid digit found in string");
    /// ```
    pub fn map_error<F>(self, convert: impl FnOnce(E) -> F) -> JoinError<F> {
        use JoinErrorKind as Kind;
        let JoinErrorDetails {
            task,
            kind,
            order,
            after_cancel,
        } = *self.0;
        let kind = match kind {
            Kind::Failed(error) => Kind::Failed(convert(error)),
            Kind::Panicked { message, payload } => Kind::Panicked { message, payload },
            Kind::Cancelled(cancelled) => Kind::Cancelled(cancelled),
            Kind::NotStarted(error) => Kind::NotStarted(error),
            Kind::Interrupted(cancelled) => Kind::Interrupted(cancelled),
            Kind::TimedOut { age, doing } => Kind::TimedOut { age, doing },
            Kind::SelfJoin => Kind::SelfJoin,
            Kind::AncestorJoin => Kind::AncestorJoin,
            Kind::AlreadyJoined => Kind::AlreadyJoined,
            Kind::NeverReady => Kind::NeverReady,
            Kind::CutShort(refusal) => Kind::CutShort(refusal),
            Kind::Refused(refusal) => Kind::Refused(refusal),
        };
        JoinError(Box::new(JoinErrorDetails {
            task,
            kind,
            order,
            after_cancel,
        }))
    }

    /// The text of the panic, if [`is_panic`](Self::is_panic).
    pub fn panic_message(&self) -> Option<&str> {
        match &self.0.kind {
            JoinErrorKind::Panicked { message, .. } => Some(message),
            _ => None,
        }
    }

    /// Takes out the panic's payload: the value with which the task panicked.
    ///
    /// # Errors
    /// Gives `self` back if the task did not panic.
    ///
    /// ```
    /// let error = reunite::spawn(|| -> u32 { std::panic::panic_any(7) }).join().unwrap_err();
    /// assert_eq!(*error.into_panic().unwrap().downcast::<i32>().unwrap(), 7);
    /// ```
    pub fn into_panic(self) -> Result<Box<dyn Any + Send>, Self> {
        match self.0.kind {
            JoinErrorKind::Panicked { payload, .. } => Ok(payload.into_inner()),
            kind => Err(Self(Box::new(JoinErrorDetails { kind, ..*self.0 }))),
        }
    }

    /// The time since the task was spawned, if [`is_timeout`](Self::is_timeout).
    pub fn age(&self) -> Option<Duration> {
        match &self.0.kind {
            JoinErrorKind::TimedOut { age, .. } => Some(*age),
            _ => None,
        }
    }

    /// The state of the task, if [`is_timeout`](Self::is_timeout): such as `running` or ``in sleep for 2.0 s
    /// (src/main.rs:7)``.
    pub fn doing(&self) -> Option<&str> {
        match &self.0.kind {
            JoinErrorKind::TimedOut { doing, .. } => Some(doing),
            _ => None,
        }
    }

    /// Returns true if the join was refused because it would have blocked the last thread that the caller's pool may
    /// have, while work is queued there. Also true if the task left one of its waits for that reason.
    pub fn is_starved(&self) -> bool {
        matches!(
            self.0.kind,
            JoinErrorKind::Refused(Refusal::Starved) | JoinErrorKind::CutShort(Refusal::Starved)
        )
    }

    /// Returns true if the join was refused because it would never have ended: the task waits, directly or through
    /// other tasks, for the joiner. Also true if the task left one of its waits that would never have ended.
    pub fn is_deadlock(&self) -> bool {
        matches!(
            self.0.kind,
            JoinErrorKind::SelfJoin
                | JoinErrorKind::AncestorJoin
                | JoinErrorKind::Refused(Refusal::Deadlock(_))
                | JoinErrorKind::CutShort(Refusal::Deadlock(_))
        )
    }

    /// The waits that depend on each other, if [`is_deadlock`](Self::is_deadlock). `None` for a task that joined itself
    /// or a task that waits for it at the end of its scope.
    pub fn deadlock(&self) -> Option<&Deadlock> {
        match &self.0.kind {
            JoinErrorKind::Refused(Refusal::Deadlock(deadlock))
            | JoinErrorKind::CutShort(Refusal::Deadlock(deadlock)) => Some(deadlock),
            _ => None,
        }
    }

    /// The reason for which the operating system refused a thread for the task.
    pub fn io_error(&self) -> Option<&io::Error> {
        match &self.0.kind {
            JoinErrorKind::NotStarted(error) => Some(error),
            _ => None,
        }
    }

    /// Continues the task's panic with its own payload, or panics with this error's message.
    ///
    /// # Panics
    /// Always.
    pub fn resume(self) -> !
    where
        E: fmt::Display,
    {
        match self.into_panic() {
            Ok(payload) => resume(payload),
            Err(other) => panic!("{other}"),
        }
    }
}

impl<E> From<E> for JoinError<E> {
    /// Converts the body's own error.
    fn from(error: E) -> Self {
        let kind = JoinErrorKind::Failed(error);
        Self(Box::new(JoinErrorDetails {
            task: None,
            kind,
            order: u64::MAX,
            after_cancel: false,
        }))
    }
}

impl<E: fmt::Display> fmt::Display for JoinError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let task: &dyn fmt::Display = match &self.0.task {
            Some(label) => label,
            None => &"the scope's body",
        };
        match &self.0.kind {
            JoinErrorKind::Failed(error) => write!(f, "{task} failed: {error}"),
            JoinErrorKind::Panicked { message, .. } => write!(f, "{task} panicked: {message}"),
            JoinErrorKind::Cancelled(cancelled) => write!(f, "{task} was {cancelled}"),
            JoinErrorKind::NotStarted(error) => write!(
                f,
                "{task} could not start: the system refused a thread ({error}); \
                 start fewer at a time (max_threads) or raise the limit"
            ),
            JoinErrorKind::Interrupted(cancelled) => {
                write!(
                    f,
                    "the join of {task} was interrupted: its caller was {cancelled}"
                )
            }
            JoinErrorKind::TimedOut { age, doing } if doing == NOT_STARTED => {
                let seconds = age.as_secs_f64();
                write!(f, "{task} {NOT_STARTED} after {seconds:.1} s")
            }
            JoinErrorKind::TimedOut { age, doing } => {
                let seconds = age.as_secs_f64();
                write!(f, "{task} still running after {seconds:.1} s, {doing}")
            }
            JoinErrorKind::SelfJoin => {
                write!(f, "deadlock: {task} joins itself; let another task join it")
            }
            JoinErrorKind::AncestorJoin => write!(
                f,
                "deadlock: a task joins {task}, which waits for that task at the end of its scope; \
                 join it from outside that scope"
            ),
            JoinErrorKind::CutShort(refusal) => write!(f, "{task} was cut short: {refusal}"),
            JoinErrorKind::Refused(Refusal::Deadlock(deadlock)) => write!(f, "{deadlock}"),
            JoinErrorKind::Refused(Refusal::Starved) => {
                write!(f, "the join of {task} was refused: {}", Refusal::Starved)
            }
            JoinErrorKind::NeverReady => {
                write!(f, "{task} returned before it reported that it was ready")
            }
            JoinErrorKind::AlreadyJoined => {
                write!(
                    f,
                    "{task} was already joined; its result can be taken only once"
                )
            }
        }
    }
}

/// A message, with its middle left out if it is long, and without escapes. If each task of a chain unwraps the join of
/// the next, each message contains the one before, and escaping would double its length with every task.
struct Brief<'a>(&'a str);

impl fmt::Display for Brief<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const END: usize = 300;
        let Self(message) = self;
        let Some(left_out) = message.len().checked_sub(2 * END) else {
            return write!(f, "{message}");
        };
        let is_boundary = |at: &usize| message.is_char_boundary(*at);
        let first = (0..=END).rev().find(is_boundary).unwrap_or(0);
        let last = (END + left_out..message.len()).find(is_boundary);
        let last = last.unwrap_or(message.len());
        write!(f, "{} […] {}", &message[..first], &message[last..])
    }
}

impl<E: fmt::Debug> fmt::Debug for JoinError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut s = f.debug_struct("JoinError");
        s.field("task", &self.0.task);
        match &self.0.kind {
            JoinErrorKind::Failed(error) => s.field("error", error),
            JoinErrorKind::Panicked { message, .. } => {
                s.field("panic", &format_args!("{}", Brief(message)))
            }
            JoinErrorKind::Cancelled(cancelled) => s.field("cancelled", cancelled),
            JoinErrorKind::NotStarted(error) => s.field("not_started", error),
            JoinErrorKind::Interrupted(cancelled) => s.field("interrupted", cancelled),
            JoinErrorKind::TimedOut { age, doing } => s.field("timeout", &(age, doing)),
            JoinErrorKind::SelfJoin => s.field("refused", &"self join"),
            JoinErrorKind::AncestorJoin => s.field("refused", &"ancestor join"),
            JoinErrorKind::AlreadyJoined => s.field("refused", &"already joined"),
            JoinErrorKind::NeverReady => s.field("refused", &"never ready"),
            JoinErrorKind::CutShort(refusal) => s.field("cut_short", refusal),
            JoinErrorKind::Refused(refusal) => s.field("refused", refusal),
        };
        s.finish()
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for JoinError<E> {}

impl JoinError {
    /// Converts the error of a task that cannot return an error into that of one that can.
    pub(crate) fn into_other<E>(self) -> JoinError<E> {
        self.map_error(|never| match never {})
    }
}
