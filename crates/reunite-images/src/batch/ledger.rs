//! The ledger: a file in the output folder that records what each result was made from.
//!
//! It tells which results are up to date. It is written before the first result, about every second while results are
//! written, and at the end; each time atomically, and merged with what another run recorded in the meantime. The
//! results that a run is about to write are listed first, so that a later run recognises the results of a killed run.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use reunite_base::file::{Durability, replace};
use serde::{Deserialize, Serialize};

use super::job::Job;
use super::ledger_lock::ledger_lock;
use super::stamp::Stamp;
use crate::transform::Transform;

const NAME: &str = ".reunite-images.json";

/// The shortest time between two saves while results are written.
const SAVE_INTERVAL: Duration = Duration::from_secs(1);
/// Saving takes at most one part in so many of the time, however long the ledger is.
const SAVE_SHARE: u32 = 50;

/// The record of the results in an output folder.
///
/// A result is up to date if it was made from the same input (same path, length and modification time) with the same
/// settings, and was not changed since.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    /// The content as last read, and what this run has made.
    content: Content,
    /// The state of the ledger file that `content` was read from or written to.
    seen: Option<Stamp>,
    unreadable: Option<String>,
    /// The results that this run has yet to make.
    pending: BTreeSet<String>,
    /// The results that this run has made.
    made: BTreeSet<String>,
    /// The earliest time of the next save.
    next_save: Option<Instant>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Content {
    version: u32,
    /// The results, by path below the output folder.
    results: BTreeMap<String, Entry>,
    /// Results that a run was about to write and has not recorded.
    #[serde(default)]
    begun: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    input: String,
    from: Stamp,
    transform: Transform,
    result: Stamp,
}

/// The ledger's record of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listed {
    /// The file is not recorded.
    No,
    /// The result of an earlier run.
    Result,
    /// The result of an earlier run, changed since.
    Changed,
}

/// Returns true if `path` is named like a ledger.
pub(super) fn is_ledger(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == NAME)
}

impl Ledger {
    /// Opens the ledger of an output folder. A ledger that cannot be read counts as empty; see
    /// [`unreadable`](Self::unreadable).
    pub fn open(out: &Path) -> Self {
        let mut ledger = Self {
            path: out.join(NAME),
            content: Content::default(),
            seen: None,
            unreadable: None,
            pending: BTreeSet::new(),
            made: BTreeSet::new(),
            next_save: None,
        };
        ledger.unreadable = ledger.read().err();
        ledger
    }

    /// Returns why the ledger could not be read, if so.
    pub fn unreadable(&self) -> Option<&str> {
        self.unreadable.as_deref()
    }

    /// Returns true if the job's result is up to date.
    pub fn is_current(&self, job: &Job, transform: &Transform) -> bool {
        let (Some(known), Some(now)) = (
            self.content.results.get(&self.key(job)),
            entry(job, transform),
        ) else {
            return false;
        };
        *known == now
    }

    /// Returns true if a file that no run is known to have made is at the job's output path.
    pub fn is_in_the_way(&self, job: &Job) -> bool {
        let existing = std::fs::symlink_metadata(&job.output);
        existing.is_ok_and(|existing| !existing.is_dir()) && !self.knows(&self.key(job))
    }

    fn knows(&self, key: &str) -> bool {
        self.content.results.contains_key(key) || self.content.begun.contains(key)
    }

    /// Returns what the ledger records of a file.
    pub(super) fn lists(&self, path: &Path) -> Listed {
        let inside = || {
            let folder = self.path.parent()?.canonicalize().ok()?;
            let full = path.canonicalize().ok()?;
            full.strip_prefix(folder).map(text).ok()
        };
        let is_empty = self.content.results.is_empty() && self.content.begun.is_empty();
        let Some(key) = (!is_empty).then(inside).flatten() else {
            return Listed::No;
        };
        match self.content.results.get(&key) {
            Some(entry) if Stamp::of(path) == Some(entry.result) => Listed::Result,
            // A run was killed after it wrote this result and before it recorded it.
            _ if self.content.begun.contains(&key) => Listed::Result,
            Some(_) => Listed::Changed,
            None => Listed::No,
        }
    }

