//! Load → transform → save.
//!
//! Each stage is an ordered map that pulls from the one before. What is loaded has its whole share of the
//! memory budget (see [`load`](super::load)) and keeps what its result takes of it until that is saved:
//! pictures wait for memory only before they have begun, and only for pictures that come before them.
//!
//! A codec cannot be stopped. So it runs on a thread that borrows nothing (see [`codecs`](super::codecs)), and
//! whoever waits for it lets go of it when the picture's time is up or everything is to stop: the rest goes
//! on, or ends.

use std::sync::Arc;
use std::time::Duration;

use reunite::sync::Semaphore;
use reunite::{Canceller, JoinError, Scope, ScopeBuilder, checkpoint};
use reunite_base::file::{Durability, replace};

use super::codecs::Codecs;
use super::error::FileError;
use super::job::Job;
use super::load::{Finished, load};
use super::watch::{Done, Watch, Written};
use crate::transform::Transform;

/// How to run a batch.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is wanted of every picture.
    pub transform: Transform,
    /// How many pictures are transformed at a time.
    pub threads: usize,
    /// Whether the codecs leave the cores to whoever else wants them: so that a window is drawn at once although
    /// every core is busy. Where the system has no such thing for a single thread, this has no effect.
    pub polite: bool,
    /// How many bytes all pictures in work may hold together, their files included. A picture that needs
    /// more is refused.
    pub memory: u64,
    /// How long one picture may take. A codec that is still at it then goes on unheeded, on a detached
    /// thread, with its share of the memory, until it is done or the process ends.
    pub item_timeout: Option<Duration>,
}

type Staged<T> = Result<T, FileError>;

/// Runs the jobs in `scope` and hands each outcome to `done` as it comes, in the order of the jobs, with
/// its place in the list. Returns when all are done, or earlier if the scope is cancelled: the outcomes
/// that `done` did not get by then are of pictures that were not written. A codec that runs at that moment
/// is not waited for.
///
/// `done` is called on the thread that saves, so a result that is in its place has been told.
pub fn run<'scope>(
    scope: &'scope Scope<'scope, '_>,
    jobs: &'scope [Job],
    options: &'scope Options,
    done: impl Fn(usize, Result<Written, FileError>) + Send + Sync + 'scope,
) {
    run_watched(scope, jobs, options, Done(done));
}

/// [`run`], with somebody who is also told when a picture begins and fails, and may hold up or stop each.
pub fn run_watched<'scope>(
    scope: &'scope Scope<'scope, '_>,
    jobs: &'scope [Job],
    options: &'scope Options,
    watch: impl Watch + 'scope,
) {
    let budget = Arc::new(Semaphore::new(options.memory));
    let wanted = |job: &Job| Transform {
        format: Some(job.format),
        ..options.transform.clone()
    };
    let watch = Arc::new(watch);
    let told = |watch: &Arc<_>| {
        let watch = Arc::clone(watch);
        move |place, error| {
            Watch::fails(&*watch, place, &error);
            error
        }
    };
    let (asked, fails) = (Arc::clone(&watch), told(&watch));
    let loaded = scope
        .map(jobs.iter().enumerate(), move |(place, job)| {
            if asked.wanted(place) {
                load(&job.input, &wanted(job), &budget)
            } else {
                Err(FileError::Unwanted)
            }
            .map_err(|error| fails(place, error))
        })
        .name("load")
        .threads(1)
        .window(2);
    let codecs = Codecs::new(options.polite);
    let (begun, fails) = (Arc::clone(&watch), told(&watch));
    let mut transformed = scope
        .map(
            loaded.into_iter().zip(jobs).enumerate(),
            move |(place, (file, job))| {
                let file = flat(file)?;
                alone(job, |canceller| {
                    begun.begins(place, canceller);
                    checkpoint().map_err(|cancelled| FileError::Image(cancelled.into()))?;
                    codecs.transform(file, wanted(job))
                })
                .map_err(|error| match error {
                    // Noticed on the way rather than by the map: the same thing.
                    FileError::Image(error) if error.is_late() && !scope.is_cancelled() => {
                        FileError::TimedOut
                    }
                    error => error,
                })
                .map_err(|error| fails(place, error))
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
            transformed.into_iter().zip(jobs).enumerate(),
            move |(place, (result, job))| {
                watch.done(place, flat(result).and_then(|result| store(job, result)));
            },
        )
        .name("save")
        .threads(1)
        .window(options.threads + 1);
    // Each outcome was told where it was saved; a panic of the watcher itself is the caller's.
    for outcome in saved {
        match outcome {
            Err(error) if error.is_panic() => error.resume(),
            _ => {}
        }
    }
}

/// Runs `body` so that it can be cancelled without the rest.
fn alone<T>(job: &Job, body: impl FnOnce(Canceller) -> Staged<T>) -> Staged<T> {
    let name = job.input.file_name().unwrap_or_default().to_string_lossy();
    let ended = ScopeBuilder::new()
        .name(name)
        .scope_ended(|scope| body(scope.canceller()));
    // If it was cut short its body knows that, and what it made all the same is not lost.
    ended.value.unwrap_or(Err(FileError::Unwanted))
}

/// The outcome of a stage whose function returns `Result` itself.
fn flat<T>(outcome: Result<Staged<T>, JoinError>) -> Staged<T> {
    outcome.unwrap_or_else(|error| {
        Err(if error.is_timeout() {
            FileError::TimedOut
        } else {
            FileError::Task(error)
        })
    })
}

fn store(job: &Job, finished: Finished) -> Staged<Written> {
    let failed = |error| FileError::Write(job.output.clone(), error);
    if let Some(folder) = job.output.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let encoded = &finished.encoded;
    // After a power failure the ledger finds that a lost result differs, and it is made again.
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
