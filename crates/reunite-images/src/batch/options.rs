//! The options of a batch.

use std::time::Duration;

use crate::transform::Transform;

/// The settings for running a batch.
#[derive(Clone, Debug)]
pub struct Options {
    /// The settings of every picture.
    pub transform: Transform,
    /// The number of pictures transformed at a time.
    pub threads: usize,
    /// True if codec threads run at low priority, so that a window stays responsive while every core is busy. Has no
    /// effect where the system cannot set the priority of a single thread.
    pub low_priority: bool,
    /// The most bytes that all pictures being processed may hold together, their files included. A picture that needs
    /// more than this alone is refused.
    pub memory: u64,
    /// The time limit for each picture. A codec that exceeds it is abandoned: it continues on a detached thread and holds
    /// its share of the memory until it ends.
    pub item_timeout: Option<Duration>,
}
