//! One room for each command.

pub(crate) mod images;
