//! A batch that runs behind the window.
//!
//! The window sends [`BatchCommand`]s and takes [`BatchEvent`]s, both through queues that it never waits for. One task
//! receives the commands and applies them to the [`Gate`](gate::Gate), which every picture passes. The other tasks are
//! those of [`reunite_images::batch`].

mod events;
mod gate;
mod listing;
mod plan;
mod request;
mod run;

use reunite::JoinError;
use reunite::channel::{Receiver, Sender, unbounded};

use crate::background::{BackgroundTask, Wake};

use events::{Ending, EventSender};

pub(crate) use events::{BatchCommand, BatchEvent};
pub(crate) use listing::{Listing, What};
pub(crate) use plan::plan;
pub(crate) use request::BatchRequest;

/// A batch that is running.
#[derive(Debug)]
pub(crate) struct Batch {
    commands: Sender<BatchCommand>,
    events: Receiver<BatchEvent>,
    task: BackgroundTask<Ending>,
}

impl Batch {
    /// Starts a batch; `wake` is called for each event and for the ending.
    pub(crate) fn start(request: BatchRequest, wake: &Wake) -> Self {
        let (commands, received) = unbounded();
        let (sender, events) = unbounded();
        let sender = EventSender::new(sender, wake);
        let task = BackgroundTask::start("batch", wake, move || {
            run::run(&request, &received, &sender)
        });
        Self {
            commands,
            events,
            task,
        }
    }

    /// Sends a command. A batch that has ended ignores it.
    pub(crate) fn command(&self, command: BatchCommand) {
        let _over = self.commands.try_send(command);
    }

    /// Cancels the batch, including pictures being made.
    pub(crate) fn cancel(&self) {
        self.task.cancel();
    }

    /// Takes the next event, if any.
    pub(crate) fn event(&self) -> Option<BatchEvent> {
        self.events.try_recv().ok()
    }

    /// Takes the ending, once, when the batch has ended.
    pub(crate) fn ended(&mut self) -> Option<Result<Ending, JoinError>> {
        self.task.take()
    }
}
