//! The outcomes of putting a message in, and of taking one out.

use crate::wait_queue::Spot;

/// The result of a receive without waiting.
pub(super) enum TakeResult<T> {
    Message(T),
    Nothing,
    /// The channel is empty and closed: no message will ever come.
    Closed,
}

/// A message that was not put in.
pub(super) enum PutError<T> {
    Full(T),
    Closed(T),
}

impl<T> PutError<T> {
    pub(super) fn into_message(self) -> T {
        match self {
            Self::Full(message) | Self::Closed(message) => message,
        }
    }
}

/// The permission of a select to send one message.
#[must_use]
pub(super) enum Grant {
    /// There is room for the message.
    Room,
    /// A receiver was claimed at this spot.
    Taker(Spot),
    /// The channel is closed, so that the send fails at once.
    Closed,
}
