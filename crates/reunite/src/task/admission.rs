//! The count of a group's tasks, and the limit of how many run at once.
//!
//! # Protocol
//! *The count.* `pending` counts the tasks that were admitted and have not left. A task is admitted before it
//! can run. It leaves as the very last thing, on the thread that ran it. The owner checks under the lock
//! whether `pending` is zero and, if not, stores its parker there. The thread that brings `pending` to zero
//! takes the parkers in the same critical section and unparks them afterwards. A thread that waits for only
//! some of the tasks checks again whenever a task leaves. A task that spawns a sibling admits it before it
//! leaves itself, so zero is final once the body has ended.
//!
//! *The limit.* `running` counts the places that are taken. A task over the limit queues. A thread that
//! finishes a task either takes the next one and keeps the place, or gives the place up, in one critical
//! section: no task is left in the queue while a place is free. `between` counts the places whose thread is
//! being started, or is between two tasks. While it is not zero, a queued task may be taken at any moment, so
//! it is unknown which tasks keep it from beginning. It changes in the same critical sections as the counts
//! with which it is compared. A joiner inside the scope can also run a queued task before its turn (see
//! `handle`); the thread that takes the task from the queue then finds it begun and skips it.

use super::group::{Begins, Group, GroupState, Task};
use super::identity::NodeOf;
use crate::deadlock::{self, Need, Resource};
use crate::id::{TaskId, shrink_if_sparse};
use crate::park::Parker;
use crate::primitive::{Arc, MutexGuard};

/// The next step for a task that was admitted.
#[must_use]
pub(super) enum Admitted {
    /// The task has a place: the caller must start its thread.
    Place,
    Queued,
    /// The task was cancelled already: the caller must call `run`, which completes it as cancelled.
    NeverBegins,
}

/// The standing of the thread that runs a task.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RunningThread {
    /// It has a place in the task's group, and takes the next queued task afterwards.
    WithPlace,
    /// It has none: a joiner, or a thread that completes a task without running it.
    WithoutPlace,
}

impl Group {
    /// Counts a task. Gives it a place, or queues it.
    pub(super) fn admit(&self, entry: &Arc<dyn Task>) -> Admitted {
        if self.queue().is_some() {
            return Admitted::Place;
        }
        let mut state = self.state.lock();
        state.pending += 1;
        state.members.insert(entry.id, Arc::clone(entry));
        let node = &entry.identity().node;
        if let NodeOf::Itself(node) = node {
            node.is_listed();
        }
        if entry.begins == Begins::UnlessCancelled && node.is_cancelled() {
            return Admitted::NeverBegins;
        }
        let is_full = |limit| state.running >= limit;
        if self.rules.max_threads.is_some_and(is_full) {
            state.queue.push_back(Arc::clone(entry));
            return Admitted::Queued;
        }
        state.running += 1;
        state.between += 1;
        Admitted::Place
    }

    /// Takes a place beyond the limit.
    pub(super) fn add_place(&self) {
        let mut state = self.state.lock();
        state.running += 1;
        state.between += 1;
    }

    /// Returns the next queued task for a thread that has a place. If there is none, gives the place up.
    pub(crate) fn next_in_queue(&self) -> Option<Arc<dyn Task>> {
        let mut state = self.state.lock();
        let over = self
            .rules
            .max_threads
            .is_some_and(|limit| state.running > limit);
        let next = if over { None } else { state.queue.pop_front() };
        if next.is_none() {
            state.running -= 1;
            state.between -= 1;
            self.remove_begun(state);
        }
        next
    }

    /// Records that a thread that has a place has begun a task.
    pub(super) fn begin_in_place(&self) {
        self.state.lock().between -= 1;
    }

    /// Gives up a place whose thread the system refused. If no place is left, returns the queued tasks.
    #[must_use]
    pub(super) fn give_place_up(&self) -> Vec<Arc<dyn Task>> {
        let mut state = self.state.lock();
        state.running -= 1;
        state.between -= 1;
        if state.running == 0 {
            return state.queue.drain(..).collect();
        }
        self.remove_begun(state);
        Vec::new()
    }

    /// Uncounts a task that is done. A thread that has a place keeps it.
    pub(super) fn leave(&self, task: TaskId, thread: RunningThread) {
        if self.queue().is_some() {
            return;
        }
        let mut state = self.state.lock();
        state.between += usize::from(thread == RunningThread::WithPlace);
        let member = state.members.remove(&task);
        shrink_if_sparse(&mut state.members);
        state.pending -= 1;
        let mut waiters = std::mem::take(&mut state.partial_waiters);
        if state.pending == 0 {
            waiters.append(&mut state.waiters);
        } else {
            waiters.append(&mut state.wake_if_abandoned());
        }
        let look_again = thread == RunningThread::WithoutPlace && self.is_place_waited_for(&state);
        drop(state);
        drop(member);
        waiters.iter().for_each(Parker::unpark);
        if look_again {
            deadlock::look_at(self.resource());
        }
    }

    /// Checks for waits that can no longer end. A thread that could have run a queued task has given its place
    /// up, so all other threads with a place may be waiting.
    fn remove_begun(&self, mut state: MutexGuard<'_, GroupState>) {
        let look_again = self.is_place_waited_for(&state);
        let waiters = state.wake_if_abandoned();
        drop(state);
        waiters.iter().for_each(Parker::unpark);
        if look_again {
            deadlock::look_at(self.resource());
        }
    }

    /// Returns the tasks for which a queued task of this group waits: one of the tasks that hold the places must
    /// end. Returns an empty list if that is not known, or if the group has no limit.
    pub(super) fn need_of_queued(&self) -> Need {
        let state = self.state.lock();
        Need::Any(if self.has_limit() && state.between == 0 {
            state.begun()
        } else {
            Vec::new()
        })
    }

    fn is_place_waited_for(&self, state: &GroupState) -> bool {
        self.has_limit() && !state.queue.is_empty()
    }

    pub(super) fn has_limit(&self) -> bool {
        self.rules.max_threads.is_some()
    }

    pub(super) fn resource(&self) -> Resource {
        Resource::Group(self.node.label().id())
    }
}
