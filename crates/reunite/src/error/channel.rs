//! The errors of sending and receiving.

use std::fmt;

use super::{Cancelled, CutShort, Deadlock, Refusal, WaitError};
use crate::primitive::Duration;

/// The error of a receive: no message was received.
#[derive(Clone, Debug)]
pub struct RecvError(ChannelErrorKind);

/// The error of a send. It contains the message that was not sent: see [`into_message`](Self::into_message).
#[derive(Clone)]
pub struct SendError<T> {
    message: T,
    kind: ChannelErrorKind,
}

#[derive(Clone, Debug)]
enum ChannelErrorKind {
    Closed,
    /// A `try_` call would have had to wait: the channel is full (send) or empty (receive).
    NotNow,
    Wait(WaitError),
    /// The channel was closed because a task that was cut short dropped its end of the channel.
    CutShort(CutShort),
}

impl RecvError {
    pub(crate) fn closed() -> Self {
        Self(ChannelErrorKind::Closed)
    }

    pub(crate) fn empty() -> Self {
        Self(ChannelErrorKind::NotNow)
    }

    pub(crate) fn cut_off(why: CutShort) -> Self {
        Self(ChannelErrorKind::CutShort(why))
    }

    /// Returns the reason why a result that needs all messages is partial; `None` if all messages came, or may yet
    /// come.
    pub(crate) fn cut_short(&self) -> Option<CutShort> {
        match &self.0 {
            ChannelErrorKind::CutShort(why) => Some(why.clone()),
            ChannelErrorKind::Wait(error) => error.cut_short(),
            ChannelErrorKind::Closed | ChannelErrorKind::NotNow => None,
        }
    }

    pub(crate) fn timed_out(waited: Duration) -> Self {
        Self(ChannelErrorKind::Wait(WaitError::timed_out(waited)))
    }

    pub(crate) fn cancelled(cancelled: Cancelled) -> Self {
        Self(ChannelErrorKind::Wait(WaitError::cancelled(cancelled)))
    }

    pub(crate) fn refused(refusal: Refusal) -> Self {
        Self(ChannelErrorKind::Wait(WaitError::refused(refusal)))
    }

    pub(crate) fn of_cut_short(why: CutShort) -> Self {
        Self(ChannelErrorKind::Wait(WaitError::of_cut_short(why)))
    }

    /// Returns true if the channel is closed and empty and every sender finished sending: there are no more messages.
    pub fn is_closed(&self) -> bool {
        matches!(self.0, ChannelErrorKind::Closed)
    }

    /// Returns true if the channel is closed and empty because a task dropped a sender before the task was done: a wait
    /// or checkpoint of the task had returned a cancellation, one of its waits had been refused, or it panicked. Some
    /// messages may not have been sent.
    ///
    /// ```
    /// let (tx, rx) = reunite::channel::bounded(4);
    /// let producer = reunite::spawn(move || {
    ///     tx.send(1).unwrap();
    ///     reunite::sleep(std::time::Duration::from_secs(3600)).unwrap_err(); // `2` was to be sent after this
    /// });
    /// assert_eq!(rx.recv().unwrap(), 1);
    /// producer.cancel();
    /// let end = rx.recv().unwrap_err();
    /// assert!(end.is_cut_short() && !end.is_closed());
    /// ```
    pub fn is_cut_short(&self) -> bool {
        matches!(self.0, ChannelErrorKind::CutShort(_))
    }

    /// Returns true if a `try_recv` found the channel empty (and not closed).
    pub fn is_empty(&self) -> bool {
        matches!(self.0, ChannelErrorKind::NotNow)
    }

    /// Returns true if the time to wait ran out.
    pub fn is_timeout(&self) -> bool {
        matches!(&self.0, ChannelErrorKind::Wait(error) if error.is_timeout())
    }

    /// Returns true if the current task was cancelled.
    pub fn is_cancelled(&self) -> bool {
        matches!(&self.0, ChannelErrorKind::Wait(error) if error.is_cancelled())
    }

    /// Returns true if the wait was refused because it would have blocked the last thread that its pool may have.
    pub fn is_starved(&self) -> bool {
        matches!(&self.0, ChannelErrorKind::Wait(error) if error.is_starved())
    }

    /// Returns true if the wait was refused because it would never have ended: no thread is left that could send.
    pub fn is_deadlock(&self) -> bool {
        self.deadlock().is_some()
    }

