//! Load → admit → transform → save.
//!
//! Each stage is an ordered map that pulls from the one before. *Admit* stands between load and
//! transform: it runs where the transform stage pulls, one picture at a time and in order, and waits until
//! the memory budget has room. A picture holds its share only while it is being transformed, and nothing
//! it waits for then needs a share, so admission cannot deadlock.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reunite::sync::{Permit, Semaphore};
use reunite::{JoinError, Scope};

use super::files::Job;
use super::save::save;
use crate::error::ImageError;
use crate::geometry::Size;
use crate::probe::Probe;
use crate::transform::{Encoded, Transform, transform};

/// How to run a batch.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is wanted of every picture.
    pub transform: Transform,
    /// How many pictures are transformed at a time.
    pub threads: usize,
    /// How many bytes the pictures being transformed may hold together. One picture that needs more runs
    /// alone.
    pub memory: u64,
    /// How long one picture may take.
    pub item_timeout: Option<Duration>,
}

/// A result that is in its place.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    /// Of the result, in pixels.
    pub size: Size,
    /// Of the input file.
    pub bytes_in: u64,
    /// Of the result file.
    pub bytes_out: u64,
}

/// Why one picture has no result.
#[derive(Debug)]
pub enum FileError {
    /// The input cannot be read.
    Read(std::io::Error),
    /// It cannot be decoded or encoded.
    Image(ImageError),
    /// The result cannot be written.
    Write(PathBuf, std::io::Error),
    /// It took longer than [`Options::item_timeout`].
    TimedOut,
    /// It was cancelled, or panicked.
    Task(JoinError),
}

impl FileError {
    /// Whether it was stopped, and nothing is wrong with it.
    pub fn is_cancelled(&self) -> bool {
        match self {
            Self::Image(error) => error.is_cancelled(),
            Self::Task(error) => error.is_cancelled(),
            Self::Read(_) | Self::Write(..) | Self::TimedOut => false,
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "cannot be read: {error}"),
            Self::Image(error) => write!(f, "{error}"),
            Self::Write(path, error) => write!(f, "cannot write {}: {error}", path.display()),
            Self::TimedOut => f.write_str("took longer than --item-timeout allows"),
            Self::Task(error) => match error.panic_message() {
                Some(message) => write!(f, "a fault in this program or its codecs: {message}"),
                None => write!(f, "{error}"),
            },
        }
    }
}

impl std::error::Error for FileError {}

type Staged<T> = Result<T, FileError>;

/// Runs the jobs in `scope` and hands each outcome to `done` as it comes, in the order of the jobs, with
/// its place in the list. Returns when all are done, or earlier if the scope is cancelled: the outcomes
/// that `done` did not get by then are of pictures that were not written.
///
/// `done` is called on the thread that saves, so a result that is in its place has been told.
pub fn run<'scope>(
    scope: &'scope Scope<'scope, '_>,
    jobs: &'scope [Job],
    options: &'scope Options,
    budget: &'scope Semaphore,
    done: impl Fn(usize, Result<Written, FileError>) + Send + Sync + 'scope,
) {
    let loaded = scope
        .map(jobs, |job| load(&job.input))
        .name("load")
        .threads(options.threads.div_ceil(4))
        .window(options.threads + 1);
    let admitted = loaded
        .into_iter()
        .map(|file| admit(flat(file)?, options, budget))
        .zip(jobs);
    let mut transformed = scope
        .map(admitted, |(file, job)| {
            let (bytes, _permit) = file?;
            let wanted = Transform {
                format: Some(job.format),
                ..options.transform.clone()
            };
            let encoded = transform(&bytes, &wanted).map_err(|error| {
                // Noticed on the way rather than by the map: the same thing.
                let its_own = error.is_late() && !scope.is_cancelled();
                if its_own {
                    FileError::TimedOut
                } else {
                    FileError::Image(error)
                }
            })?;
            Ok((encoded, bytes.len() as u64))
        })
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
                done(place, flat(result).and_then(|result| store(job, result)));
            },
        )
        .name("save")
        .threads(1)
        .window(options.threads + 1);
    // Each outcome was told where it was saved; a panic of `done` itself is the caller's.
    for outcome in saved {
        match outcome {
            Err(error) if error.is_panic() => error.resume(),
            _ => {}
        }
    }
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

fn load(path: &Path) -> Staged<Vec<u8>> {
    std::fs::read(path).map_err(FileError::Read)
}

/// Waits until there is room for what the picture will need, as its header tells.
fn admit<'a>(
    bytes: Vec<u8>,
    options: &Options,
    budget: &'a Semaphore,
) -> Staged<(Vec<u8>, Permit<'a>)> {
    let probe = Probe::read(&bytes).map_err(FileError::Image)?;
    // Before anything waits for the memory that a bomb announces.
    probe
        .check_limit(options.transform.max_pixels)
        .map_err(FileError::Image)?;
    let needed = probe.peak_bytes(&options.transform) + bytes.len() as u64;
    match budget.acquire_many(needed.min(budget.permits())) {
        Ok(permit) => Ok((bytes, permit)),
        Err(error) => Err(FileError::Image(match error.as_cancelled() {
            Some(cancelled) => cancelled.clone().into(),
            None => ImageError::unsupported(error.to_string()),
        })),
    }
}

fn store(job: &Job, (encoded, bytes_in): (Encoded, u64)) -> Staged<Written> {
    let failed = |error| FileError::Write(job.output.clone(), error);
    if let Some(folder) = job.output.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    save(&job.output, &encoded.bytes).map_err(failed)?;
    Ok(Written {
        size: encoded.size,
        bytes_in,
        bytes_out: encoded.bytes.len() as u64,
    })
}
