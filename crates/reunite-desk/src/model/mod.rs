//! What the window shows and what can be done with it, without a window.
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
//! Nothing here waits: work is done by [errands](crate::errand), [`Desk::tick`] takes what they have. It is called
//! whenever the window is drawn, which the errands ask for by [`Wake`].

mod pace;
mod rows;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reunite::JoinError;

use crate::batch::{Batch, Command, Listing, News, Order, plan};
use crate::errand::{Errand, Wake};
use crate::insight::{Insight, Watcher};
use crate::settings::Settings;
use crate::words;
use pace::Pace;
use rows::Rows;

pub use rows::{Counts, Made, Row, State};

/// How long a window that closes waits for pictures that are under way.
pub const DRAIN: Duration = Duration::from_secs(5);
/// And then for those that were told to stop.
const STOP: Duration = Duration::from_secs(2);
/// What is heeded between two frames: a flood of news must not hold up a frame.
const NEWS: usize = 2_000;

/// What goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing.
    Idle,
    /// A batch runs, or is about to.
    Working,
    /// A batch that begins nothing until it is told to.
    Paused,
    /// A batch that was told to stop.
    Stopping,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closing {
    /// It is for the person to decide.
    Asked,
    /// Until then, what is under way is waited for.
    Draining(Instant),
    /// Until then, what was told to stop is waited for.
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
    looking: Option<Errand<Result<Listing, String>>>,
    /// What is listed is not what the inputs and settings say.
    stale: bool,
    batch: Option<Batch>,
    phase: Phase,
    pace: Pace,
    watcher: Watcher,
    trouble: Option<String>,
    closing: Option<Closing>,
}

