//! The list: one row a picture.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use reunite_images::batch::Written;

use crate::batch::{Listing, What};

/// Where a picture stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It will be made.
    Queued,
    /// It is being made.
    Running,
    /// It is being made, and that is to end.
    Stopping,
    /// It is in its place.
    Done(Made),
    /// It was in its place already.
    Current,
    /// It has no result, for this reason.
    Failed(String),
    /// It has no result because somebody said so.
    Cancelled,
}

/// A result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Of the file that was read.
    pub bytes_in: u64,
    /// Of the file that was written.
    pub bytes_out: u64,
}

impl From<Written> for Made {
    fn from(written: Written) -> Self {
        Self {
            width: written.size.width,
            height: written.size.height,
            bytes_in: written.bytes_in,
            bytes_out: written.bytes_out,
        }
    }
}

/// A picture.
#[derive(Clone, Debug)]
pub struct Row {
    /// The file to read.
    pub input: PathBuf,
    /// The file to write, unless nothing can be.
    pub output: Option<PathBuf>,
    /// Where it stands.
    pub state: State,
    /// How often its result was written while the window was open: then the result looks different.
    pub edition: u32,
    /// Its place in the batch that is running.
    place: Option<usize>,
}

impl Row {
    /// Its place in the batch that is running, while it may still be cancelled there.
    pub(super) fn place(&self) -> Option<usize> {
        matches!(self.state, State::Queued | State::Running)
            .then_some(self.place)
            .flatten()
    }
}

/// How many rows stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// [`State::Queued`].
    pub queued: usize,
    /// [`State::Running`] and [`State::Stopping`].
    pub running: usize,
    /// [`State::Done`].
    pub done: usize,
    /// [`State::Current`].
    pub current: usize,
    /// [`State::Failed`].
    pub failed: usize,
    /// [`State::Cancelled`].
    pub cancelled: usize,
}

impl Counts {
    fn of(&mut self, state: &State) -> &mut usize {
        match state {
            State::Queued => &mut self.queued,
            State::Running | State::Stopping => &mut self.running,
            State::Done(_) => &mut self.done,
            State::Current => &mut self.current,
            State::Failed(_) => &mut self.failed,
            State::Cancelled => &mut self.cancelled,
        }
    }

    /// Queued or running.
    pub fn open(&self) -> usize {
        self.queued + self.running
    }
}

#[derive(Debug, Default)]
pub(super) struct Rows {
    rows: Vec<Row>,
    counts: Counts,
    /// By their places in the batch.
    places: Vec<usize>,
    ignored: usize,
}

impl Rows {
    pub(super) fn all(&self) -> &[Row] {
        &self.rows
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) fn ignored(&self) -> usize {
        self.ignored
    }

    pub(super) fn get(&self, row: usize) -> Option<&Row> {
        self.rows.get(row)
    }

    pub(super) fn at(&self, place: usize) -> Option<usize> {
        self.places.get(place).copied()
    }

    pub(super) fn set(&mut self, row: usize, state: State) {
        if let Some(row) = self.rows.get_mut(row) {
            *self.counts.of(&row.state) -= 1;
            *self.counts.of(&state) += 1;
            row.edition += u32::from(matches!(state, State::Done(_)));
            row.state = state;
        }
    }

    /// All that wait for something which will not come any more.
    pub(super) fn give_up(&mut self) {
        for row in 0..self.rows.len() {
            if matches!(
                self.rows[row].state,
                State::Queued | State::Running | State::Stopping
            ) && self.rows[row].place.is_some()
            {
                self.set(row, State::Cancelled);
            }
        }
        self.places.clear();
        for row in &mut self.rows {
            row.place = None;
        }
    }

    /// What is there now: a first look, or what a batch that begins is going to make.
    pub(super) fn list(&mut self, listing: Listing, begins: bool) {
        let mut before: HashMap<PathBuf, Row> = self
            .rows
            .drain(..)
            .map(|row| (row.input.clone(), row))
            .collect();
        self.counts = Counts::default();
        self.places.clear();
        self.ignored = listing.ignored;
        for entry in listing.entries {
            let before = before.remove(&entry.input);
            let (known, edition) = before.map_or((None, 0), |row| (Some(row.state), row.edition));
            let mut place = None;
            let state = match (entry.what, known) {
                (What::Todo(Some(here)), _) if begins => {
                    place = Some(here);
                    State::Queued
                }
                (What::Failed(why), _) => State::Failed(why),
                (What::Current, Some(State::Done(made))) => State::Done(made),
                (What::Current, _) => State::Current,
                // Until it is tried again.
                (What::Todo(_), Some(state @ (State::Failed(_) | State::Cancelled))) => state,
                (What::Todo(_), _) => State::Queued,
            };
            if let Some(place) = place {
                self.places.resize(self.places.len().max(place + 1), 0);
                self.places[place] = self.rows.len();
            }
            *self.counts.of(&state) += 1;
            self.rows.push(Row {
                input: entry.input,
                output: entry.output,
                state,
                edition,
                place,
            });
        }
    }

    /// The inputs of those that have no result although they should.
    pub(super) fn unmade(&self) -> impl Iterator<Item = &Path> {
        self.rows
            .iter()
            .filter(|row| matches!(row.state, State::Failed(_) | State::Cancelled))
            .map(|row| row.input.as_path())
    }
}
