//! Load → transform → save.
//!
//! Each stage is an ordered map that pulls from the one before. A loaded picture holds its whole share of the memory
//! budget (see [`load`](super::load)), and its result keeps a part of that share until it is saved. So a picture waits
//! for memory only before it is loaded, and only for pictures that come before it.
//!
//! A codec cannot be stopped. So it runs on a thread that borrows nothing (see [`codecs`](super::codecs)), and the task
//! that waits for it abandons it when the picture's time limit passes or the batch is cancelled.

use std::sync::Arc;

use reunite::sync::Semaphore;
use reunite::{Canceller, JoinError, Scope, ScopeBuilder, checkpoint};
use reunite_base::file::{Durability, replace};

use super::codecs::{Codecs, Priority};
use super::error::FileError;
use super::job::Job;
use super::load::{Finished, Loaded, load};
use super::options::Options;
use super::watch::{Done, Watch, Written};
use crate::transform::Transform;

/// Runs the jobs in `scope` and calls `done` with the index and outcome of each, in the order of the jobs.
///
/// Returns when all jobs are done, or earlier if the scope is cancelled. Pictures whose outcome `done` has not received by
/// then were not written. A codec that is running at that moment is abandoned.
///
/// `done` is called on the thread that saves, right after a result is written.
pub fn run<'scope>(
    scope: &'scope Scope<'scope, '_>,
    jobs: &'scope [Job],
    options: &'scope Options,
    done: impl Fn(usize, Result<Written, FileError>) + Send + Sync + 'scope,
) {
    run_watched(scope, jobs, options, Done(done));
}

/// Does what [`run`] does, with a [`Watch`] that is also called before each picture and as soon as one fails.
pub fn run_watched<'scope>(
    scope: &'scope Scope<'scope, '_>,
    jobs: &'scope [Job],
    options: &'scope Options,
    watch: impl Watch + 'scope,
) {
    let stages = Arc::new(Stages {
        scope,
        options,
        budget: Arc::new(Semaphore::new(options.memory)),
        codecs: Codecs::new(if options.low_priority {
            Priority::Low
        } else {
            Priority::Normal
        }),
        watch,
    });
    let numbered = jobs.iter().enumerate();
    let loading = Arc::clone(&stages);
    let loaded = scope
        .map(numbered.clone(), move |(index, job)| {
            Staged(loading.load(index, job))
        })
        .name("load")
        .threads(1)
        .window(2);
    let transforming = Arc::clone(&stages);
    let mut transformed = scope
        .map(
            loaded.into_iter().zip(numbered.clone()),
            move |(loaded, (index, job))| {
                let loaded = flatten_outcome(loaded);
                Staged(loaded.and_then(|loaded| transforming.transform(index, job, loaded)))
            },
        )
        .name("transform")
        .threads(options.threads)
        .window(options.threads * 2);
    if let Some(timeout) = options.item_timeout {
        transformed = transformed.item_timeout(timeout);
    }
    let saved = scope
        .map(
            transformed.into_iter().zip(numbered),
            move |(finished, (index, job))| {
                let written = flatten_outcome(finished).and_then(|result| store(job, result));
                stages.watch.done(index, written);
            },
        )
        .name("save")
        .threads(1)
        .window(options.threads + 1);
    // The watch has received each outcome. Only a panic of the watch itself is passed on to the caller.
    for outcome in saved {
        match outcome {
            Err(error) if error.is_panic() => error.resume(),
            _ => {}
        }
    }
}

/// The state that the stages share.
struct Stages<'scope, 'env, W> {
    scope: &'scope Scope<'scope, 'env>,
    options: &'scope Options,
    budget: Arc<Semaphore>,
    codecs: Codecs,
    watch: W,
}

impl<W: Watch> Stages<'_, '_, W> {
    fn load(&self, index: usize, job: &Job) -> Result<Loaded, FileError> {
        let loaded = if self.watch.should_load(index) {
            load(&job.input, &self.settings(job), &self.budget)
        } else {
            Err(FileError::Skipped)
        };
        loaded.inspect_err(|error| self.watch.failed_early(index, error))
    }

    fn transform(&self, index: usize, job: &Job, loaded: Loaded) -> Result<Finished, FileError> {
        let finished = in_own_scope(job, |canceller| {
            self.watch.before_transform(index, canceller);
            checkpoint().map_err(|cancelled| FileError::Image(cancelled.into()))?;
            self.codecs.transform(loaded, self.settings(job))
        });
        finished
            .map_err(|error| match error {
                // The task noticed the item's timeout before the map did.
                FileError::Image(error) if error.is_late() && !self.scope.is_cancelled() => {
                    FileError::TimedOut
                }
                error => error,
            })
            .inspect_err(|error| self.watch.failed_early(index, error))
    }

    /// Returns the settings of the job's transform.
    fn settings(&self, job: &Job) -> Transform {
        Transform {
            format: Some(job.format),
            ..self.options.transform.clone()
        }
    }
}

/// Runs `body` in a scope of its own, so that this picture can be cancelled without the others.
fn in_own_scope<T>(
    job: &Job,
    body: impl FnOnce(Canceller) -> Result<T, FileError>,
) -> Result<T, FileError> {
    let name = job.input.file_name().unwrap_or_default().to_string_lossy();
    let ended = ScopeBuilder::new()
        .name(name)
        .scope_ended(|scope| body(scope.canceller()));
    // If the scope was cancelled, its body has returned the error of the cancellation, or a result finished in time.
    ended.value.unwrap_or(Err(FileError::Skipped))
}

/// The outcome of a stage for one picture.
///
/// A map reports each `Result` with an error that is dropped untaken. When the batch is cancelled, the stages drop
/// outcomes on purpose, and those pictures count as not done. So an outcome is a type of its own, not a `Result`.
struct Staged<T>(Result<T, FileError>);

/// Merges the outcome of a map with the outcome that its function returned.
fn flatten_outcome<T>(outcome: Result<Staged<T>, JoinError>) -> Result<T, FileError> {
    match outcome {
        Ok(Staged(result)) => result,
        Err(error) if error.is_timeout() => Err(FileError::TimedOut),
        Err(error) => Err(FileError::Task(error)),
    }
}

/// Writes a result to its path.
fn store(job: &Job, finished: Finished) -> Result<Written, FileError> {
    let failed = |error| FileError::Write(job.output.clone(), error);
    if let Some(folder) = job.output.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let encoded = &finished.encoded;
    // After a power failure, the next run finds by the ledger that a lost result differs, and makes it again.
    replace(&job.output, Durability::Process, |out| {
        out.write_all(&encoded.bytes)
    })
    .map_err(failed)?;
    Ok(Written {
        size: encoded.size,
        bytes_in: finished.bytes_in,
        bytes_out: encoded.bytes.len() as u64,
    })
}
