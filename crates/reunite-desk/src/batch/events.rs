//! The events and commands between a running batch and its window.

use std::sync::Arc;

use reunite::channel::Sender;
use reunite_images::batch::Written;

use super::listing::Listing;
use crate::background::Wake;

/// An event of a batch. Each `usize` is the index of a picture in the batch, as the listing gives it.
#[derive(Debug)]
pub(crate) enum BatchEvent {
    Listed(Listing),
    Began(usize),
    Made(usize, Written),
    Failed(usize, String),
    Stopped(usize),
}

/// A command to a running batch.
#[derive(Debug)]
pub(crate) enum BatchCommand {
    /// Start no further picture until `Resume`.
    Pause,
    /// Continue after `Pause`.
    Resume,
    /// Cancel the picture with this index.
    Cancel(usize),
    /// Start no further picture; finish those being made.
    Close,
}

/// The end of a batch: with a warning, if there is one, or with the reason why the batch could not start.
pub(crate) type Ending = Result<Option<String>, String>;

/// Sends the events of a batch to the window, and wakes it.
#[derive(Clone)]
pub(super) struct EventSender {
    events: Sender<BatchEvent>,
    wake: Wake,
}

impl EventSender {
    pub(super) fn new(events: Sender<BatchEvent>, wake: &Wake) -> Self {
        Self {
            events,
            wake: Arc::clone(wake),
        }
    }

    pub(super) fn send(&self, event: BatchEvent) {
        // `try_send` also works in a cancelled task. It fails only if the window is gone.
        if self.events.try_send(event).is_ok() {
            (self.wake)();
        }
    }
}
