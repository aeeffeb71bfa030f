//! The state that all connections of a site share.

use crate::coding::Coder;
use crate::gallery::Thumbs;
use crate::root_dir::RootDir;
use crate::settings::Settings;

pub(crate) struct Shared {
    pub(crate) root: RootDir,
    pub(crate) settings: Settings,
    pub(crate) coder: Coder,
    pub(crate) thumbs: Option<Thumbs>,
}
