//! Why a task could not go on to its end.

use std::fmt;

use super::{Cancelled, Deadlock};

/// What makes a result partial: a cancellation, or a wait that was refused.
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

/// Why a wait that could have gone on for ever was refused.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    /// It would have blocked the last thread that its pool may have, while work is queued there.
    Starved,
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

/// What is wrong with a pool of which every thread blocks.
const STARVED: &str = "every thread of its pool is blocked, and it may start no more while work is queued; \
    allow it more spares (PoolBuilder::spares), or do not block in the pool";
