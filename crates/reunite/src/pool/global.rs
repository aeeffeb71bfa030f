//! The pool of every thread that takes part in no other.

use super::builder::{Pool, PoolBuilder};
use super::here;
use super::member::{Visit, visit};
use crate::primitive::OnceLock;

impl Pool {
    /// The pool of every thread that takes part in no other. Made when it is first needed, its threads
    /// started when there is work for them.
    pub fn global() -> &'static Self {
        static GLOBAL: OnceLock<Pool> = OnceLock::new();
        GLOBAL.get_or_init(|| PoolBuilder::new().pool())
    }
}

/// Takes part in the global pool.
pub(super) fn visit_global() -> Option<Visit> {
    visit(&Pool::global().shared)
}

/// Runs `f` as a member of a pool: the one this thread works for, or the global one.
pub(crate) fn take_part<R>(f: impl FnOnce() -> R) -> R {
    let _visit = if here::seat().is_none() {
        visit_global()
    } else {
        None
    };
    f()
}