impl Desk {
    /// Nothing in it yet. `wake` is called on any thread whenever [`tick`](Self::tick) has something to take.
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
            pace: Pace::new(Instant::now()),
            trouble: None,
            closing: None,
        }
    }

    /// Remembers the settings at `place`, from the beginning of each batch and when the window closes.
    #[must_use]
    pub fn remembering(mut self, place: Option<PathBuf>) -> Self {
        self.settings_place = place;
        self
    }

    /// What is wanted.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Something else is wanted. While a batch runs, that is for the next one.
    pub fn set_settings(&mut self, settings: Settings) {
        self.stale |= !settings.makes_the_same(&self.settings);
        self.settings = settings;
        self.look();
    }

    /// Files and folders, chosen or dropped. Not while a batch runs.
    pub fn add(&mut self, inputs: impl IntoIterator<Item = PathBuf>) {
        if self.is_working() {
            self.trouble = Some(
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

    /// Forgets the list. Files stay where they are.
    pub fn clear(&mut self) {
        if !self.is_working() {
            self.inputs.clear();
            self.rows = Rows::default();
            self.looking = None;
            self.stale = false;
            self.trouble = None;
        }
    }

    /// Looks what is there, if that is not known and nothing else is going on.
    fn look(&mut self) {
        if self.inputs.is_empty() {
            self.stale = false;
        }
        if self.stale && self.looking.is_none() && !self.is_working() {
            self.stale = false;
            let order = self.order(None);
            self.looking = Some(Errand::start("look", &self.wake, move || plan(&order)));
        }
    }

    fn order(&self, only: Option<HashSet<PathBuf>>) -> Order {
        Order {
            inputs: self.inputs.clone(),
            settings: self.settings.clone(),
            only,
            settings_place: self.settings_place.clone(),
        }
    }

    /// Whether there is something that [`start`](Self::start) could do.
    pub fn can_start(&self) -> bool {
        !self.is_working() && !self.is_looking() && self.rows.counts().queued > 0
    }

    /// Makes all that is queued.
    pub fn start(&mut self) {
        if self.can_start() {
            let queued = self.rows.all().iter();
            let queued = queued.filter(|row| row.state == State::Queued);
            let queued = queued.map(|row| row.input.clone()).collect();
            self.begin(queued);
        }
    }

    /// Whether there is something that [`retry`](Self::retry) could do.
    pub fn can_retry(&self) -> bool {
        let counts = self.rows.counts();
        !self.is_working() && !self.is_looking() && counts.failed + counts.cancelled > 0
    }

    /// Tries again what failed or was cancelled.
    pub fn retry(&mut self) {
        if self.can_retry() {
            let unmade = self.rows.unmade().map(Path::to_owned).collect();
            self.begin(unmade);
        }
    }

    fn begin(&mut self, only: HashSet<PathBuf>) {
        self.trouble = None;
        self.stale = false;
        self.pace = Pace::new(Instant::now());
        self.phase = Phase::Working;
        self.watcher.begin();
        self.batch = Some(Batch::start(self.order(Some(only)), &self.wake));
    }

    /// Begins no further picture until [`resume`](Self::resume). Those under way are made.
    pub fn pause(&mut self) {
        if self.phase == Phase::Working {
            self.phase = Phase::Paused;
            self.pace.pause(Instant::now());
            self.command(Command::Pause);
        }
    }

    /// Goes on after [`pause`](Self::pause).
    pub fn resume(&mut self) {
        if self.phase == Phase::Paused {
            self.phase = Phase::Working;
            self.pace.resume(Instant::now());
            self.command(Command::Resume);
        }
    }

    /// This one need not be made.
    pub fn cancel(&mut self, row: usize) {
        let Some(place) = self.rows.get(row).and_then(Row::place) else {
            return;
        };
        let running = self.rows.get(row).map(|row| &row.state) == Some(&State::Running);
        // Should a queued one have begun this moment, that is told, and then that it ended.
        self.rows.set(
            row,
            if running {
                State::Stopping
            } else {
                State::Cancelled
            },
        );
        self.command(Command::Cancel(place));
    }

    /// Whether this row can be cancelled.
    pub fn can_cancel(&self, row: usize) -> bool {
        self.phase != Phase::Stopping && self.rows.get(row).and_then(Row::place).is_some()
    }

    /// Makes no further picture, and lets go of those under way.
    pub fn cancel_all(&mut self) {
        if let Some(batch) = &self.batch {
            self.phase = Phase::Stopping;
            batch.cancel();
        }
    }

    fn command(&self, command: Command) {
        if let Some(batch) = &self.batch {
            batch.command(command);
        }
    }

    /// Somebody wants to close the window. True if that may be at once; else there is a question to ask.
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

    /// Whether it is to be asked what should become of the work.
    pub fn asks(&self) -> bool {
        self.closing == Some(Closing::Asked)
    }

    /// The answer: do not close.
    pub fn keep_working(&mut self) {
        if self.asks() {
            self.closing = None;
        }
    }

    /// The answer: close when what is under way is made, or after [`DRAIN`].
    pub fn drain(&mut self, now: Instant) {
        if self.asks() {
            self.closing = Some(Closing::Draining(now + DRAIN));
            self.phase = Phase::Stopping;
            self.command(Command::Close);
        }
    }

    /// How long what is under way is still waited for.
    pub fn drains_for(&self, now: Instant) -> Option<Duration> {
        match self.closing? {
            Closing::Draining(until) | Closing::Leaving(until) => {
                Some(until.saturating_duration_since(now))
            }
            Closing::Asked | Closing::Closed => None,
        }
    }

    /// Whether the window may go.
    pub fn is_closed(&self) -> bool {
        self.closing == Some(Closing::Closed)
    }

    /// Takes what is there. Returns when to call it again at the latest, whatever happens.
    pub fn tick(&mut self, now: Instant) -> Option<Duration> {
        self.take_listing();
        self.take_news(now);
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
        let Some(listing) = self.looking.as_mut().and_then(Errand::take) else {
            return;
        };
        self.looking = None;
        match listing {
            Ok(Ok(mut listing)) => {
                self.trouble = listing.warning.take();
                self.rows.list(listing, false);
            }
            Ok(Err(why)) => self.trouble = Some(why),
            Err(error) => self.trouble = Some(fault(&error)),
        }
    }

    fn take_news(&mut self, now: Instant) {
        for _ in 0..NEWS {
            let Some(news) = self.batch.as_ref().and_then(Batch::news) else {
                return;
            };
            self.heed(news, now);
        }
        // The rest after this frame.
        (self.wake)();
    }

    fn heed(&mut self, news: News, now: Instant) {
        let (place, state) = match news {
            News::Listed(listing) => return self.rows.list(listing, true),
            News::Began(place) => (place, State::Running),
            News::Made(place, written) => (place, State::Done(written.into())),
            News::Failed(place, why) => (place, State::Failed(why)),
            News::Stopped(place) => (place, State::Cancelled),
        };
        let Some(row) = self.rows.at(place) else {
            return;
        };
        let before = self.rows.get(row).map(|row| &row.state);
        let state = match (before, state) {
            // Cancelled when it was about to begin.
            (Some(State::Cancelled), State::Running) => State::Stopping,
            (Some(before), state) if *before == state => return,
            (_, state) => state,
        };
        if matches!(state, State::Done(_) | State::Failed(_)) {
            self.pace.one_done(now);
        }
        self.rows.set(row, state);
    }

    fn take_ending(&mut self) {
        let Some(ending) = self.batch.as_mut().and_then(Batch::ended) else {
            return;
        };
        // It told all it had to tell before it ended.
        while let Some(news) = self.batch.as_ref().and_then(Batch::news) {
            self.heed(news, Instant::now());
        }
        self.batch = None;
        self.phase = Phase::Idle;
        self.pace.pause(Instant::now());
        self.rows.give_up();
        self.watcher.end();
        match ending {
            Ok(Ok(warning)) => self.trouble = warning,
            Ok(Err(why)) => self.trouble = Some(why),
            // Before it began.
            Err(error) if error.is_cancelled() => {}
            Err(error) => self.trouble = Some(fault(&error)),
        }
    }

    fn go_on_closing(&mut self, now: Instant) {
        self.closing = match self.closing {
            Some(_) if self.batch.is_none() => Some(Closing::Closed),
            Some(Closing::Draining(until)) if now >= until => {
                self.cancel_all();
                Some(Closing::Leaving(now + STOP))
            }
            // A disk that does not answer. Results are whole or not there, whenever this ends.
            Some(Closing::Leaving(until)) if now >= until => Some(Closing::Closed),
            other => other,
        };
    }

    /// Writes the settings down. Called when the window is gone, as this may wait for the disk.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn remember(&self) -> std::io::Result<()> {
        self.settings_place
            .as_ref()
            .map_or(Ok(()), |place| self.settings.save(place))
    }

    /// The list.
    pub fn rows(&self) -> &[Row] {
        self.rows.all()
    }

    /// How many rows stand where.
    pub fn counts(&self) -> Counts {
        self.rows.counts()
    }

    /// How many files in folders are no pictures.
    pub fn ignored(&self) -> usize {
        self.rows.ignored()
    }

    /// What goes on.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether a batch runs.
    pub fn is_working(&self) -> bool {
        self.batch.is_some()
    }

    /// Whether folders are being looked through.
    pub fn is_looking(&self) -> bool {
        self.looking.is_some() || self.stale
    }

    /// What a person should know.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Something else that a person should know.
    pub fn set_trouble(&mut self, trouble: Option<String>) {
        self.trouble = trouble;
    }

    /// Pictures in a second, of late.
    pub fn rate(&self, now: Instant) -> Option<f64> {
        self.pace.rate(now)
    }

    /// How long the batch will still take, at this rate.
    pub fn time_left(&self, now: Instant) -> Option<Duration> {
        self.pace.left(self.rows.counts().open(), now)
    }

    /// How long the batch took, and how many it has behind it.
    pub fn elapsed(&self, now: Instant) -> (Duration, usize) {
        (self.pace.elapsed(now), self.pace.total())
    }

    /// The live tree and the timeline, if somebody looks.
    pub fn insight(&self) -> Option<&Insight> {
        self.watcher.insight()
    }
}

/// In words that say whose fault it is.
fn fault(error: &JoinError) -> String {
    match error.panic_message() {
        Some(message) => format!("A fault in this program: {message}"),
        None => words::system(&std::io::Error::other(error.to_string())),
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
