//! One room for each command.

pub(crate) mod dump;
pub(crate) mod images;
