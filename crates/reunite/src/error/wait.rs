//! The error of a wait for something other than a task.

use std::fmt;

use super::{Cancelled, CutShort, Deadlock, Refusal};
use crate::primitive::Duration;

/// The error of a call that may block: the time ran out, the current task was cancelled, the wait could never have
/// succeeded, or a `try_` call would have had to wait. The operation did not happen.
#[derive(Clone, Debug)]
pub struct WaitError(WaitErrorKind);

#[derive(Clone, Debug)]
enum WaitErrorKind {
    TimedOut(Duration),
    Cancelled(Cancelled),
    Impossible(String),
    Refused(Refusal),
    Poisoned,
    /// A `try_` call would have had to wait.
    Busy,
}

impl WaitError {
    pub(crate) fn timed_out(waited: Duration) -> Self {
        Self(WaitErrorKind::TimedOut(waited))
    }

    pub(crate) fn cancelled(cancelled: Cancelled) -> Self {
        Self(WaitErrorKind::Cancelled(cancelled))
    }

    pub(crate) fn impossible(why: String) -> Self {
        Self(WaitErrorKind::Impossible(why))
    }

    pub(crate) fn refused(refusal: Refusal) -> Self {
        Self(WaitErrorKind::Refused(refusal))
    }

    pub(crate) fn of_cut_short(why: CutShort) -> Self {
        match why {
            CutShort::Cancelled(cancelled) => Self::cancelled(cancelled),
            CutShort::Refused(refusal) => Self::refused(refusal),
        }
    }

    pub(crate) fn poisoned() -> Self {
        Self(WaitErrorKind::Poisoned)
    }

    pub(crate) fn busy() -> Self {
        Self(WaitErrorKind::Busy)
    }

    /// Returns the reason why a result that needed this wait is partial: a cancellation or a refusal. `None` for any
    /// other error.
    pub(crate) fn cut_short(&self) -> Option<CutShort> {
        match &self.0 {
            WaitErrorKind::Cancelled(cancelled) => Some(CutShort::Cancelled(cancelled.clone())),
            WaitErrorKind::Refused(refusal) => Some(CutShort::Refused(refusal.clone())),
            WaitErrorKind::TimedOut(_)
            | WaitErrorKind::Impossible(_)
            | WaitErrorKind::Poisoned
            | WaitErrorKind::Busy => None,
        }
    }

    /// Returns true if the wait was refused because it would have blocked the last thread that its pool may have.
    pub fn is_starved(&self) -> bool {
        matches!(self.0, WaitErrorKind::Refused(Refusal::Starved))
    }

    /// Returns true if the wait was refused because it would never have ended: it and other waits depend on each other.
    pub fn is_deadlock(&self) -> bool {
        self.deadlock().is_some()
    }

    /// The waits that depend on each other, if [`is_deadlock`](Self::is_deadlock).
    pub fn deadlock(&self) -> Option<&Deadlock> {
        match &self.0 {
            WaitErrorKind::Refused(Refusal::Deadlock(deadlock)) => Some(deadlock),
            _ => None,
        }
    }

    /// Returns true if the lock is poisoned: a task panicked while holding it, so the data may be half-updated. See
    /// `clear_poison` of the lock.
    pub fn is_poisoned(&self) -> bool {
        matches!(self.0, WaitErrorKind::Poisoned)
    }

    /// Returns true if a `try_` call would have had to wait: the lock or the permits are taken, or others wait in
    /// front.
    ///
    /// ```
    /// let mutex = reunite::sync::Mutex::new(1);
    /// let guard = mutex.lock().unwrap();
    /// assert!(mutex.try_lock().unwrap_err().is_busy());
    /// drop(guard);
    /// assert_eq!(*mutex.try_lock().unwrap(), 1);
    /// ```
    pub fn is_busy(&self) -> bool {
        matches!(self.0, WaitErrorKind::Busy)
    }

    /// Returns true if the time to wait ran out.
    pub fn is_timeout(&self) -> bool {
        matches!(self.0, WaitErrorKind::TimedOut(_))
    }

    /// Returns true if the current task was cancelled.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.0, WaitErrorKind::Cancelled(_))
    }

    /// Returns true if the call was refused at once because it could never succeed, such as a request for more permits
    /// than a semaphore has. A wait that was refused as a deadlock is an [`is_deadlock`](Self::is_deadlock) only.
    ///
    /// ```
    /// let seats = reunite::sync::Semaphore::new(2);
    /// assert!(seats.acquire_many(3).unwrap_err().is_refused());
    /// ```
    pub fn is_refused(&self) -> bool {
        matches!(self.0, WaitErrorKind::Impossible(_))
    }

    /// The cancellation of the current task, with its reason and its source.
    pub fn as_cancelled(&self) -> Option<&Cancelled> {
        match &self.0 {
            WaitErrorKind::Cancelled(cancelled) => Some(cancelled),
            _ => None,
        }
    }
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            WaitErrorKind::TimedOut(waited) => write!(f, "timed out after {:.1} s", waited.as_secs_f64()),
            WaitErrorKind::Cancelled(cancelled) => write!(f, "{cancelled}"),
            WaitErrorKind::Impossible(why) => f.write_str(why),
            WaitErrorKind::Refused(refusal) => write!(f, "{refusal}"),
            WaitErrorKind::Busy => f.write_str("taken or queued for by others; a call without `try_` waits"),
            WaitErrorKind::Poisoned => f.write_str(
                "the lock is poisoned: a task panicked while holding it, so the data may be half-updated \
                 (clear_poison makes it usable again)",
            ),
        }
    }
}

impl std::error::Error for WaitError {}
