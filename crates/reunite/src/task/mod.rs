//! Tasks: how they run, store their results, are counted, and are joined.

mod admission;
mod any_task;
mod ask_policy;
mod ending;
mod failures;
#[cfg(not(reunite_model))]
mod fresh_thread;
mod group;
mod handle;
mod identity;
mod idle;
mod job;
mod live;
mod members;
mod packet;
mod policy;
mod prepare;
mod run;
mod task_set;
mod uncancellable;
mod unjoined;

pub use handle::JoinHandle;
pub use policy::{FailFast, FirstSuccess, OnTimeout, Policy, Quorum, Verdict, WaitAll};

pub(crate) use ending::{straggler, wait_naming_stragglers};
pub(crate) use failures::{Failures, Unclaimed};
pub(crate) use group::{Group, Rules, Starter, Task, TaskQueue, Threads};
pub(crate) use handle::OnDrop;
pub(crate) use job::{OnThread, Spec};
pub(crate) use live::{ScopeSnapshot, Visible, hide, pictures, show};
pub(crate) use packet::{Callback, Packet};
pub(crate) use prepare::{prepare, prepare_later};
pub(crate) use run::run_chain;
pub(crate) use uncancellable::{UncancellableJob, prepare_uncancellable};
pub(crate) use unjoined::{Unjoined, is_err};
