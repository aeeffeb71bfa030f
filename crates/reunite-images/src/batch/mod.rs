//! Resizes a folder of pictures with a pipeline of joined tasks.
//!
//! [`find`] lists the pictures and the output path of each; [`Ledger`] knows which of them are up to date; [`run`]
//! makes the others: *load → transform → save*. Each stage is an ordered map that pulls from the one before, so
//! only a few files are in memory, and results arrive in the order of the list. [`Maker`] makes single pictures on
//! request, within a budget of the same kind.

mod codecs;
mod error;
mod files;
mod job;
mod ledger;
mod ledger_lock;
mod load;
mod lock;
mod maker;
mod options;
mod pipeline;
mod stamp;
mod sweep;
mod watch;

pub use error::FileError;
pub use files::{FindError, Found, find};
pub use job::Job;
pub use ledger::Ledger;
pub use lock::lock_shielded;
pub use maker::Maker;
pub use options::Options;
pub use pipeline::{run, run_watched};
pub use sweep::sweep;
pub use watch::{Watch, Written};
