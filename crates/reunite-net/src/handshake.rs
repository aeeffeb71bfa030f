//! The progress of a TLS handshake.

/// The next need of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "tls"), allow(dead_code))]
pub(crate) enum HandshakeStep {
    /// The handshake is complete and needs nothing.
    Done,
    /// Bytes from the client.
    Read,
    /// Room in the socket's send buffer.
    Write,
    /// The client does not speak TLS; there is no handshake.
    Plain,
}
