//! A batch behind a window: planned, run, told of, steered.
//!
//! The window sends [`Command`]s and takes [`News`], both through queues that it never waits for. One task, the
//! *clerk*, heeds the commands at the [`Gate`](gate::Gate), which every picture passes; the others are those of
//! [`reunite_images::batch`].

mod gate;
mod plan;
mod run;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use reunite::JoinError;
use reunite::channel::{Receiver, Sender, unbounded};
use reunite_images::batch::Written;

use crate::errand::{Errand, Wake};
use crate::settings::Settings;

pub(crate) use plan::plan;

/// What is to be made.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// Files and folders.
    pub(crate) inputs: Vec<PathBuf>,
    pub(crate) settings: Settings,
    /// Of the pictures found, only these; `None`: all.
    pub(crate) only: Option<HashSet<PathBuf>>,
    /// Where the settings are kept.
    pub(crate) settings_place: Option<PathBuf>,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) entries: Vec<Entry>,
    /// Files in folders that are no pictures.
    pub(crate) ignored: usize,
    /// What a person should know although it stops nothing.
    pub(crate) warning: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) input: PathBuf,
    pub(crate) output: Option<PathBuf>,
    pub(crate) what: What,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// To be made, and, once that has begun, its place among those.
    Todo(Option<usize>),
    /// Its result is up to date.
    Current,
    /// It cannot be made.
    Failed(String),
}

/// What the window is told. A place is one that the listing gave.
#[derive(Debug)]
pub(crate) enum News {
    Listed(Listing),
    Began(usize),
    Made(usize, Written),
    Failed(usize, String),
    Stopped(usize),
}

/// What the window may ask for.
#[derive(Debug)]
pub(crate) enum Command {
    /// Nothing more is begun,
    Pause,
    /// until this.
    Resume,
    /// This one need not be made.
    Cancel(usize),
    /// Nothing more is begun at all; what is under way is made.
    Close,
}

/// What is left to say when nothing is running any more: what a person should know, or why nothing began.
pub(crate) type Ending = Result<Option<String>, String>;

/// A batch that is running.
#[derive(Debug)]
pub(crate) struct Batch {
    commands: Sender<Command>,
    news: Receiver<News>,
    errand: Errand<Ending>,
}

impl Batch {
    pub(crate) fn start(order: Order, wake: &Wake) -> Self {
        let (commands, heeded) = unbounded();
        let (teller, news) = unbounded();
        let report = Report {
            news: teller,
            wake: Arc::clone(wake),
        };
        let errand = Errand::start("batch", wake, move || run::run(&order, &heeded, &report));
        Self {
            commands,
            news,
            errand,
        }
    }

    /// Heeded soon; a batch that is over heeds nothing.
    pub(crate) fn command(&self, command: Command) {
        let _over = self.commands.try_send(command);
    }

    /// Lets go of what is under way, too.
    pub(crate) fn cancel(&self) {
        self.errand.cancel();
    }

    pub(crate) fn news(&self) -> Option<News> {
        self.news.try_recv().ok()
    }

    /// How it ended, once, when it has.
    pub(crate) fn ended(&mut self) -> Option<Result<Ending, JoinError>> {
        self.errand.take()
    }
}

/// Where news go.
#[derive(Clone)]
struct Report {
    news: Sender<News>,
    wake: Wake,
}

impl Report {
    fn tell(&self, news: News) {
        // Unless the window is gone. A task that was cancelled tells all the same.
        if self.news.try_send(news).is_ok() {
            (self.wake)();
        }
    }
}
