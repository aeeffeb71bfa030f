//! The request that starts a batch.

use std::collections::HashSet;
use std::path::PathBuf;

use crate::settings::Settings;

/// The inputs and settings of a batch.
#[derive(Clone, Debug)]
pub(crate) struct BatchRequest {
    /// Files and folders.
    pub(crate) inputs: Vec<PathBuf>,
    pub(crate) settings: Settings,
    /// The inputs to make; `None` for all pictures found.
    pub(crate) only: Option<HashSet<PathBuf>>,
    /// The file in which to save the settings.
    pub(crate) settings_place: Option<PathBuf>,
}
