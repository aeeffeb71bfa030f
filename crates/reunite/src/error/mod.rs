//! Errors: opaque types with predicates and the facts a person needs.
//!
//! A task *completes* in one of five ways: with a value, with an error of its own, with a panic, cancelled, or
//! cut short by a refused wait. A join can also fail by itself: it timed out, its caller was cancelled, or it was
//! refused. [`JoinError`] distinguishes these; [`ScopeError`] collects the failures of a scope.

mod cancelled;
mod channel;
mod conversions;
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
