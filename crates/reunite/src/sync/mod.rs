//! Coordination other than the join: for what a join cannot say.

mod semaphore;

pub use semaphore::{OwnedPermit, Permit, Semaphore};
