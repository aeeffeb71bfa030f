//! A folder of pictures: found, planned, and run as a pipeline of joined tasks.
//!
//! [`find`] lists the pictures and where each goes; [`Ledger`] knows which of them are up to date; [`run`]
//! does the others: *load → transform → save*, each stage an ordered map that pulls from the one before, so
//! that at most a few files are in memory and results arrive in the order of the list. [`Maker`] makes single
//! pictures, for whoever asks, within the same kind of budget.

mod codecs;
mod error;
mod files;
mod job;
mod ledger;
mod load;
mod lock;
mod maker;
mod pipeline;
mod stamp;
mod sweep;
mod turn;
mod watch;

pub use error::FileError;
pub use files::{FindError, Found, find};
pub use job::Job;
pub use ledger::Ledger;
pub use lock::lock_shielded;
pub use maker::Maker;
pub use pipeline::{Options, run, run_watched};
pub use sweep::sweep;
pub use watch::{Watch, Written};
