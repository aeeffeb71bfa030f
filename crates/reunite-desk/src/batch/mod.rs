//! A batch behind a window: planned, run, told of, steered.
//!
//! The window sends [`Command`]s and takes [`News`], both through queues that it never waits for. One task, the
//! *clerk*, heeds the commands at the [`Gate`](gate::Gate), which every picture passes; the others are those of
//! [`reunite_images::batch`].

mod gate;
mod listing;
mod messages;
mod order;
mod plan;
mod run;

use reunite::JoinError;
use reunite::channel::{Receiver, Sender, unbounded};

use crate::errand::{Errand, Wake};

use messages::{Ending, Report};

pub(crate) use listing::{Listing, What};
pub(crate) use messages::{Command, News};
pub(crate) use order::Order;
pub(crate) use plan::plan;

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
        let report = Report::new(teller, wake);
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
