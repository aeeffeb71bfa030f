//! What every picture passes before it is begun.

use std::collections::{HashMap, HashSet};

use reunite::Canceller;
use reunite::channel::Receiver;
use reunite::sync::{Condvar, Mutex};

use super::messages::Command;

/// Pictures wait here while there is a pause, and do not pass when they are not wanted any more.
///
/// Commands come here from the clerk's task, so that the window has nothing to do with these locks.
#[derive(Default)]
pub(super) struct Gate {
    paused: Mutex<bool>,
    changed: Condvar,
    known: std::sync::Mutex<Known>,
}

#[derive(Default)]
struct Known {
    closed: bool,
    unwanted: HashSet<usize>,
    under_way: HashMap<usize, Canceller>,
}

impl Gate {
    /// Heeds commands until there are to be no more.
    pub(super) fn heed(&self, commands: &Receiver<Command>) {
        for command in commands.iter() {
            match command {
                Command::Pause => self.pause(true),
                Command::Resume => self.pause(false),
                Command::Cancel(place) => {
                    let mut known = self.known();
                    known.unwanted.insert(place);
                    let under_way = known.under_way.get(&place).cloned();
                    drop(known);
                    if let Some(canceller) = under_way {
                        canceller.cancel("you cancelled it");
                    }
                }
                Command::Close => {
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

    /// Waits for the end of a pause. Whoever is cancelled goes on, and notices at its next checkpoint.
    fn wait(&self) {
        if let Ok(mut paused) = self.paused.lock() {
            let _cancelled = self.changed.wait_while(&mut paused, |paused| *paused);
        }
    }

    /// Whether this picture's file should be read.
    pub(super) fn wants(&self, place: usize) -> bool {
        self.wait();
        let known = self.known();
        !known.closed && !known.unwanted.contains(&place)
    }

    /// This picture is in memory. When this returns it is under way, unless it was cancelled.
    pub(super) fn passes(&self, place: usize, canceller: Canceller) {
        self.known().under_way.insert(place, canceller.clone());
        if !self.wants(place) {
            canceller.cancel("it is not wanted any more");
        }
    }

    /// It is not under way any more.
    pub(super) fn passed(&self, place: usize) {
        self.known().under_way.remove(&place);
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
