//! The state that all connections of a site share.

use crate::coding::Coder;
use crate::disk::Folder;
use crate::gallery::Thumbs;
use crate::settings::Settings;

pub(crate) struct Shared {
    pub(crate) folder: Folder,
    pub(crate) settings: Settings,
    pub(crate) coder: Coder,
    pub(crate) thumbs: Option<Thumbs>,
}
