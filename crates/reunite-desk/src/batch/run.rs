//! The background task that runs a batch.

use reunite::channel::Receiver;
use reunite::sync::Mutex;
use reunite::{Builder, Canceller, ScopeBuilder};
use reunite_images::Transform;
use reunite_images::batch::{FileError, Job, Ledger, Watch, Written, lock_shielded, run_watched};

use super::events::{BatchCommand, BatchEvent, Ending, EventSender};
use super::gate::Gate;
use super::plan::{Plan, begin};
use super::request::BatchRequest;
use crate::messages;

/// Plans and runs a batch. When this returns, no task is running, all results are written, and further commands are
/// ignored.
pub(super) fn run(
    request: &BatchRequest,
    commands: &Receiver<BatchCommand>,
    events: &EventSender,
) -> Ending {
    let kept = request
        .settings_place
        .as_ref()
        .map_or(Ok(()), |place| request.settings.save(place));
    let (mut listing, plan) = begin(request)?;
    let warning = listing.warning.take();
    events.send(BatchEvent::Listed(listing));
    let Plan {
        jobs,
        options,
        ledger,
    } = plan;
    let ledger = Mutex::new(ledger);
    let gate = Gate::default();
    let ended = ScopeBuilder::new().name("images").scope(|scope| {
        scope.spawn_with(Builder::new().name("commands"), || gate.obey(commands));
        let watch = BatchWatch {
            gate: &gate,
            events,
            ledger: &ledger,
            jobs: &jobs,
            transform: &options.transform,
        };
        // Ends the task that receives commands, even on a panic.
        let _close = CloseOnDrop(commands);
        run_watched(scope, &jobs, &options, watch);
    });
    // The only error is a cancellation, which the window itself asked for.
    drop(ended);
    let saved = ledger.into_inner().save();
    let forgotten = saved.err().map(|error| {
        format!(
            "Not all results could be recorded, so some will be made again: {}.",
            messages::system(&error)
        )
    });
    let unkept = kept.err().map(|error| {
        format!(
            "The settings could not be saved: {}.",
            messages::system(&error)
        )
    });
    Ok(forgotten.or(warning).or(unkept))
}

/// Closes the channel of commands when dropped.
struct CloseOnDrop<'a>(&'a Receiver<BatchCommand>);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.close_now();
    }
}

/// Passes the steps of each picture to the gate, the ledger and the window.
struct BatchWatch<'a> {
    gate: &'a Gate,
    events: &'a EventSender,
    ledger: &'a Mutex<Ledger>,
    jobs: &'a [Job],
    transform: &'a Transform,
}

impl Watch for BatchWatch<'_> {
    fn should_load(&self, index: usize) -> bool {
        self.gate.should_load(index)
    }

    fn before_transform(&self, index: usize, canceller: Canceller) {
        self.gate.before_transform(index, canceller.clone());
        if !canceller.is_cancelled() {
            self.events.send(BatchEvent::Began(index));
        }
    }

    fn failed_early(&self, index: usize, error: &FileError) {
        self.gate.finished(index);
        self.events.send(if error.is_cancelled() {
            BatchEvent::Stopped(index)
        } else {
            BatchEvent::Failed(index, messages::reason(error))
        });
    }

    fn done(&self, index: usize, outcome: Result<Written, FileError>) {
        self.gate.finished(index);
        match outcome {
            Ok(written) => {
                lock_shielded(self.ledger).record(&self.jobs[index], self.transform);
                self.events.send(BatchEvent::Made(index, written));
            }
            // The window ignores an error that it received early.
            Err(error) => self.failed_early(index, &error),
        }
    }
}
