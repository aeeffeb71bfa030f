//! Tasks: how they run, store their results, are counted, and are joined.

mod always;
#[cfg(not(reunite_model))]
mod apart;
mod crew;
mod ending;
mod failures;
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
mod unjoined;

pub use handle::JoinHandle;
pub use policy::{FailFast, FirstSuccess, OnTimeout, Policy, Quorum, Verdict, WaitAll};

pub(crate) use always::{Job, always};
pub(crate) use ending::{chase, straggler};
pub(crate) use failures::{Failures, Unclaimed};
pub(crate) use group::{Group, Queue, Rules, Starter, Task, Threads};
pub(crate) use handle::OnDrop;
pub(crate) use job::{OnThread, Spec};
pub(crate) use live::{Picture, Visible, hide, pictures, show};
pub(crate) use packet::{Callback, Packet};
pub(crate) use prepare::{prepare, prepare_later};
pub(crate) use run::run_chain;
pub(crate) use unjoined::{Unjoined, is_err};
