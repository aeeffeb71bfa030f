//! What a join can return instead of the value.

use std::any::Any;
use std::convert::Infallible;
use std::fmt;
use std::io;

use super::{Cancelled, CutShort, Deadlock, Refusal, resume};
use crate::id::Label;
use crate::primitive::{Duration, Mutex};

/// Why a join has no value to give.
///
/// | predicate | meaning | the task |
/// |---|---|---|
/// | [`is_error`](Self::is_error) | it returned an error of its own (`E`) | completed |
/// | [`is_panic`](Self::is_panic) | it panicked; the payload is kept | completed |
/// | [`is_cancelled`](Self::is_cancelled) | it, or the caller of the join, was cancelled | see [`is_interrupted`](Self::is_interrupted) |
/// | [`is_deadlock`](Self::is_deadlock) | it, or the join, would have waited for ever | see the message |
/// | [`is_timeout`](Self::is_timeout) | it is still running | goes on; join again |
/// | [`is_refused`](Self::is_refused) | it could not start, or the join could never end | see the message |
///
/// `E` is the error type of the tasks of a [`try_scope`](crate::try_scope); elsewhere it is
/// [`Infallible`]. Any `E` converts into a `JoinError<E>`, so `?` in the body of a `try_scope` takes both
/// the errors of joins and the body's own.
pub struct JoinError<E = Infallible>(Box<Inner<E>>);

/// What a task is doing that nobody has begun to run.
pub(crate) const NOT_STARTED: &str = "not started yet";

struct Inner<E> {
    task: Option<Label>,
    kind: JoinErrorKind<E>,
    /// Of a completed task: its place in the order in which its scope's tasks failed.
    order: u64,
    /// Of a completed task: whether it had been told of a cancellation before it failed.
    after_cancel: bool,
}

pub(crate) enum JoinErrorKind<E> {
    Failed(E),
    Panicked {
        message: String,
        payload: Mutex<Box<dyn Any + Send>>,
    },
    Cancelled(Cancelled),
    /// One of its waits was refused, and it had nobody to return that to.
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
    /// A service returned before it said that it was ready.
    NeverReady,
}

