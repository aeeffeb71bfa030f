//! The state of the window and its actions, without a window.
//!
//! ```text
//!            add, settings          start, retry            the batch's end
//! (empty) ──────────────▶ listed ──────────────▶ working ──────────────────▶ listed
//!                           │                       │ close
//!                           │ close                 ▼
//!                           │                    asked ──▶ draining ──▶ closed
//!                           └───────────────────────────────────────────▲
//! ```
//!
//! Nothing here waits: [background tasks](crate::background) do the work, and [`Desk::tick`] takes their results. It is
//! called whenever the window is drawn, which the tasks request through [`Wake`].

mod rate;
mod rows;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reunite::JoinError;

use crate::background::{BackgroundTask, Wake};
use crate::batch::{Batch, BatchCommand, BatchEvent, BatchRequest, Listing, plan};
use crate::insight::{Insight, Watcher};
use crate::messages;
use crate::settings::Settings;
use rate::RateMeter;
use rows::Rows;

pub use rows::{Counts, Made, Row, State};

/// The time that a closing window waits for the pictures being made.
pub const DRAIN: Duration = Duration::from_secs(5);
/// The time that it then waits for the pictures that were cancelled.
const STOP: Duration = Duration::from_secs(2);
/// The most events handled between two frames, so that many events do not delay a frame.
const MAX_EVENTS: usize = 2_000;

/// The phase of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// No batch.
    Idle,
    /// A batch runs, or is starting.
    Working,
    /// A batch is paused.
    Paused,
    /// A batch is stopping.
    Stopping,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closing {
    /// The user is asked whether to close.
    Asked,
    /// The window waits until then for the pictures being made.
    Draining(Instant),
    /// The window waits until then for the pictures that were cancelled.
    Leaving(Instant),
    Closed,
}

/// The state of the window.
pub struct Desk {
    settings: Settings,
    settings_place: Option<PathBuf>,
    wake: Wake,
    inputs: Vec<PathBuf>,
    rows: Rows,
    looking: Option<BackgroundTask<Result<Listing, String>>>,
    /// True if the list is out of date with the inputs and settings.
    stale: bool,
    batch: Option<Batch>,
    phase: Phase,
    rate: RateMeter,
    watcher: Watcher,
    notice: Option<String>,
    closing: Option<Closing>,
}

impl Desk {
    /// Creates the state with an empty list. `wake` is called, on any thread, whenever [`tick`](Self::tick) should be.
    pub fn new(settings: Settings, wake: Wake) -> Self {
        Self {
            settings,
            settings_place: None,
            watcher: Watcher::new(Arc::clone(&wake)),
            wake,
            inputs: Vec::new(),
            rows: Rows::default(),
            looking: None,
            stale: false,
            batch: None,
            phase: Phase::Idle,
            rate: RateMeter::new(Instant::now()),
            notice: None,
            closing: None,
        }
    }

    /// Saves the settings at `place` when a batch starts and when the window closes.
    #[must_use]
    pub fn remembering(mut self, place: Option<PathBuf>) -> Self {
        self.settings_place = place;
        self
    }

    /// Returns the settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes the settings. While a batch runs, the change applies to the next one.
    pub fn set_settings(&mut self, settings: Settings) {
        self.stale |= !settings.makes_the_same(&self.settings);
        self.settings = settings;
        self.look();
    }

    /// Adds files and folders. Does nothing but set a notice while a batch runs.
    pub fn add(&mut self, inputs: impl IntoIterator<Item = PathBuf>) {
        if self.is_working() {
            self.notice = Some(
                "Wait until this batch is done, or cancel it, before you add pictures.".to_owned(),
            );
            return;
        }
        for input in inputs {
            if !self.inputs.contains(&input) {
                self.inputs.push(input);
                self.stale = true;
            }
        }
        self.look();
    }

    /// Clears the list. Changes no file. Does nothing while a batch runs.
    pub fn clear(&mut self) {
        if !self.is_working() {
            self.inputs.clear();
            self.rows = Rows::default();
            self.looking = None;
            self.stale = false;
            self.notice = None;
        }
    }

    /// Starts a search for pictures if the list is out of date and nothing else is running.
    fn look(&mut self) {
        if self.inputs.is_empty() {
            self.stale = false;
        }
        if self.stale && self.looking.is_none() && !self.is_working() {
            self.stale = false;
            let request = self.request(None);
            self.looking = Some(BackgroundTask::start("look", &self.wake, move || {
                plan(&request)
            }));
        }
    }

    fn request(&self, only: Option<HashSet<PathBuf>>) -> BatchRequest {
        BatchRequest {
            inputs: self.inputs.clone(),
            settings: self.settings.clone(),
            only,
            settings_place: self.settings_place.clone(),
        }
    }

    /// Returns true if [`start`](Self::start) has something to do.
    pub fn can_start(&self) -> bool {
        !self.is_working() && !self.is_looking() && self.rows.counts().queued > 0
    }

