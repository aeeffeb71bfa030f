//! Errors: opaque, with predicates and the facts a person needs.
//!
//! A task *completes* in one of five ways: with a value, with an error of its own, by a panic, cancelled, or
//! cut short by a wait that was refused. A join can also fail for reasons of its own: it timed out, its caller was cancelled, or it
//! was refused. [`JoinError`] tells them apart; [`ScopeError`] gathers those of a scope.

mod cancelled;
mod channel;
mod cut_short;
mod deadlock;
mod fallible;
mod join;
mod scope;
mod wait;

pub use cancelled::Cancelled;
pub use channel::{RecvError, SendError};
pub use deadlock::{Deadlock, DeadlockLink};
pub use fallible::{Fallibility, Fallible};
pub use join::JoinError;
pub use scope::ScopeError;
pub use wait::WaitError;

pub(crate) use cancelled::Why;
pub(crate) use cut_short::{CutShort, resume};
pub(crate) use join::{Failure, JoinErrorKind};

/// Why a wait that could have gone on for ever was refused.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    /// It would have blocked the last thread that its pool may have, while work is queued there.
    Starved,
    Deadlock(Deadlock),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Starved => f.write_str(STARVED),
            Self::Deadlock(deadlock) => write!(f, "{deadlock}"),
        }
    }
}

/// What is wrong with a pool of which every thread blocks.
const STARVED: &str = "every thread of its pool is blocked, and it may start no more while work is queued; \
    allow it more spares (PoolBuilder::spares), or do not block in the pool";
