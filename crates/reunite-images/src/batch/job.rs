//! What a batch has to do for one picture.

use std::path::PathBuf;

use super::stamp::Stamp;
use crate::format::OutputFormat;

/// One picture to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The file to read.
    pub input: PathBuf,
    /// The file to write.
    pub output: PathBuf,
    /// The format to write.
    pub format: OutputFormat,
    /// The input as it was when it was found. What is written of it later is no newer than that.
    pub(super) seen: Option<Stamp>,
}
