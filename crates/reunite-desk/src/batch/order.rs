//! What the window asks of a batch before it begins.

use std::collections::HashSet;
use std::path::PathBuf;

use crate::settings::Settings;

/// What is to be made.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// Files and folders.
    pub(crate) inputs: Vec<PathBuf>,
    pub(crate) settings: Settings,
    /// Of the pictures found, only these; `None`: all.
    pub(crate) only: Option<HashSet<PathBuf>>,
    /// Where the settings are kept.
    pub(crate) settings_place: Option<PathBuf>,
}