    /// Makes all queued pictures.
    pub fn start(&mut self) {
        if self.can_start() {
            let queued = self.rows.all().iter();
            let queued = queued.filter(|row| row.state == State::Queued);
            let queued = queued.map(|row| row.input.clone()).collect();
            self.begin(queued);
        }
    }

    /// Returns true if [`retry`](Self::retry) has something to do.
    pub fn can_retry(&self) -> bool {
        let counts = self.rows.counts();
        !self.is_working() && !self.is_looking() && counts.failed + counts.cancelled > 0
    }

    /// Makes the pictures that failed or were cancelled.
    pub fn retry(&mut self) {
        if self.can_retry() {
            let unmade = self.rows.unmade().map(Path::to_owned).collect();
            self.begin(unmade);
        }
    }

    fn begin(&mut self, only: HashSet<PathBuf>) {
        self.notice = None;
        self.stale = false;
        self.rate = RateMeter::new(Instant::now());
        self.phase = Phase::Working;
        self.watcher.begin();
        self.batch = Some(Batch::start(self.request(Some(only)), &self.wake));
    }

    /// Starts no further picture until [`resume`](Self::resume). Pictures being made are finished.
    pub fn pause(&mut self) {
        if self.phase == Phase::Working {
            self.phase = Phase::Paused;
            self.rate.pause(Instant::now());
            self.command(BatchCommand::Pause);
        }
    }

    /// Continues after [`pause`](Self::pause).
    pub fn resume(&mut self) {
        if self.phase == Phase::Paused {
            self.phase = Phase::Working;
            self.rate.resume(Instant::now());
            self.command(BatchCommand::Resume);
        }
    }

    /// Cancels the picture of a row.
    pub fn cancel(&mut self, row: usize) {
        let Some(place) = self.rows.get(row).and_then(Row::place) else {
            return;
        };
        let running = self.rows.get(row).map(|row| &row.state) == Some(&State::Running);
        // If a queued picture was just started, events about its start and its end follow.
        self.rows.set(
            row,
            if running {
                State::Stopping
            } else {
                State::Cancelled
            },
        );
        self.command(BatchCommand::Cancel(place));
    }

    /// Returns true if this row can be cancelled.
    pub fn can_cancel(&self, row: usize) -> bool {
        self.phase != Phase::Stopping && self.rows.get(row).and_then(Row::place).is_some()
    }

    /// Starts no further picture, and cancels those being made.
    pub fn cancel_all(&mut self) {
        if let Some(batch) = &self.batch {
            self.phase = Phase::Stopping;
            batch.cancel();
        }
    }

    fn command(&self, command: BatchCommand) {
        if let Some(batch) = &self.batch {
            batch.command(command);
        }
    }

    /// Handles the user's request to close the window. Returns true if it may close at once; otherwise the user is asked.
    pub fn close(&mut self) -> bool {
        match self.closing {
            Some(Closing::Closed) => true,
            _ if !self.is_working() => {
                self.closing = Some(Closing::Closed);
                true
            }
            Some(_) => false,
            None => {
                self.closing = Some(Closing::Asked);
                false
            }
        }
    }

    /// Returns true if the user is to be asked whether to close.
    pub fn asks(&self) -> bool {
        self.closing == Some(Closing::Asked)
    }

    /// Answers the question: do not close.
    pub fn keep_working(&mut self) {
        if self.asks() {
            self.closing = None;
        }
    }

    /// Answers the question: close when the pictures being made are finished, or after [`DRAIN`].
    pub fn drain(&mut self, now: Instant) {
        if self.asks() {
            self.closing = Some(Closing::Draining(now + DRAIN));
            self.phase = Phase::Stopping;
            self.command(BatchCommand::Close);
        }
    }

    /// Returns how long the closing window will still wait.
    pub fn drains_for(&self, now: Instant) -> Option<Duration> {
        match self.closing? {
            Closing::Draining(until) | Closing::Leaving(until) => {
                Some(until.saturating_duration_since(now))
            }
            Closing::Asked | Closing::Closed => None,
        }
    }

    /// Returns true if the window may close.
    pub fn is_closed(&self) -> bool {
        self.closing == Some(Closing::Closed)
    }

    /// Takes the results of background tasks. Returns the longest time until the next call, if there is one.
    pub fn tick(&mut self, now: Instant) -> Option<Duration> {
        self.take_listing();
        self.take_events(now);
        self.take_ending();
        self.look();
        self.go_on_closing(now);
        let watching = self
            .watcher
            .tick(now, self.settings.watching, self.batch.is_some());
        let clock = (self.phase == Phase::Working).then_some(Duration::from_millis(500));
        [watching, clock, self.drains_for(now)]
            .into_iter()
            .flatten()
            .min()
    }

