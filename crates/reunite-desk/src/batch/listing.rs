//! The list of pictures that a batch plans to make.

use std::path::PathBuf;

/// The pictures found in the inputs.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) entries: Vec<Entry>,
    /// The number of files in folders that are not pictures.
    pub(crate) ignored: usize,
    /// A warning for the user.
    pub(crate) warning: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) input: PathBuf,
    pub(crate) output: Option<PathBuf>,
    pub(crate) what: What,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// To be made, with its index in the batch if it is part of one.
    Todo(Option<usize>),
    /// Its result is up to date.
    Current,
    /// It cannot be made, for this reason.
    Failed(String),
}
