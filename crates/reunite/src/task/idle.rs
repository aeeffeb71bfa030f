//! Tasks of a group that wait for nothing but somebody who takes what they make: the workers of a map.
//!
//! # Protocol
//! A worker that finds no room for another item is listed as *idle*, under the group's lock, and struck off when it
//! goes on. Whoever could take its map's outcomes is the body of the scope, or a task of it. So when the body has
//! ended and every task that was begun, and has not left, is idle, nobody ever will: the outcomes were forgotten
//! (`mem::forget`), or are with a task that waits for the place of such a worker. The owner, at the scope's end, then
//! cancels the maps whose workers are idle, and waits on. It asks under the same lock, and is woken by whoever makes
//! it so: a worker that becomes idle, a task that leaves, a thread that gives its place up.

use super::group::{Group, State};
use crate::cancel::Node;
use crate::error::{Cancelled, Why};
use crate::observe::report_forgotten;
use crate::park::Parker;
use crate::part::Part;
use crate::wait_queue::Spot;

/// Listed as idle until dropped.
pub(crate) struct Idle<'a> {
    group: &'a Group,
    spot: Spot,
}

impl State {
    /// Whether every task that was begun is idle, and at least one is.
    pub(super) fn is_abandoned(&self) -> bool {
        // Queued ones that a joiner has run may be counted twice here, so this alone does not say it.
        let idle = self.idle.len();
        idle > 0
            && self.between == 0
            && self.pending <= idle + self.queue.len()
            && self.begun().len() == idle
    }

    /// Whom to wake as it has become so.
    pub(super) fn wake_if_abandoned(&mut self) -> Vec<Parker> {
        if self.is_abandoned() {
            std::mem::take(&mut self.waiters)
        } else {
            Vec::new()
        }
    }
}

impl Group {
    /// The calling task waits for somebody who takes what it makes; if nobody can, `node` is cancelled.
    pub(crate) fn idle<'a>(&'a self, node: &Part<Node>) -> Idle<'a> {
        let mut state = self.state.lock();
        let spot = state.idle.push_back(node.clone());
        let waiters = state.wake_if_abandoned();
        drop(state);
        waiters.iter().for_each(Parker::unpark);
        Idle { group: self, spot }
    }

    /// Cancels what nobody will take; false if every task has left.
    pub(super) fn close_abandoned(&self) -> bool {
        let mut state = self.state.lock();
        let has_ended = state.pending == 0;
        let idle: Vec<_> = if state.is_abandoned() {
            // Listed no more: they are told.
            state.idle.take_all().collect()
        } else {
            Vec::new()
        };
        drop(state);
        // Once each, though several workers of a map may be listed: after the first it is cancelled.
        for node in idle.iter().filter(|node| !node.is_cancelled()) {
            report_forgotten(node.label(), self.node().label());
            node.cancel(Cancelled::new(Why::Forgotten, node.label().clone()));
        }
        !has_ended
    }
}

impl Drop for Idle<'_> {
    fn drop(&mut self) {
        let listed = self.group.state.lock().idle.remove(self.spot);
        drop(listed);
    }
}
