//! Which results are up to date: a file in the output folder that remembers what each was made of.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::files::Job;
use super::save::save;
use crate::transform::Transform;

const NAME: &str = ".reunite-images.json";

/// The memory of an output folder. A result is up to date if it is as this run would leave it: made of the
/// same input (by path, size and time of change) with the same settings, and itself not touched since.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    book: Book,
    changed: bool,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Book {
    version: u32,
    /// By the result's path below the output folder.
    results: BTreeMap<String, Entry>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    input: String,
    from: Stamp,
    transform: Transform,
    result: Stamp,
}

/// Enough of a file's state to notice a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    bytes: u64,
    /// Nanoseconds since 1970.
    changed: u128,
}

impl Stamp {
    pub(super) fn of(path: &Path) -> Option<Self> {
        let meta = std::fs::metadata(path).ok()?;
        Some(Self {
            bytes: meta.len(),
            changed: nanoseconds(&meta)?,
        })
    }
}

fn nanoseconds(meta: &Metadata) -> Option<u128> {
    Some(
        meta.modified()
            .ok()?
            .duration_since(UNIX_EPOCH)
            .ok()?
            .as_nanos(),
    )
}

impl Ledger {
    /// Of this output folder. One that cannot be read counts as empty: at worst everything is made again.
    pub fn open(out: &Path) -> Self {
        let path = out.join(NAME);
        let book = std::fs::read(&path)
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok());
        Self {
            path,
            book: book.unwrap_or_default(),
            changed: false,
        }
    }

    /// Whether the job's result is up to date.
    pub fn is_current(&self, job: &Job, transform: &Transform) -> bool {
        let (Some(known), Some(now)) =
            (self.book.results.get(&self.key(job)), entry(job, transform))
        else {
            return false;
        };
        *known == now
    }

    /// The job's result was just written.
    pub fn record(&mut self, job: &Job, transform: &Transform) {
        if let Some(entry) = entry(job, transform) {
            self.book.results.insert(self.key(job), entry);
            self.changed = true;
        }
    }

    /// Writes down what was recorded, whole or not at all.
    ///
    /// # Errors
    /// The file cannot be written: the next run makes everything again.
    pub fn save(&mut self) -> io::Result<()> {
        if !self.changed {
            return Ok(());
        }
        let text = serde_json::to_vec(&self.book).map_err(io::Error::other)?;
        save(&self.path, &text)
    }

    fn key(&self, job: &Job) -> String {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        text(job.output.strip_prefix(folder).unwrap_or(&job.output))
    }
}

/// The path, or, if it is no text, its bytes so written that no two paths look alike.
fn text(path: &Path) -> String {
    path.to_str()
        .map_or_else(|| format!("{path:?}"), str::to_owned)
}

fn entry(job: &Job, transform: &Transform) -> Option<Entry> {
    let input = text(&job.input.canonicalize().ok()?);
    Some(Entry {
        input,
        // Not as it is now: it may have changed since it was read.
        from: job.seen?,
        transform: Transform {
            format: Some(job.format),
            ..transform.clone()
        },
        result: Stamp::of(&job.output)?,
    })
}
