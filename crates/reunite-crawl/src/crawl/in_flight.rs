//! The fetch tasks in flight: one slot for each, and the channel that tells which have completed.

use std::time::Instant;

use reunite::channel::{Receiver, RecvError, Sender};
use reunite::{Builder, JoinError, JoinHandle, Scope as Tasks};

use super::fetch_task::FetchResult;
use crate::store::Job;

/// The purpose of a fetch task.
pub(super) enum Purpose {
    Page(Job),
    Robots { host: i64, origin: String },
}

struct Flight<'a> {
    handle: JoinHandle<FetchResult<'a>>,
    purpose: Purpose,
}

pub(super) struct InFlight<'a> {
    slots: Vec<Option<Flight<'a>>>,
    free: Vec<usize>,
    /// Slots out of use: neither free nor taken.
    given_up: usize,
    completed: (Sender<usize>, Receiver<usize>),
}

impl<'a> InFlight<'a> {
    pub(super) fn new(threads: usize) -> Self {
        Self {
            slots: std::iter::repeat_with(|| None).take(threads).collect(),
            free: (0..threads).rev().collect(),
            given_up: 0,
            // As many messages as slots: a task that completes never waits to send its one message.
            completed: reunite::channel::bounded(threads),
        }
    }

    /// Returns how many tasks are in flight.
    pub(super) fn count(&self) -> usize {
        self.slots.len() - self.free.len() - self.given_up
    }

    pub(super) fn has_room(&self) -> bool {
        !self.free.is_empty()
    }

    /// Starts a task in a free slot. Does nothing if there is none.
    pub(super) fn start<'scope>(
        &mut self,
        tasks: &'scope Tasks<'scope, 'a>,
        purpose: Purpose,
        run: impl FnOnce() -> FetchResult<'a> + Send + 'scope,
    ) where
        'a: 'scope,
    {
        let Some(slot) = self.free.pop() else {
            return;
        };
        let name = match &purpose {
            Purpose::Page(job) => job.url.to_string(),
            Purpose::Robots { origin, .. } => format!("{origin}/robots.txt"),
        };
        let handle = tasks.spawn_with(Builder::new().name(name), run);
        let completed = self.completed.0.clone();
        handle.on_complete(move || {
            // Cannot fail: the channel has room, and its receiver lives until the last task has completed.
            let _sent = completed.try_send(slot);
        });
        self.slots[slot] = Some(Flight { handle, purpose });
    }

    /// Waits until a task completes or the instant has come. Returns the task's slot.
    pub(super) fn wait_until(&self, deadline: Instant) -> Result<usize, RecvError> {
        self.completed.1.recv_deadline(deadline)
    }

    /// Waits until a task completes. Returns its slot.
    pub(super) fn wait(&self) -> Result<usize, RecvError> {
        self.completed.1.recv()
    }

    /// Frees the slot of a completed task and joins the task.
    pub(super) fn take(
        &mut self,
        slot: usize,
    ) -> Option<(Purpose, Result<FetchResult<'a>, JoinError>)> {
        let Flight {
            mut handle,
            purpose,
        } = self.slots[slot].take()?;
        self.free.push(slot);
        let result = handle.try_join().unwrap_or_else(|| handle.join());
        Some((purpose, result))
    }

    /// Takes one free slot out of use for the rest of the crawl.
    pub(super) fn give_up_slot(&mut self) {
        if self.free.pop().is_some() {
            self.given_up += 1;
        }
    }

    /// Returns how many slots are left, if any is out of use.
    pub(super) fn reduced_slots(&self) -> Option<usize> {
        (self.given_up > 0).then(|| self.slots.len() - self.given_up)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_that_is_given_up_is_neither_free_nor_in_flight() {
        let mut in_flight = InFlight::new(2);
        assert_eq!(in_flight.reduced_slots(), None);
        in_flight.give_up_slot();
        assert_eq!(in_flight.reduced_slots(), Some(1));
        assert_eq!(in_flight.count(), 0);
        assert!(in_flight.has_room());
        in_flight.give_up_slot();
        assert_eq!(in_flight.reduced_slots(), Some(0));
        assert_eq!(in_flight.count(), 0);
        assert!(!in_flight.has_room());
    }
}
