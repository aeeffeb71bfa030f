//! The gate that every picture passes before it is started.

use std::collections::{HashMap, HashSet};

use reunite::Canceller;
use reunite::channel::Receiver;
use reunite::sync::{Condvar, Mutex};

use super::events::BatchCommand;

/// Holds pictures back during a pause, and stops those that were cancelled.
///
/// A task of the batch applies the commands, so the window's thread never takes these locks.
#[derive(Default)]
pub(super) struct Gate {
    paused: Mutex<bool>,
    changed: Condvar,
    known: std::sync::Mutex<Known>,
}

#[derive(Default)]
struct Known {
    closed: bool,
    cancelled: HashSet<usize>,
    in_progress: HashMap<usize, Canceller>,
}

impl Gate {
    /// Applies commands until their channel is closed.
    pub(super) fn obey(&self, commands: &Receiver<BatchCommand>) {
        for command in commands.iter() {
            match command {
                BatchCommand::Pause => self.pause(true),
                BatchCommand::Resume => self.pause(false),
                BatchCommand::Cancel(place) => {
                    let mut known = self.known();
                    known.cancelled.insert(place);
                    let in_progress = known.in_progress.get(&place).cloned();
                    drop(known);
                    if let Some(canceller) = in_progress {
                        canceller.cancel("you cancelled it");
                    }
                }
                BatchCommand::Close => {
                    self.known().closed = true;
                    self.pause(false);
                }
            }
        }
    }

    fn pause(&self, paused: bool) {
        if let Ok(mut now) = self.paused.lock() {
            *now = paused;
        }
        self.changed.notify_all();
    }

    /// Waits for the end of a pause. A cancelled task continues, and stops at its next checkpoint.
    fn wait(&self) {
        if let Ok(mut paused) = self.paused.lock() {
            let _cancelled = self.changed.wait_while(&mut paused, |paused| *paused);
        }
    }

    /// Waits for the end of a pause, and returns whether this picture should be made.
    pub(super) fn should_load(&self, place: usize) -> bool {
        self.wait();
        let known = self.known();
        !known.closed && !known.cancelled.contains(&place)
    }

    /// Notes that this picture is being made, so that a command can cancel it. Cancels it at once if it was cancelled
    /// while it was loaded.
    pub(super) fn before_transform(&self, place: usize, canceller: Canceller) {
        self.known().in_progress.insert(place, canceller.clone());
        if !self.should_load(place) {
            canceller.cancel("you cancelled it");
        }
    }

    /// Notes that this picture is not being made any more.
    pub(super) fn finished(&self, place: usize) {
        self.known().in_progress.remove(&place);
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
