//! The list, with one row per picture.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use reunite_images::batch::Written;

use crate::batch::{Listing, What};

/// The state of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Waiting to be made.
    Queued,
    /// Being made.
    Running,
    /// Being made, and cancelled.
    Stopping,
    /// Made by this window.
    Done(Made),
    /// Up to date already.
    Current,
    /// Failed, for this reason.
    Failed(String),
    /// Cancelled by the user.
    Cancelled,
}

/// A result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    /// The width in pixels.
    pub width: u32,
    /// The height in pixels.
    pub height: u32,
    /// The length of the input file.
    pub bytes_in: u64,
    /// The length of the output file.
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

/// A row of the list.
#[derive(Clone, Debug)]
pub struct Row {
    /// The file to read.
    pub input: PathBuf,
    /// The file to write, if there can be one.
    pub output: Option<PathBuf>,
    /// The state of the picture.
    pub state: State,
    /// The number of times that this window has written the result, whose thumbnail changes each time.
    pub edition: u32,
    /// The picture's index in the running batch.
    place: Option<usize>,
}

impl Row {
    /// Returns the picture's index in the running batch, if it can still be cancelled.
    pub(super) fn place(&self) -> Option<usize> {
        matches!(self.state, State::Queued | State::Running)
            .then_some(self.place)
            .flatten()
    }
}

/// The number of rows in each state.
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

    /// Returns the number of rows queued or running.
    pub fn open(&self) -> usize {
        self.queued + self.running
    }
}

/// The rows, their counts, and their indices in the running batch.
#[derive(Debug, Default)]
pub(super) struct Rows {
    rows: Vec<Row>,
    counts: Counts,
    /// The row of each picture, by its index in the batch.
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

    /// Marks all pictures that the ended batch did not finish as cancelled.
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

    /// Replaces the list. `begins` is true for the listing of a batch that starts, false for that of a search.
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
                // The state stays until the picture is tried again.
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

    /// Returns the inputs that failed or were cancelled.
    pub(super) fn unmade(&self) -> impl Iterator<Item = &Path> {
        self.rows
            .iter()
            .filter(|row| matches!(row.state, State::Failed(_) | State::Cancelled))
            .map(|row| row.input.as_path())
    }
}
