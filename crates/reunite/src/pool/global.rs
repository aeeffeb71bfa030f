//! The pool of every thread that takes part in no other.

use std::panic::Location;

use super::builder::{Pool, PoolBuilder};
use super::here;
use super::member::{Visit, visit};
use crate::primitive::OnceLock;

impl Pool {
    /// The pool of every thread that takes part in no other. Made when it is first needed, its threads
    /// started when there is work for them.
    #[track_caller]
    pub fn global() -> &'static Self {
        global(Location::caller())
    }
}

/// The global pool, which is made at that line if it was not before.
fn global(at: &'static Location<'static>) -> &'static Pool {
    static GLOBAL: OnceLock<Pool> = OnceLock::new();
    GLOBAL.get_or_init(|| PoolBuilder::new().pool(at))
}

/// Takes part in the global pool, from that line on if it is made for this.
pub(super) fn visit_global(at: &'static Location<'static>) -> Option<Visit> {
    visit(&global(at).shared)
}

/// Runs `f` as a member of a pool: the one this thread works for, or the global one.
pub(crate) fn take_part<R>(at: &'static Location<'static>, f: impl FnOnce() -> R) -> R {
    let _visit = if here::seat().is_none() {
        visit_global(at)
    } else {
        None
    };
    f()
}
