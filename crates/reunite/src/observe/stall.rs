//! Waits that last suspiciously long.

use std::fmt;
use std::panic::Location;

use crate::escape::Escaped;
use crate::id::Label;
use crate::primitive::{Counter, Duration, Ordering};

/// The report of a wait that lasts suspiciously long.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stall {
    /// The task that waits.
    pub task: Label,
    /// The wait in words, as in ``joins task `b` (src/main.rs:15)``.
    pub waits: String,
    /// The line where it waits.
    pub at: &'static Location<'static>,
    /// The duration of the wait so far.
    pub lasted: Duration,
    /// The locks that the task holds while it waits, each with the line that took it.
    pub holds: Vec<String>,
    /// The tasks that keep the wait from ending and are waiting, too.
    pub kept_by: Vec<Label>,
    /// True if all threads that this library started wait: only a thread that it does not know could end the wait.
    pub is_suspected: bool,
    /// True if any thread could end the wait, as when a worker waits for its next job: probably nothing is wrong.
    pub is_idle: bool,
}

/// The greatest number of tasks of [`Stall::kept_by`] that a message names.
const NAMED: usize = 8;

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, line) = (self.at.file(), self.at.line());
        let lasted = self.lasted.as_secs_f64();
        write!(
            f,
            "{} {} at {file}:{line}, for {lasted:.1} s so far",
            self.task,
            Escaped(&self.waits)
        )?;
        for by in self.kept_by.iter().take(NAMED) {
            write!(f, ", kept waiting by {by}")?;
        }
        match self.kept_by.len().saturating_sub(NAMED) {
            0 => {}
            more => write!(f, ", and by {more} more")?,
        }
        for held in &self.holds {
            write!(f, ", holding {}", Escaped(held))?;
        }
        if self.is_suspected {
            f.write_str("; no other thread of this library runs: possibly a deadlock")?;
        }
        Ok(())
    }
}

/// The threshold in milliseconds; the largest number means never.
static STALL_AFTER: Counter = Counter::new(60_000);

/// Sets how long a wait lasts before it is [reported](crate::on_stall). Each wait is reported at most once. The default
/// is one minute; `None` means never. Applies to waits that begin after the call.
///
/// A waiting thread measures its own wait. In two cases another thread must do so, because the sleeping thread is in a
/// call that the library does not see: if all threads of a pool sleep in such calls while work is queued; and if a
/// thread of a pool sleeps in such a call, has [forked](crate::join()) closures that no other thread can take, and
/// another thread of that pool has nothing to do. The thread that watches pools reports both.
///
/// ```
/// reunite::stall_after(None);
/// ```
pub fn stall_after(threshold: impl Into<Option<Duration>>) {
    let threshold: Option<Duration> = threshold.into();
    let millis = threshold.and_then(|threshold| u64::try_from(threshold.as_millis()).ok());
    STALL_AFTER.store(millis.unwrap_or(u64::MAX), Ordering::Relaxed);
}

pub(crate) fn stall_threshold() -> Option<Duration> {
    let millis = STALL_AFTER.load(Ordering::Relaxed);
    (millis < u64::MAX).then(|| Duration::from_millis(millis))
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;
    use crate::id::LabelKind;

    #[test]
    fn a_message_names_eight_of_those_that_keep_it_waiting_and_counts_the_others() {
        let at = Location::caller();
        let label = |n: usize| Label::new(LabelKind::Task, Some(format!("t{n}")), at);
        let message = |keepers| {
            let stall = Stall {
                task: label(0),
                waits: "waits".to_owned(),
                at,
                lasted: Duration::from_secs(1),
                holds: Vec::new(),
                kept_by: (1..=keepers).map(label).collect(),
                is_suspected: false,
                is_idle: false,
            };
            stall.to_string()
        };
        let eight = message(8);
        assert!(
            eight.contains("kept waiting by task `t8`") && !eight.contains("more"),
            "{eight}"
        );
        let thousand = message(1_000);
        assert!(thousand.ends_with("and by 992 more"), "{thousand}");
        assert!(!thousand.contains("`t9`"), "{thousand}");
    }
}
