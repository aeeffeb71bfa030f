//! The events that a server reports, and what it has done.

use std::fmt;
use std::io;

use crate::Peer;

/// A failure or a refusal; see [`ServerBuilder::on_event`](crate::ServerBuilder::on_event).
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A handler panicked. Its connection has ended; the server continues.
    Panicked {
        /// The client it served.
        peer: Peer,
        /// The panic message.
        message: &'a str,
    },
    /// A handler returned an error.
    Failed {
        /// The client it served.
        peer: Peer,
        /// The error.
        error: &'a (dyn std::error::Error + Send + Sync),
    },
    /// A client was refused.
    Refused {
        /// The client.
        peer: Peer,
        /// The reason for the refusal.
        reason: RefusalReason,
    },
    /// The system failed to accept a client; the server continues.
    AcceptFailed {
        /// The system's error.
        error: &'a io::Error,
    },
    /// The system could not create a thread for a client, which was closed.
    NoThread {
        /// The client.
        peer: Peer,
        /// The system's error.
        error: &'a io::Error,
    },
}

/// The reason why a client was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalReason {
    /// [`Limits::connections`](crate::Limits::connections) was reached.
    TooMany,
    /// [`Limits::per_address`](crate::Limits::per_address) was reached.
    TooManyFromAddress,
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked { peer, message } => {
                write!(f, "the handler of {peer} panicked: {message}")
            }
            Self::Failed { peer, error } => write!(f, "{peer}: {error}"),
            Self::Refused { peer, reason } => write!(f, "{peer} was refused: {reason}"),
            Self::AcceptFailed { error } => {
                write!(f, "cannot accept a client ({error}); trying again")
            }
            Self::NoThread { peer, error } => write!(
                f,
                "the connection of {peer} was closed: the system cannot create a thread ({error}); lower the limit on \
                 connections or raise the system's limit on threads"
            ),
        }
    }
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooMany => "too many connections",
            Self::TooManyFromAddress => "too many connections from its address",
        })
    }
}

/// Counts of what a server has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Served {
    /// Connections whose handler has completed.
    pub connections: u64,
    /// Connections whose handler panicked.
    pub panicked: u64,
    /// Connections whose handler returned an error.
    pub failed: u64,
    /// Clients that were refused.
    pub refused: u64,
}
