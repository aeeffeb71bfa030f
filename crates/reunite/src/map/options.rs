//! The choices of a map's builder.

use std::panic::Location;

use crate::primitive::Duration;

/// The choices of a map's builder.
#[derive(Clone, Debug)]
pub(super) struct MapOptions {
    pub(super) at: &'static Location<'static>,
    pub(super) name: Option<String>,
    pub(super) threads: Option<usize>,
    pub(super) window: Option<usize>,
    pub(super) item_timeout: Option<Duration>,
    pub(super) ordered: bool,
    pub(super) fail_fast: bool,
}
