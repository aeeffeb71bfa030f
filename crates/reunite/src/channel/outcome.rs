//! The outcomes of putting a message in, and of taking one out.

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
