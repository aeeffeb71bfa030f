//! Choosing between operations on several channels.

#[path = "../common/mod.rs"]
mod common;

mod choosing;
mod meetings;
mod storm;
mod timers;
