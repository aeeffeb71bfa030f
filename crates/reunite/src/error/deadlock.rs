//! The error of a deadlock: the waits that depend on each other, link by link.

use std::fmt;
use std::panic::Location;

use crate::id::Label;
use crate::primitive::Arc;

/// The error of a deadlock: waits that keep each other from ending. One of the waits was refused with this error, so
/// that the others can end.
///
/// `Display` lists for each task of the cycle where it was spawned, what it waits for and at which line, and which
/// task holds that and since which line. It ends with what to change in the program.
///
/// ```
/// use reunite::sync::Mutex;
/// let account = Mutex::new(100);
/// let _balance = account.lock().unwrap();
/// let error = account.lock().unwrap_err(); // the same task holds it: this wait would never end
/// assert!(error.is_deadlock());
/// assert_eq!(error.deadlock().unwrap().links().len(), 1);
/// ```
#[derive(Clone)]
pub struct Deadlock(Arc<DeadlockDetails>);

struct DeadlockDetails {
    links: Vec<DeadlockLink>,
    more_waits: usize,
    advice: &'static str,
}

/// One wait of a [`Deadlock`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeadlockLink {
    /// The task that waits. The wait of the first link is the one that was refused.
    pub task: Label,
    /// The wait in words, as in ``joins task `b` (src/main.rs:15)`` or `locks a mutex (src/main.rs:9)`.
    pub waits: String,
    /// The line where it waits.
    pub at: &'static Location<'static>,
    /// The locks that the task holds while it waits, each with the line that took it.
    pub holds: Vec<String>,
    /// The way in which the awaited thing depends on the next link, as in ``held since src/main.rs:12 by task `a`
    /// (src/main.rs:10)``; empty if it waits for the next link's task itself.
    pub kept: String,
}

impl Deadlock {
    pub(crate) fn new(links: Vec<DeadlockLink>, more_waits: usize, advice: &'static str) -> Self {
        Self(Arc::new(DeadlockDetails {
            links,
            more_waits,
            advice,
        }))
    }

    /// The waits, the refused one first. In a cycle each depends on the next, and the last on the first.
    pub fn links(&self) -> &[DeadlockLink] {
        &self.0.links
    }

    /// The number of further waits that are not listed. If every thread of the process waits for some other thread to
    /// do something, only some of the waits are listed.
    pub fn more_waits(&self) -> usize {
        self.0.more_waits
    }

    /// Advice on what to change in the program.
    pub fn advice(&self) -> &str {
        self.0.advice
    }
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadlock: ")?;
        for (place, link) in self.0.links.iter().enumerate() {
            let (file, line) = (link.at.file(), link.at.line());
            if place == 0 {
                write!(f, "{} ", link.task)?;
            } else {
                f.write_str(", which ")?;
            }
            write!(f, "{} at {file}:{line}", link.waits)?;
            if !link.kept.is_empty() {
                write!(f, ", {}", link.kept)?;
            }
        }
        if self.0.more_waits > 0 {
            write!(f, ", and {} more wait as well", self.0.more_waits)?;
        }
        write!(f, "; {}", self.0.advice)
    }
}

impl fmt::Debug for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Deadlock({self})")
    }
}

impl std::error::Error for Deadlock {}
