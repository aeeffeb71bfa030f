//! One module for each command.

pub(crate) mod bench;
pub(crate) mod crawl;
pub(crate) mod desk;
pub(crate) mod dump;
pub(crate) mod images;
#[cfg(unix)]
pub(crate) mod serve;
