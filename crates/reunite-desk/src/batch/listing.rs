//! The pictures of a batch, as planned.

use std::path::PathBuf;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) entries: Vec<Entry>,
    /// Files in folders that are no pictures.
    pub(crate) ignored: usize,
    /// What a person should know although it stops nothing.
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
    /// To be made, and, once that has begun, its place among those.
    Todo(Option<usize>),
    /// Its result is up to date.
    Current,
    /// It cannot be made.
    Failed(String),
}
