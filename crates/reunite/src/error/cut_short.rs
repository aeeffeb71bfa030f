//! The reasons for which a task is cut short.

use std::fmt;

use super::{Cancelled, Deadlock};

/// A reason for which a result is partial: a cancellation, or a refused wait.
#[derive(Clone, Debug)]
pub(crate) enum CutShort {
    Cancelled(Cancelled),
    Refused(Refusal),
}

impl fmt::Display for CutShort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled(cancelled) => write!(f, "{cancelled}"),
            Self::Refused(refusal) => write!(f, "{refusal}"),
        }
    }
}

/// The reason for which a wait was refused.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    /// The wait would have blocked the last thread that its pool may have, while work is queued there.
    Starved,
    /// The wait would never have ended.
    Deadlock(Deadlock),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starved => f.write_str(STARVED),
            Self::Deadlock(deadlock) => write!(f, "{deadlock}"),
        }
    }
}

/// The message for a pool whose threads would all be blocked.
const STARVED: &str = "every thread of the pool would be blocked while work is queued, and the pool may start no more; \
    allow more spare threads (PoolBuilder::spares), or do not block in the pool";
