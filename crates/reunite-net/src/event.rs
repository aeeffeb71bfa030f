//! What a server tells about itself.

use std::fmt;
use std::io;

use crate::Peer;

/// Something that happened beside the answers.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A handler panicked: its connection has ended, and nothing else.
    Panicked {
        /// Whom it served.
        peer: Peer,
        /// What it said.
        message: &'a str,
    },
    /// A handler returned an error.
    Failed {
        /// Whom it served.
        peer: Peer,
        /// Its error.
        error: &'a (dyn std::error::Error + Send + Sync),
    },
    /// A client was sent away.
    Refused {
        /// Whom.
        peer: Peer,
        /// Why.
        why: Why,
    },
    /// A client could not be accepted; the server goes on.
    AcceptFailed {
        /// The system's reason.
        error: &'a io::Error,
    },
    /// The system refused a thread; that client was closed.
    NoThread {
        /// Whom.
        peer: Peer,
        /// The system's reason.
        error: &'a io::Error,
    },
}

/// Why a client was sent away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// There are as many as the server takes.
    TooMany,
    /// There are as many from its address as the server takes.
    TooManyFromThere,
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked { peer, message } => {
                write!(f, "the handler of {peer} panicked: {message}")
            }
            Self::Failed { peer, error } => write!(f, "{peer}: {error}"),
            Self::Refused { peer, why } => write!(f, "{peer} was refused: {why}"),
            Self::AcceptFailed { error } => write!(
                f,
                "a client could not be accepted ({error}); trying again when there may be room"
            ),
            Self::NoThread { peer, error } => write!(
                f,
                "{peer} was closed, the system refusing a thread ({error}); lower the limit on \
                 connections or raise the system's"
            ),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooMany => "there are as many connections as there may be",
            Self::TooManyFromThere => {
                "there are as many connections from its address as there may be"
            }
        })
    }
}

/// What a server did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Served {
    /// Connections that were handled.
    pub connections: u64,
    /// Of those, ones whose handler panicked.
    pub panicked: u64,
    /// Of those, ones whose handler returned an error.
    pub failed: u64,
    /// Clients that were sent away.
    pub refused: u64,
}
