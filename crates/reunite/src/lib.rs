//! Structured threads: every thread you start comes back, with its result or with its error, and you can
//! see why it hasn't yet.

mod cancel;
mod context;
mod current;
mod deadline;
mod error;
mod id;
mod map;
mod observe;
mod park;

mod primitive;
mod race;
mod scope;
pub mod sync;
mod task;
mod thread;
mod wait;

pub use cancel::Canceller;
pub use context::{Inherit, inherit};
pub use current::{checkpoint, shield, shield_timeout};
pub use error::{Cancelled, JoinError, ScopeError, WaitError};
pub use id::{Label, TaskId};
pub use map::{Free, Home, Map, Outcomes, for_each, map, try_map};
pub use observe::{Straggler, Stragglers, on_stragglers};
pub use race::{Contender, Contenders, quorum, race};
pub use scope::{Ready, Scope, ScopeBuilder, TryScope, scope, try_scope};
pub use task::JoinHandle;
pub use thread::{Builder, detached, shutdown, spawn};
pub use wait::{sleep, sleep_until};

/// When is a scope decided? Policies as values; see [`ScopeBuilder::policy`].
pub mod policy {
    pub use crate::task::{
        Completion, FailFast, FirstSuccess, OnTimeout, Policy, Quorum, Verdict, WaitAll,
    };
}

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