    /// Records that these results are about to be written.
    ///
    /// # Errors
    /// The output folder cannot be written to.
    pub fn begin(&mut self, jobs: &[Job]) -> io::Result<()> {
        if jobs.is_empty() {
            return Ok(());
        }
        self.pending = jobs.iter().map(|job| self.key(job)).collect();
        self.write()
    }

    /// Records that the job's result was written. Saves the ledger from time to time.
    pub fn record(&mut self, job: &Job, transform: &Transform) {
        if let Some(entry) = entry(job, transform) {
            let key = self.key(job);
            self.pending.remove(&key);
            self.content.begun.remove(&key);
            self.content.results.insert(key.clone(), entry);
            self.made.insert(key);
        }
        if self.next_save.is_none_or(|next| Instant::now() >= next) {
            // A failure is not reported here: the save at the end tries again.
            let _tried_again = self.write();
        }
    }

    /// Saves the ledger atomically.
    ///
    /// # Errors
    /// The file cannot be written. The next run then makes the results again.
    pub fn save(&mut self) -> io::Result<()> {
        let unmade = std::mem::take(&mut self.pending);
        if unmade.is_empty() && self.made.is_empty() {
            return Ok(());
        }
        self.write_without(&unmade)
    }

    fn write(&mut self) -> io::Result<()> {
        self.write_without(&BTreeSet::new())
    }

    /// Saves the ledger without the results in `unmade`, which this run listed and will not make.
    fn write_without(&mut self, unmade: &BTreeSet<String>) -> io::Result<()> {
        let _lock = ledger_lock(self.path.parent().unwrap_or(Path::new("")));
        let start = Instant::now();
        if Stamp::of(&self.path) != self.seen {
            self.merge();
        }
        let begun = &mut self.content.begun;
        begun.retain(|key| !unmade.contains(key));
        begun.extend(self.pending.iter().cloned());
        let text = serde_json::to_vec(&self.content).map_err(io::Error::other)?;
        let written = replace(&self.path, Durability::PowerFailure, |out| {
            out.write_all(&text)
        });
        self.seen = Stamp::of(&self.path);
        self.next_save = Some(Instant::now() + SAVE_INTERVAL.max(start.elapsed() * SAVE_SHARE));
        written
    }

    /// Merges what another run saved with what this run has made. If the file is gone or cannot be read, keeps the
    /// content of this run.
    fn merge(&mut self) {
        let mut before = std::mem::take(&mut self.content);
        if !self.path.exists() || self.read().is_err() {
            self.content = before;
            return;
        }
        for key in &self.made {
            self.content.begun.remove(key);
            if let Some(entry) = before.results.remove(key) {
                self.content.results.insert(key.clone(), entry);
            }
        }
    }

    /// Reads the ledger file, if it exists.
    fn read(&mut self) -> Result<(), String> {
        let seen = Stamp::of(&self.path);
        let text = match std::fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(format!("{}: {error}", self.path.display())),
        };
        self.content = serde_json::from_slice(&text)
            .map_err(|error| format!("{}: {error}", self.path.display()))?;
        self.seen = seen;
        Ok(())
    }

    /// Returns the key of the job's result: its path below the output folder.
    fn key(&self, job: &Job) -> String {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        text(job.output.strip_prefix(folder).unwrap_or(&job.output))
    }
}

/// Returns the path as text. A path that is not UTF-8 is escaped so that different paths stay different.
fn text(path: &Path) -> String {
    path.to_str()
        .map_or_else(|| format!("{path:?}"), str::to_owned)
}

/// Returns the entry for the job's result as it is now.
fn entry(job: &Job, transform: &Transform) -> Option<Entry> {
    let input = text(&job.input.canonicalize().ok()?);
    Some(Entry {
        input,
        // The state when the file was found: it may have changed since.
        from: job.found?,
        transform: Transform {
            format: Some(job.format),
            ..transform.clone()
        },
        result: Stamp::of(&job.output)?,
    })
}
