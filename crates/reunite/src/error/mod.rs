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
mod payload;
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
pub(crate) use cut_short::{CutShort, Refusal};
pub(crate) use join::{Failure, JoinErrorKind, NOT_STARTED};
pub(crate) use payload::resume;