    /// The waits that depend on each other, if [`is_deadlock`](Self::is_deadlock).
    pub fn deadlock(&self) -> Option<&Deadlock> {
        match &self.0 {
            ChannelErrorKind::Wait(error) => error.deadlock(),
            _ => None,
        }
    }
}

impl<T> SendError<T> {
    pub(crate) fn closed(message: T) -> Self {
        Self {
            message,
            kind: ChannelErrorKind::Closed,
        }
    }

    pub(crate) fn cut_off(message: T, why: CutShort) -> Self {
        Self {
            message,
            kind: ChannelErrorKind::CutShort(why),
        }
    }

    pub(crate) fn full(message: T) -> Self {
        Self {
            message,
            kind: ChannelErrorKind::NotNow,
        }
    }

    pub(crate) fn timed_out(message: T, waited: Duration) -> Self {
        Self {
            message,
            kind: ChannelErrorKind::Wait(WaitError::timed_out(waited)),
        }
    }

    pub(crate) fn cancelled(message: T, cancelled: Cancelled) -> Self {
        Self {
            message,
            kind: ChannelErrorKind::Wait(WaitError::cancelled(cancelled)),
        }
    }

    pub(crate) fn refused(message: T, refusal: Refusal) -> Self {
        Self {
            message,
            kind: ChannelErrorKind::Wait(WaitError::refused(refusal)),
        }
    }

    pub(crate) fn of_cut_short(message: T, why: CutShort) -> Self {
        Self {
            message,
            kind: ChannelErrorKind::Wait(WaitError::of_cut_short(why)),
        }
    }

    /// Returns the message that was not sent.
    pub fn into_message(self) -> T {
        self.message
    }

    /// Returns true if the channel is closed, also if it was cut short.
    pub fn is_closed(&self) -> bool {
        matches!(
            self.kind,
            ChannelErrorKind::Closed | ChannelErrorKind::CutShort(_)
        )
    }

    /// Returns true if the channel is closed because a task dropped a receiver before the task was done: a wait or
    /// checkpoint of the task had returned a cancellation, one of its waits had been refused, or it panicked.
    pub fn is_cut_short(&self) -> bool {
        matches!(self.kind, ChannelErrorKind::CutShort(_))
    }

    /// Returns true if a `try_send` found the channel full.
    pub fn is_full(&self) -> bool {
        matches!(self.kind, ChannelErrorKind::NotNow)
    }

    /// Returns true if the time to wait ran out.
    pub fn is_timeout(&self) -> bool {
        matches!(&self.kind, ChannelErrorKind::Wait(error) if error.is_timeout())
    }

    /// Returns true if the current task was cancelled.
    pub fn is_cancelled(&self) -> bool {
        matches!(&self.kind, ChannelErrorKind::Wait(error) if error.is_cancelled())
    }

    /// Returns true if the wait was refused because it would have blocked the last thread that its pool may have.
    pub fn is_starved(&self) -> bool {
        matches!(&self.kind, ChannelErrorKind::Wait(error) if error.is_starved())
    }

    /// Returns true if the wait was refused because it would never have ended: no thread is left that could receive.
    pub fn is_deadlock(&self) -> bool {
        self.deadlock().is_some()
    }

    /// The waits that depend on each other, if [`is_deadlock`](Self::is_deadlock).
    pub fn deadlock(&self) -> Option<&Deadlock> {
        match &self.kind {
            ChannelErrorKind::Wait(error) => error.deadlock(),
            _ => None,
        }
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            ChannelErrorKind::Closed => f.write_str("the channel is closed and empty"),
            ChannelErrorKind::NotNow => f.write_str("the channel is empty"),
            ChannelErrorKind::Wait(error) => write!(f, "no message was received: {error}"),
            ChannelErrorKind::CutShort(why) => write!(
                f,
                "the channel is closed and empty, but not all messages were sent: a task dropped a sender when it \
                 was cut short ({why})"
            ),
        }
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ChannelErrorKind::Closed => {
                f.write_str("the message was not sent: the channel is closed")
            }
            ChannelErrorKind::NotNow => {
                f.write_str("the message was not sent: the channel is full")
            }
            ChannelErrorKind::Wait(error) => write!(f, "the message was not sent: {error}"),
            ChannelErrorKind::CutShort(why) => write!(
                f,
                "the message was not sent: the channel is closed because a task dropped a receiver when it was \
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
