//! Why a message was not sent, or none was received.

use std::fmt;

use super::{Cancelled, Deadlock, Refusal, WaitError};
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
}

impl RecvError {
    pub(crate) fn closed() -> Self {
        Self(Kind::Closed)
    }

    pub(crate) fn empty() -> Self {
        Self(Kind::NotNow)
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

    /// Whether the channel is closed and empty: there will be no more messages.
    pub fn is_closed(&self) -> bool {
        matches!(self.0, Kind::Closed)
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
        matches!(self.kind, Kind::Closed)
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
        }
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Closed => f.write_str("the message was not sent: the channel is closed"),
            Kind::NotNow => f.write_str("the message was not sent: the channel is full"),
            Kind::Wait(error) => write!(f, "the message was not sent: {error}"),
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
