//! Why a message was not sent, or none was received.

use std::fmt;

use super::{Cancelled, CutShort, Deadlock, Refusal, WaitError};
use crate::primitive::Duration;

/// No message was received.
#[derive(Clone, Debug)]
pub struct RecvError(Kind);

/// A message was not sent. It is in here: see [`into_message`](Self::into_message).
#[derive(Clone)]
pub struct SendError<T> {
    message: T,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Closed,
    /// Of a `try_`: full, or empty.
    NotNow,
    Wait(WaitError),
    /// Closed by ends that were dropped by somebody who was cut short.
    CutShort(CutShort),
}

impl RecvError {
    pub(crate) fn closed() -> Self {
        Self(Kind::Closed)
    }

    pub(crate) fn empty() -> Self {
        Self(Kind::NotNow)
    }

    pub(crate) fn cut_off(why: CutShort) -> Self {
        Self(Kind::CutShort(why))
    }

    /// What it makes of a result that needs all messages; `None` if they came, or may yet come.
    pub(crate) fn cut_short(&self) -> Option<CutShort> {
        match &self.0 {
            Kind::CutShort(why) => Some(why.clone()),
            Kind::Wait(error) => error.cut_short(),
            Kind::Closed | Kind::NotNow => None,
        }
    }

    pub(crate) fn timed_out(waited: Duration) -> Self {
        Self(Kind::Wait(WaitError::timed_out(waited)))
    }

    pub(crate) fn cancelled(cancelled: Cancelled) -> Self {
        Self(Kind::Wait(WaitError::cancelled(cancelled)))
    }

    pub(crate) fn refused(refusal: Refusal) -> Self {
        Self(Kind::Wait(WaitError::refused(refusal)))
    }

    /// Whether the channel is closed and empty, and all that was to be sent was: there are no more messages.
    pub fn is_closed(&self) -> bool {
        matches!(self.0, Kind::Closed)
    }

    /// Whether the channel is closed and empty because a sender was dropped before its task was done: by a task
    /// that had been told of a cancellation, of which a wait had been refused, or that panicked. What was received
    /// may be a part only.
    ///
    /// ```
    /// let (tx, rx) = reunite::channel::bounded(4);
    /// let producer = reunite::spawn(move || {
    ///     tx.send(1).unwrap();
    ///     reunite::sleep(std::time::Duration::from_secs(3600)).unwrap_err(); // there would have been a 2
    /// });
    /// assert_eq!(rx.recv().unwrap(), 1);
    /// producer.cancel();
    /// let end = rx.recv().unwrap_err();
    /// assert!(end.is_cut_short() && !end.is_closed());
    /// ```
    pub fn is_cut_short(&self) -> bool {
        matches!(self.0, Kind::CutShort(_))
    }

    /// Of a `try_recv`: whether the channel held no message.
    pub fn is_empty(&self) -> bool {
        matches!(self.0, Kind::NotNow)
    }

    /// Whether the time ran out.
    pub fn is_timeout(&self) -> bool {
        matches!(&self.0, Kind::Wait(error) if error.is_timeout())
    }

    /// Whether the current task was cancelled.
    pub fn is_cancelled(&self) -> bool {
        matches!(&self.0, Kind::Wait(error) if error.is_cancelled())
    }

    /// Whether the wait would have blocked the last thread that its pool may have.
    pub fn is_starved(&self) -> bool {
        matches!(&self.0, Kind::Wait(error) if error.is_starved())
    }

    /// Whether the wait would never have ended, as nobody is left who could send.
    pub fn is_deadlock(&self) -> bool {
        self.deadlock().is_some()
    }

    /// Who waits for whom.
    pub fn deadlock(&self) -> Option<&Deadlock> {
        match &self.0 {
            Kind::Wait(error) => error.deadlock(),
            _ => None,
        }
    }
}

impl<T> SendError<T> {
    pub(crate) fn closed(message: T) -> Self {
        Self {
            message,
            kind: Kind::Closed,
        }
    }

    pub(crate) fn cut_off(message: T, why: CutShort) -> Self {
        Self {
            message,
            kind: Kind::CutShort(why),
        }
    }

    pub(crate) fn full(message: T) -> Self {
        Self {
            message,
            kind: Kind::NotNow,
        }
    }

    pub(crate) fn timed_out(message: T, waited: Duration) -> Self {
        Self {
            message,
            kind: Kind::Wait(WaitError::timed_out(waited)),
        }
    }

    pub(crate) fn cancelled(message: T, cancelled: Cancelled) -> Self {
        Self {
            message,
            kind: Kind::Wait(WaitError::cancelled(cancelled)),
        }
    }

    pub(crate) fn refused(message: T, refusal: Refusal) -> Self {
        Self {
            message,
            kind: Kind::Wait(WaitError::refused(refusal)),
        }
    }

    /// The message that was not sent.
    pub fn into_message(self) -> T {
        self.message
    }

    /// Whether the channel is closed.
    pub fn is_closed(&self) -> bool {
        matches!(self.kind, Kind::Closed | Kind::CutShort(_))
    }

    /// Whether the channel is closed because a receiver was dropped before its task was done: by a task that had
    /// been told of a cancellation, of which a wait had been refused, or that panicked.
    pub fn is_cut_short(&self) -> bool {
        matches!(self.kind, Kind::CutShort(_))
    }

    /// Of a `try_send`: whether the channel was full.
    pub fn is_full(&self) -> bool {
        matches!(self.kind, Kind::NotNow)
    }

    /// Whether the time ran out.
    pub fn is_timeout(&self) -> bool {
        matches!(&self.kind, Kind::Wait(error) if error.is_timeout())
    }

    /// Whether the current task was cancelled.
    pub fn is_cancelled(&self) -> bool {
        matches!(&self.kind, Kind::Wait(error) if error.is_cancelled())
    }

    /// Whether the wait would have blocked the last thread that its pool may have.
    pub fn is_starved(&self) -> bool {
        matches!(&self.kind, Kind::Wait(error) if error.is_starved())
    }

    /// Whether the wait would never have ended, as nobody is left who could receive.
    pub fn is_deadlock(&self) -> bool {
        self.deadlock().is_some()
    }

    /// Who waits for whom.
    pub fn deadlock(&self) -> Option<&Deadlock> {
        match &self.kind {
            Kind::Wait(error) => error.deadlock(),
            _ => None,
        }
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Closed => f.write_str("the channel is closed and empty"),
            Kind::NotNow => f.write_str("the channel is empty"),
            Kind::Wait(error) => write!(f, "no message was received: {error}"),
            Kind::CutShort(why) => write!(
                f,
                "the channel is closed and empty before its time: a sender was dropped by a task that was cut \
                 short ({why})"
            ),
        }
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Closed => f.write_str("the message was not sent: the channel is closed"),
            Kind::NotNow => f.write_str("the message was not sent: the channel is full"),
            Kind::Wait(error) => write!(f, "the message was not sent: {error}"),
            Kind::CutShort(why) => write!(
                f,
                "the message was not sent: the channel is closed, as a receiver was dropped by a task that was \
                 cut short ({why})"
            ),
        }
    }
}

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SendError({self})")
    }
}

impl std::error::Error for RecvError {}

impl<T> std::error::Error for SendError<T> {}
