//! What keeps the members of a deadlock from going on, told link by link.

use std::fmt;
use std::panic::Location;

use crate::id::Label;
use crate::primitive::Arc;

/// Waits that keep each other from ending. One of them was refused with this, so that the others can end.
///
/// Shown as text, it tells each task of the cycle, where it was spawned, what it waits for at which line, who
/// keeps that and since which line, and what to change.
///
/// ```
/// use reunite::sync::Mutex;
/// let account = Mutex::new(100);
/// let _balance = account.lock().unwrap();
/// let error = account.lock().unwrap_err(); // again, by the same task: never
/// assert!(error.is_deadlock());
/// assert_eq!(error.deadlock().unwrap().links().len(), 1);
/// ```
#[derive(Clone)]
pub struct Deadlock(Arc<Inner>);

struct Inner {
    links: Vec<DeadlockLink>,
    untold: usize,
    advice: &'static str,
}

/// One wait of a [`Deadlock`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeadlockLink {
    /// Who waits; the one of the first link was refused.
    pub task: Label,
    /// For what, as in ``joins task `b` (src/main.rs:15)`` or `locks a mutex (src/main.rs:9)`.
    pub waits: String,
    /// The line where it waits.
    pub at: &'static Location<'static>,
    /// The locks it holds meanwhile, and since which line.
    pub holds: Vec<String>,
    /// How what it waits for depends on the next link, as in ``held since src/main.rs:12 by task `a`
    /// (src/main.rs:10)``; empty if it is the next link's task itself.
    pub kept: String,
}

impl Deadlock {
    pub(crate) fn new(links: Vec<DeadlockLink>, untold: usize, advice: &'static str) -> Self {
        Self(Arc::new(Inner {
            links,
            untold,
            advice,
        }))
    }

    /// The waits, that which was refused first. In a cycle each depends on the next, and the last on the first.
    pub fn links(&self) -> &[DeadlockLink] {
        &self.0.links
    }

    /// How many more waits there are: where every thread of the process waits for anybody to do something, only
    /// some are told.
    pub fn untold(&self) -> usize {
        self.0.untold
    }

    /// What to change in the program.
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
        if self.0.untold > 0 {
            write!(f, ", and {} more wait as well", self.0.untold)?;
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