/// How a task completed, if not with a value: what a packet or a group holds until somebody takes it.
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

    /// How a task completes that was cut short.
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
        Self(Box::new(Inner {
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
        Self(Box::new(Inner {
            task: Some(task),
            kind: failure,
            order,
            after_cancel,
        }))
    }

    /// Whether this tells how a task completed, as opposed to how a join went wrong.
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

    /// The error that a scope's body returned: the body's own, or one it had from a join.
    pub(crate) fn of_body(mut self, order: u64, after_cancel: bool) -> Self {
        if self.0.task.is_none() || !self.is_completion() {
            self.0.order = order;
            self.0.after_cancel = after_cancel;
        }
        self
    }

    /// How a scope's body ended that was left.
    pub(crate) fn of_left_body(why: CutShort, order: u64, after_cancel: bool) -> Self {
        Self(Box::new(Inner {
            task: None,
            kind: JoinErrorKind::cut_short(why),
            order,
            after_cancel,
        }))
    }

    /// Place among the root-cause candidates of a scope, least first.
    pub(crate) fn rank(&self) -> (bool, u64) {
        (self.is_cancelled() || self.0.after_cancel, self.0.order)
    }

    /// The task the join was for; `None` if this is the error of a scope's body.
    pub fn task(&self) -> Option<&Label> {
        self.0.task.as_ref()
    }

    /// Of an item of a map: its place in the order of the items, counted from 0. `None` if this is the error of
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

    /// Whether the task (or the scope's body) returned an error of its own.
    pub fn is_error(&self) -> bool {
        matches!(self.0.kind, JoinErrorKind::Failed(_))
    }

    /// Whether the task panicked.
    pub fn is_panic(&self) -> bool {
        matches!(self.0.kind, JoinErrorKind::Panicked { .. })
    }

    /// Whether the task completed cancelled, or the caller of the join was cancelled while it waited.
    pub fn is_cancelled(&self) -> bool {
        matches!(
            self.0.kind,
            JoinErrorKind::Cancelled(_) | JoinErrorKind::Interrupted(_)
        )
    }

    /// Why and by whom the task, or the caller of the join, was cancelled.
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

    /// Whether it was the caller of the join that was cancelled: how the task completes is then not
    /// known yet.
    pub fn is_interrupted(&self) -> bool {
        matches!(self.0.kind, JoinErrorKind::Interrupted(_))
    }

    /// Whether the time to wait ran out. The task goes on and the handle stays usable.
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, JoinErrorKind::TimedOut { .. })
    }

    /// Whether the operating system refused a thread for the task ([`io_error`](Self::io_error) says
    /// why), or the join was refused at once because it could never end: a task joining itself or a
    /// task that waits for it, a second join, or waiting for a service that ended before it was ready.
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

    /// Whether the task failed after it had been told that it is cancelled: most likely a consequence.
    pub fn is_after_cancel(&self) -> bool {
        self.0.after_cancel
    }

    /// The task's own error.
    pub fn error(&self) -> Option<&E> {
        match &self.0.kind {
            JoinErrorKind::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// Takes the task's own error out.
    ///
    /// # Errors
    /// Gives `self` back if this is something else.
    pub fn into_error(self) -> Result<E, Self> {
        match self.0.kind {
            JoinErrorKind::Failed(error) => Ok(error),
            kind => Err(Self(Box::new(Inner { kind, ..*self.0 }))),
        }
    }

    /// The same with another error of the task, for a scope whose tasks fail with that: made by `convert`, if this is an
    /// error of the task's own.
    ///
    /// ```
    /// // A task outside the scope has no error of its own.
    /// let outside = reunite::spawn(|| 2);
    /// let sum = reunite::try_scope(|s| {
    ///     let inside = s.spawn(|| "x1".parse::<u32>());
    ///     Ok(inside.join()? + outside.join().map_err(|error| error.map_error(|never| match never {}))?)
    /// });
    /// // And one of another scope fails with another.
    /// let error = reunite::try_scope(|_| sum.map_err(|error| error.into_failures().remove(0).map_error(|e| e.to_string())));
    /// assert_eq!(error.unwrap_err().into_error().unwrap(), "invalid digit found in string");
    /// ```
    pub fn map_error<F>(self, convert: impl FnOnce(E) -> F) -> JoinError<F> {
        use JoinErrorKind as Kind;
        let Inner {
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
        JoinError(Box::new(Inner {
            task,
            kind,
            order,
            after_cancel,
        }))
    }

    /// The text of the panic.
    pub fn panic_message(&self) -> Option<&str> {
        match &self.0.kind {
            JoinErrorKind::Panicked { message, .. } => Some(message),
            _ => None,
        }
    }

    /// Takes the panic's payload out: the very value the task panicked with.
    ///
    /// # Errors
    /// Gives `self` back if this is something else.
    pub fn into_panic(self) -> Result<Box<dyn Any + Send>, Self> {
        match self.0.kind {
            JoinErrorKind::Panicked { payload, .. } => Ok(payload.into_inner()),
            kind => Err(Self(Box::new(Inner { kind, ..*self.0 }))),
        }
    }

    /// Why and by whom the task, or the caller of the join, was cancelled.
    pub fn cancelled(&self) -> Option<&Cancelled> {
        match &self.0.kind {
            JoinErrorKind::Cancelled(cancelled) | JoinErrorKind::Interrupted(cancelled) => {
                Some(cancelled)
            }
            _ => None,
        }
    }

    /// Of a timeout: how long the task had existed.
    pub fn age(&self) -> Option<Duration> {
        match &self.0.kind {
            JoinErrorKind::TimedOut { age, .. } => Some(*age),
            _ => None,
        }
    }

    /// Of a timeout: what the task was doing, such as `running` or ``in sleep for 2.0 s (src/main.rs:7)``.
    pub fn doing(&self) -> Option<&str> {
        match &self.0.kind {
            JoinErrorKind::TimedOut { doing, .. } => Some(doing),
            _ => None,
        }
    }

    /// Whether the join would have blocked the last thread that the caller's pool may have, while work is
    /// queued there; or the task left one of its waits because of that.
    pub fn is_starved(&self) -> bool {
        matches!(
            self.0.kind,
            JoinErrorKind::Refused(Refusal::Starved) | JoinErrorKind::CutShort(Refusal::Starved)
        )
    }

    /// Whether the join would never have ended: the task waits, directly or through others, for the joiner. Or the
    /// task left one of its waits that would never have ended, where it had nobody to return that to.
    pub fn is_deadlock(&self) -> bool {
        matches!(
            self.0.kind,
            JoinErrorKind::SelfJoin
                | JoinErrorKind::AncestorJoin
                | JoinErrorKind::Refused(Refusal::Deadlock(_))
                | JoinErrorKind::CutShort(Refusal::Deadlock(_))
        )
    }

    /// Who waits for whom, unless it is a task that joins itself or one that waits for it anyway.
    pub fn deadlock(&self) -> Option<&Deadlock> {
        match &self.0.kind {
            JoinErrorKind::Refused(Refusal::Deadlock(deadlock))
            | JoinErrorKind::CutShort(Refusal::Deadlock(deadlock)) => Some(deadlock),
            _ => None,
        }
    }

    /// Why the operating system refused a thread.
    pub fn io_error(&self) -> Option<&io::Error> {
        match &self.0.kind {
            JoinErrorKind::NotStarted(error) => Some(error),
            _ => None,
        }
    }

    /// Goes on panicking with the task's own payload, or panics with this error's message.
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
    /// The body's own error.
    fn from(error: E) -> Self {
        let kind = JoinErrorKind::Failed(error);
        Self(Box::new(Inner {
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
                    "the join of {task} was interrupted, its caller being {cancelled}"
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
                 join it from outside"
            ),
            JoinErrorKind::CutShort(refusal) => write!(f, "{task} was cut short: {refusal}"),
            JoinErrorKind::Refused(Refusal::Deadlock(deadlock)) => write!(f, "{deadlock}"),
            JoinErrorKind::Refused(Refusal::Starved) => {
                write!(f, "the join of {task} was refused: {}", Refusal::Starved)
            }
            JoinErrorKind::NeverReady => {
                write!(f, "{task} returned before it said that it was ready")
            }
            JoinErrorKind::AlreadyJoined => {
                write!(
                    f,
                    "{task} was joined before; its result can be taken only once"
                )
            }
        }
    }
}

/// A message without its middle, if it is long, and as it is: where each task unwraps the join of another, the
/// message of one is inside that of the next, and to escape it would double it with every task.
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
    /// The same for tasks that could have failed otherwise, but did not.
    pub(crate) fn into_other<E>(self) -> JoinError<E> {
        self.map_error(|never| match never {})
    }
}
