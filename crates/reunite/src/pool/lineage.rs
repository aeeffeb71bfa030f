//! Lineage: the links from a job or scope up to those that wait for it.
//!
//! # Protocol
//! Every published job knows the job or scope below which it was forked, so that a joiner can tell which
//! published jobs its target waits for. The links are raw pointers: they are followed only under the lock of
//! the mailbox (or queue) that holds the job, and while a job is pending there, all its ancestors wait for it
//! and so are alive.

use std::ptr::NonNull;

/// A link in the chain from a job up to the jobs and scopes that wait for it.
pub(super) struct Lineage {
    up: Option<Ancestor>,
}

impl Lineage {
    pub(super) const fn new(up: Option<Ancestor>) -> Self {
        Self { up }
    }

    /// Returns this link, by which its descendants refer to it.
    pub(super) fn as_ancestor(&self) -> Ancestor {
        Ancestor(NonNull::from(self))
    }
}

/// A job or scope that others descend from. It is an address: comparing it is always allowed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Ancestor(NonNull<Lineage>);

// SAFETY: it is sent as an address, and followed only under the conditions of `descends`.
unsafe impl Send for Ancestor {}
// SAFETY: as above; it never changes.
unsafe impl Sync for Ancestor {}

impl Ancestor {
    /// Returns true if this is `target` or below it.
    ///
    /// # Safety
    /// This link and all above it must be alive, as they are for a job that is pending in a mailbox or queue
    /// whose lock the caller holds.
    pub(super) unsafe fn descends(self, target: Ancestor) -> bool {
        let mut at = Some(self);
        while let Some(link) = at {
            if link == target {
                return true;
            }
            // SAFETY: the link is alive, as the caller guarantees.
            at = unsafe { link.0.as_ref() }.up;
        }
        false
    }

    /// Returns the address, which identifies it where it is not followed.
    pub(super) fn address(self) -> usize {
        self.0.as_ptr().addr()
    }

    /// Calls `each` with the addresses of this and of all above it.
    ///
    /// # Safety
    /// As for [`descends`](Self::descends).
    pub(super) unsafe fn for_each_upward(self, each: &mut dyn FnMut(usize)) {
        let mut at = Some(self);
        while let Some(link) = at {
            each(link.address());
            // SAFETY: the link is alive, as the caller guarantees.
            at = unsafe { link.0.as_ref() }.up;
        }
    }
}
