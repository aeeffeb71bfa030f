//! The work of a batch for one picture.

use std::path::PathBuf;

use super::stamp::Stamp;
use crate::format::OutputFormat;

/// A picture to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The file to read.
    pub input: PathBuf,
    /// The file to write.
    pub output: PathBuf,
    /// The format to write.
    pub format: OutputFormat,
    /// The input's state when it was found. The result is recorded as made from that state, even if the file changes
    /// before it is read.
    pub(super) found: Option<Stamp>,
}
