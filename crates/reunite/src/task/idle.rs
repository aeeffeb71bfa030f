//! Tasks of a group that only wait until another task takes what they make: the workers of a map.
//!
//! # Protocol
//! A worker that finds no room for another item is listed as *idle*, under the group's lock, and taken off
//! the list when it goes on. Only the body of the scope, or a task of it, could take the outcomes of its map.
//! Suppose that the body has ended and that every task that was begun, and has not left, is idle. Then no
//! task will ever take the outcomes: they were forgotten (`mem::forget`), or belong to a queued task that
//! waits for the place of such a worker. So the owner, at the scope's end, cancels the maps whose workers are
//! idle, and goes on waiting. It checks this under the same lock. Every event that may lead to this state
//! wakes it: a worker becomes idle, a task leaves, or a thread gives its place up.

use super::group::{Group, GroupState};
use crate::cancel::CancelNode;
use crate::error::{Cancelled, Why};
use crate::observe::report_forgotten;
use crate::park::Parker;
use crate::part::Part;
use crate::wait_queue::Spot;

/// A guard: the task is listed as idle until it is dropped.
pub(crate) struct IdleGuard<'a> {
    group: &'a Group,
    spot: Spot,
}

impl GroupState {
    /// Returns true if every task that was begun is idle, and at least one is.
    pub(super) fn is_abandoned(&self) -> bool {
        // Queued tasks that a joiner has run may be counted twice here, so this comparison alone is not
        // enough.
        let idle = self.idle.len();
        idle > 0
            && self.between == 0
            && self.pending <= idle + self.queue.len()
            && self.begun().len() == idle
    }

    /// Returns the parkers to wake if the group is [abandoned](Self::is_abandoned) now.
    pub(super) fn wake_if_abandoned(&mut self) -> Vec<Parker> {
        if self.is_abandoned() {
            std::mem::take(&mut self.waiters)
        } else {
            Vec::new()
        }
    }
}

impl Group {
    /// Lists the calling worker of a map, which waits until another task takes an outcome. If no task can
    /// take it, `node`, that of the map, is cancelled.
    pub(crate) fn idle<'a>(&'a self, node: &Part<CancelNode>) -> IdleGuard<'a> {
        let mut state = self.state.lock();
        let spot = state.idle.push_back(node.clone());
        let waiters = state.wake_if_abandoned();
        drop(state);
        waiters.iter().for_each(Parker::unpark);
        IdleGuard { group: self, spot }
    }

    /// Cancels the maps whose outcomes no task will take. Returns false if every task has left.
    pub(super) fn close_abandoned(&self) -> bool {
        let mut state = self.state.lock();
        let has_ended = state.pending == 0;
        let idle: Vec<_> = if state.is_abandoned() {
            // The workers are removed from the list, because their maps are cancelled now.
            state.idle.take_all().collect()
        } else {
            Vec::new()
        };
        drop(state);
        // Each map is cancelled only once, although several of its workers may be listed.
        for node in idle.iter().filter(|node| !node.is_cancelled()) {
            report_forgotten(node.label(), self.node().label());
            node.cancel(Cancelled::new(Why::Forgotten, node.label().clone()));
        }
        !has_ended
    }
}

impl Drop for IdleGuard<'_> {
    fn drop(&mut self) {
        let listed = self.group.state.lock().idle.remove(self.spot);
        drop(listed);
    }
}
