//! Which results are up to date: a file in the output folder that remembers what each was made of.
//!
//! It is written before the first result, about every second while results come in, and at the end; each
//! time whole or not at all, and together with what another run wrote down in the meantime. What a run sets
//! out to write is noted first: so whoever finds a result after a run was killed knows that it is one.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use reunite_base::file::{Durability, replace};
use serde::{Deserialize, Serialize};

use super::job::Job;
use super::stamp::Stamp;
use super::turn::turn;
use crate::transform::Transform;

const NAME: &str = ".reunite-images.json";

/// Between two writings, while results come in;
const PAUSE: Duration = Duration::from_secs(1);
/// and no more of the time than one part in so many, however long the book.
const SHARE: u32 = 50;

/// The memory of an output folder. A result is up to date if it is as this run would leave it: made of the
/// same input (by path, size and time of change) with the same settings, and itself not touched since.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    /// As it was read last, and what this run made.
    book: Book,
    /// The file that `book` was read from or written to.
    seen: Option<Stamp>,
    unreadable: Option<String>,
    /// What this run is going to make,
    pending: BTreeSet<String>,
    /// and what it has made.
    made: BTreeSet<String>,
    next: Option<Instant>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Book {
    version: u32,
    /// By the result's path below the output folder.
    results: BTreeMap<String, Entry>,
    /// Results that a run set out to write and did not write down.
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

/// What the ledger says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listed {
    /// Nothing.
    No,
    /// An earlier run made it.
    Result,
    /// An earlier run made one in its place, which looked otherwise.
    Changed,
}

/// Whether this is the ledger of some folder.
pub(super) fn is_ledger(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == NAME)
}

impl Ledger {
    /// Of this output folder. One that cannot be read counts as empty; see
    /// [`unreadable`](Self::unreadable).
    pub fn open(out: &Path) -> Self {
        let mut ledger = Self {
            path: out.join(NAME),
            book: Book::default(),
            seen: None,
            unreadable: None,
            pending: BTreeSet::new(),
            made: BTreeSet::new(),
            next: None,
        };
        ledger.unreadable = ledger.read().err();
        ledger
    }

    /// Why what it remembered is lost, if it is.
    pub fn unreadable(&self) -> Option<&str> {
        self.unreadable.as_deref()
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

    /// Whether there is something in the place of the job's result that no run is known to have made.
    pub fn is_in_the_way(&self, job: &Job) -> bool {
        let there = std::fs::symlink_metadata(&job.output);
        there.is_ok_and(|there| !there.is_dir()) && !self.knows(&self.key(job))
    }

    fn knows(&self, key: &str) -> bool {
        self.book.results.contains_key(key) || self.book.begun.contains(key)
    }

    /// What is known of any file.
    pub(super) fn lists(&self, path: &Path) -> Listed {
        let inside = || {
            let folder = self.path.parent()?.canonicalize().ok()?;
            let full = path.canonicalize().ok()?;
            full.strip_prefix(folder).map(text).ok()
        };
        let nothing = self.book.results.is_empty() && self.book.begun.is_empty();
        let Some(key) = (!nothing).then(inside).flatten() else {
            return Listed::No;
        };
        match self.book.results.get(&key) {
            Some(entry) if Stamp::of(path) == Some(entry.result) => Listed::Result,
            // Killed after it wrote that, before it noted it.
            _ if self.book.begun.contains(&key) => Listed::Result,
            Some(_) => Listed::Changed,
            None => Listed::No,
        }
    }

    /// These results are about to be written.
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

    /// The job's result was just written. From time to time this is written down.
    pub fn record(&mut self, job: &Job, transform: &Transform) {
        if let Some(entry) = entry(job, transform) {
            let key = self.key(job);
            self.pending.remove(&key);
            self.book.begun.remove(&key);
            self.book.results.insert(key.clone(), entry);
            self.made.insert(key);
        }
        if self.next.is_none_or(|next| Instant::now() >= next) {
            // If it fails now, it is tried again, and told at the end.
            let _again_later = self.write();
        }
    }

    /// Writes down what was recorded, whole or not at all.
    ///
    /// # Errors
    /// The file cannot be written: the next run makes everything again.
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

    /// `unmade`: what this run set out to make and is not going to.
    fn write_without(&mut self, unmade: &BTreeSet<String>) -> io::Result<()> {
        let _turn = turn(self.path.parent().unwrap_or(Path::new("")));
        let start = Instant::now();
        if Stamp::of(&self.path) != self.seen {
            self.join_others();
        }
        let begun = &mut self.book.begun;
        begun.retain(|key| !unmade.contains(key));
        begun.extend(self.pending.iter().cloned());
        let text = serde_json::to_vec(&self.book).map_err(io::Error::other)?;
        let written = replace(&self.path, Durability::PowerFailure, |out| {
            out.write_all(&text)
        });
        self.seen = Stamp::of(&self.path);
        self.next = Some(Instant::now() + PAUSE.max(start.elapsed() * SHARE));
        written
    }

    /// Another run was here: what it wrote, with what this one made. What it took away, or left so that it
    /// cannot be read, is written anew.
    fn join_others(&mut self) {
        let mut before = std::mem::take(&mut self.book);
        if !self.path.exists() || self.read().is_err() {
            self.book = before;
            return;
        }
        for key in &self.made {
            self.book.begun.remove(key);
            if let Some(entry) = before.results.remove(key) {
                self.book.results.insert(key.clone(), entry);
            }
        }
    }

    fn read(&mut self) -> Result<(), String> {
        let seen = Stamp::of(&self.path);
        let text = match std::fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(format!("{}: {error}", self.path.display())),
        };
        self.book = serde_json::from_slice(&text)
            .map_err(|error| format!("{}: {error}", self.path.display()))?;
        self.seen = seen;
        Ok(())
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
