//! The batch's own task.

use reunite::channel::Receiver;
use reunite::sync::Mutex;
use reunite::{Builder, Canceller, ScopeBuilder};
use reunite_images::Transform;
use reunite_images::batch::{FileError, Job, Ledger, Watch, Written, lock_shielded, run_watched};

use super::gate::Gate;
use super::messages::{Command, Ending, News, Report};
use super::order::Order;
use super::plan::{Plan, begin};
use crate::words;

/// Plans and runs; returns when nothing is running any more, all that was made is in its place, and what the
/// window asked for later is not heeded.
pub(super) fn run(order: &Order, commands: &Receiver<Command>, report: &Report) -> Ending {
    let kept = order
        .settings_place
        .as_ref()
        .map_or(Ok(()), |place| order.settings.save(place));
    let (mut listing, plan) = begin(order)?;
    let warning = listing.warning.take();
    report.tell(News::Listed(listing));
    let Plan {
        jobs,
        options,
        ledger,
    } = plan;
    let ledger = Mutex::new(ledger);
    let gate = Gate::default();
    let ended = ScopeBuilder::new().name("images").scope(|scope| {
        scope.spawn_with(Builder::new().name("clerk"), || gate.heed(commands));
        let watch = Desk {
            gate: &gate,
            report,
            ledger: &ledger,
            jobs: &jobs,
            transform: &options.transform,
        };
        // The clerk goes home however this ends.
        let _no_more = Closing(commands);
        run_watched(scope, &jobs, &options, watch);
    });
    // It was cancelled: the window knows, for it was the window that did that.
    drop(ended);
    let saved = ledger.into_inner().save();
    let forgotten = saved.err().map(|error| {
        format!(
            "Not all of what was made is remembered, and will be made again: {}.",
            words::system(&error)
        )
    });
    let unkept = kept.err().map(|error| {
        format!(
            "The settings are not remembered: {}.",
            words::system(&error)
        )
    });
    Ok(forgotten.or(warning).or(unkept))
}

/// Takes no more commands from when it is dropped.
struct Closing<'a>(&'a Receiver<Command>);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close_now();
    }
}

/// Stands between the batch and the window.
struct Desk<'a> {
    gate: &'a Gate,
    report: &'a Report,
    ledger: &'a Mutex<Ledger>,
    jobs: &'a [Job],
    transform: &'a Transform,
}

impl Watch for Desk<'_> {
    fn wanted(&self, place: usize) -> bool {
        self.gate.wants(place)
    }

    fn begins(&self, place: usize, canceller: Canceller) {
        self.gate.passes(place, canceller.clone());
        if !canceller.is_cancelled() {
            self.report.tell(News::Began(place));
        }
    }

    fn fails(&self, place: usize, error: &FileError) {
        self.gate.passed(place);
        self.report.tell(if error.is_cancelled() {
            News::Stopped(place)
        } else {
            News::Failed(place, words::reason(error))
        });
    }

    fn done(&self, place: usize, outcome: Result<Written, FileError>) {
        self.gate.passed(place);
        match outcome {
            Ok(written) => {
                lock_shielded(self.ledger).record(&self.jobs[place], self.transform);
                self.report.tell(News::Made(place, written));
            }
            // Of what fails before, the window knows already.
            Err(error) => self.fails(place, &error),
        }
    }
}
