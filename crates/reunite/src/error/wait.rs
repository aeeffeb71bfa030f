//! The error of a wait for something other than a task.

use std::fmt;

use super::{Cancelled, CutShort, Deadlock, Refusal};
use crate::primitive::Duration;

/// The error of a call that may block: the time ran out, the current task was cancelled, the wait could never have
/// succeeded, or a `try_` call would have had to wait. The operation did not happen.
#[derive(Clone, Debug)]
pub struct WaitError(Kind);

#[derive(Clone, Debug)]
enum Kind {
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
        Self(Kind::TimedOut(waited))
    }

    pub(crate) fn cancelled(cancelled: Cancelled) -> Self {
        Self(Kind::Cancelled(cancelled))
    }

    pub(crate) fn impossible(why: String) -> Self {
        Self(Kind::Impossible(why))
    }

    pub(crate) fn refused(refusal: Refusal) -> Self {
        Self(Kind::Refused(refusal))
    }

    pub(crate) fn of_cut_short(why: CutShort) -> Self {
        match why {
            CutShort::Cancelled(cancelled) => Self::cancelled(cancelled),
            CutShort::Refused(refusal) => Self::refused(refusal),
        }
    }

    pub(crate) fn poisoned() -> Self {
        Self(Kind::Poisoned)
    }

    pub(crate) fn busy() -> Self {
        Self(Kind::Busy)
    }

    /// Returns why a result that needed this wait is partial; `None` if the wait ended for a reason of the call's own.
    pub(crate) fn cut_short(&self) -> Option<CutShort> {
        match &self.0 {
            Kind::Cancelled(cancelled) => Some(CutShort::Cancelled(cancelled.clone())),
            Kind::Refused(refusal) => Some(CutShort::Refused(refusal.clone())),
            Kind::TimedOut(_) | Kind::Impossible(_) | Kind::Poisoned | Kind::Busy => None,
        }
    }

    /// Returns true if the wait was refused because it would have blocked the last thread that its pool may have.
    pub fn is_starved(&self) -> bool {
        matches!(self.0, Kind::Refused(Refusal::Starved))
    }

    /// Returns true if the wait was refused because it would never have ended: it and other waits depend on each other.
    pub fn is_deadlock(&self) -> bool {
        self.deadlock().is_some()
    }

    /// The waits that depend on each other, if [`is_deadlock`](Self::is_deadlock).
    pub fn deadlock(&self) -> Option<&Deadlock> {
        match &self.0 {
            Kind::Refused(Refusal::Deadlock(deadlock)) => Some(deadlock),
            _ => None,
        }
    }

    /// Returns true if the lock is poisoned: a task panicked while holding it, so the data may be half-updated. See
    /// `clear_poison` of the lock.
    pub fn is_poisoned(&self) -> bool {
        matches!(self.0, Kind::Poisoned)
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
        matches!(self.0, Kind::Busy)
    }

    /// Returns true if the time to wait ran out.
    pub fn is_timeout(&self) -> bool {
        matches!(self.0, Kind::TimedOut(_))
    }

    /// Returns true if the current task was cancelled.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.0, Kind::Cancelled(_))
    }

    /// Returns true if the wait was refused because it could never succeed.
    ///
    /// ```
    /// let seats = reunite::sync::Semaphore::new(2);
    /// assert!(seats.acquire_many(3).unwrap_err().is_refused());
    /// ```
    pub fn is_refused(&self) -> bool {
        matches!(self.0, Kind::Impossible(_))
    }

    /// The cancellation of the current task, with its reason and its source.
    pub fn as_cancelled(&self) -> Option<&Cancelled> {
        match &self.0 {
            Kind::Cancelled(cancelled) => Some(cancelled),
            _ => None,
        }
    }
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::TimedOut(waited) => write!(f, "timed out after {:.1} s", waited.as_secs_f64()),
            Kind::Cancelled(cancelled) => write!(f, "{cancelled}"),
            Kind::Impossible(why) => f.write_str(why),
            Kind::Refused(refusal) => write!(f, "{refusal}"),
            Kind::Busy => f.write_str("taken or queued for by others; a call without `try_` waits"),
            Kind::Poisoned => f.write_str(
                "the lock is poisoned: a task panicked while holding it, so the data may be half-updated \
                 (clear_poison makes it usable again)",
            ),
        }
    }
}

impl std::error::Error for WaitError {}
