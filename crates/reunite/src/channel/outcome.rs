//! What comes of putting a message in, and of taking one out.

/// What a receiver finds.
pub(super) enum Found<T> {
    Message(T),
    Nothing,
    /// Nothing, and there never will be.
    Closed,
}

/// A message that there is no room for.
pub(super) enum Unsent<T> {
    Full(T),
    Closed(T),
}