    fn take_listing(&mut self) {
        let Some(listing) = self.looking.as_mut().and_then(BackgroundTask::take) else {
            return;
        };
        self.looking = None;
        match listing {
            Ok(Ok(mut listing)) => {
                self.notice = listing.warning.take();
                self.rows.list(listing, false);
            }
            Ok(Err(why)) => self.notice = Some(why),
            Err(error) => self.notice = Some(fault(&error)),
        }
    }

    fn take_events(&mut self, now: Instant) {
        for _ in 0..MAX_EVENTS {
            let Some(event) = self.batch.as_ref().and_then(Batch::event) else {
                return;
            };
            self.handle(event, now);
        }
        // The next frame handles the rest.
        (self.wake)();
    }

    fn handle(&mut self, event: BatchEvent, now: Instant) {
        let (place, state) = match event {
            BatchEvent::Listed(listing) => return self.rows.list(listing, true),
            BatchEvent::Began(place) => (place, State::Running),
            BatchEvent::Made(place, written) => (place, State::Done(written.into())),
            BatchEvent::Failed(place, why) => (place, State::Failed(why)),
            BatchEvent::Stopped(place) => (place, State::Cancelled),
        };
        let Some(row) = self.rows.at(place) else {
            return;
        };
        let before = self.rows.get(row).map(|row| &row.state);
        let state = match (before, state) {
            // Cancelled just before it was started.
            (Some(State::Cancelled), State::Running) => State::Stopping,
            (Some(before), state) if *before == state => return,
            (_, state) => state,
        };
        if matches!(state, State::Done(_) | State::Failed(_)) {
            self.rate.one_done(now);
        }
        self.rows.set(row, state);
    }

    fn take_ending(&mut self) {
        let Some(ending) = self.batch.as_mut().and_then(Batch::ended) else {
            return;
        };
        // The batch sent all its events before it ended.
        while let Some(event) = self.batch.as_ref().and_then(Batch::event) {
            self.handle(event, Instant::now());
        }
        self.batch = None;
        self.phase = Phase::Idle;
        self.rate.pause(Instant::now());
        self.rows.give_up();
        self.watcher.end();
        match ending {
            Ok(Ok(warning)) => self.notice = warning,
            Ok(Err(why)) => self.notice = Some(why),
            // Cancelled before it was started.
            Err(error) if error.is_cancelled() => {}
            Err(error) => self.notice = Some(fault(&error)),
        }
    }

    fn go_on_closing(&mut self, now: Instant) {
        self.closing = match self.closing {
            Some(_) if self.batch.is_none() => Some(Closing::Closed),
            Some(Closing::Draining(until)) if now >= until => {
                self.cancel_all();
                Some(Closing::Leaving(now + STOP))
            }
            // The disk does not answer. Closing is safe: every result is complete or absent.
            Some(Closing::Leaving(until)) if now >= until => Some(Closing::Closed),
            other => other,
        };
    }

    /// Saves the settings. Called after the window has closed, as this may wait for the disk.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn remember(&self) -> std::io::Result<()> {
        self.settings_place
            .as_ref()
            .map_or(Ok(()), |place| self.settings.save(place))
    }

    /// Returns the rows of the list.
    pub fn rows(&self) -> &[Row] {
        self.rows.all()
    }

    /// Returns how many rows are in each state.
    pub fn counts(&self) -> Counts {
        self.rows.counts()
    }

    /// Returns how many files in folders are not pictures.
    pub fn ignored(&self) -> usize {
        self.rows.ignored()
    }

    /// Returns the phase of the work.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Returns true if a batch runs.
    pub fn is_working(&self) -> bool {
        self.batch.is_some()
    }

    /// Returns true if folders are being searched.
    pub fn is_looking(&self) -> bool {
        self.looking.is_some() || self.stale
    }

    /// Returns the notice for the user.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// Sets or clears the notice for the user.
    pub fn set_notice(&mut self, notice: Option<String>) {
        self.notice = notice;
    }

    /// Returns the recent rate, in pictures per second.
    pub fn rate(&self, now: Instant) -> Option<f64> {
        self.rate.rate(now)
    }

    /// Returns the estimated time until the batch ends.
    pub fn time_left(&self, now: Instant) -> Option<Duration> {
        self.rate.left(self.rows.counts().open(), now)
    }

    /// Returns how long the batch has run, without pauses, and how many pictures are done.
    pub fn elapsed(&self, now: Instant) -> (Duration, usize) {
        (self.rate.elapsed(now), self.rate.total())
    }

    /// Returns the live tree and the timeline, if they were recorded.
    pub fn insight(&self) -> Option<&Insight> {
        self.watcher.insight()
    }
}

/// Describes the failure of a background task.
fn fault(error: &JoinError) -> String {
    match error.panic_message() {
        Some(message) => format!("A bug in this program: {message}"),
        None => messages::system(&std::io::Error::other(error.to_string())),
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk")
            .field("phase", &self.phase)
            .field("counts", &self.rows.counts())
            .finish_non_exhaustive()
    }
}
