//! Guards of parts, upgradable and recursive reads, once cells, and wait groups.

#[path = "../common/mod.rs"]
mod common;

mod guards;
mod once;
mod storm;
mod upgradable;
mod wait_group;
