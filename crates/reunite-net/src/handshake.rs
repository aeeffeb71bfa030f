//! The progress of a TLS handshake.

/// How far a handshake has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "tls"), allow(dead_code))]
pub(crate) enum Shake {
    Done,
    /// It waits for the client, or for room.
    Read,
    Write,
    /// The client does not speak TLS.
    Plain,
}
