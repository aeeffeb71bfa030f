//! What a running batch and its window tell each other.

use std::sync::Arc;

use reunite::channel::Sender;
use reunite_images::batch::Written;

use super::listing::Listing;
use crate::errand::Wake;

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

/// Where news go.
#[derive(Clone)]
pub(super) struct Report {
    news: Sender<News>,
    wake: Wake,
}

impl Report {
    pub(super) fn new(news: Sender<News>, wake: &Wake) -> Self {
        Self {
            news,
            wake: Arc::clone(wake),
        }
    }

    pub(super) fn tell(&self, news: News) {
        // Unless the window is gone. A task that was cancelled tells all the same.
        if self.news.try_send(news).is_ok() {
            (self.wake)();
        }
    }
}
