//! The flight recorder: it keeps the last events of every thread, and passes them on when something goes wrong.

use std::fmt;

use super::record::{Clock, Recorder, Scribe};
use super::{Profile, Profiling, profile_of};
use crate::error::{Cancelled, Deadlock};
use crate::id::Label;
use crate::observe::{Completion, Event, Observer, observe};
use crate::primitive::{Arc, Counter, Ordering};

/// A failure at which a [flight recorder](flight_recorder) passes on the last events.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Trouble {
    /// A wait was refused, because it would never have ended.
    Deadlock(Deadlock),
    /// A deadline passed before the work was done.
    Deadline(Cancelled),
    /// A task panicked.
    Panic(Label),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadlock(deadlock) => write!(f, "{deadlock}"),
            Self::Deadline(cancelled) => write!(f, "{cancelled}"),
            Self::Panic(task) => write!(f, "{task} panicked"),
        }
    }
}

struct Flight<F> {
    scribe: Scribe,
    tell: F,
    /// A flag: other than zero while `tell` runs.
    telling: Counter,
}

impl<F: Fn(&Trouble, &Profile) + Send + Sync> Observer for Flight<F> {
    fn on_event(&self, event: &Event<'_>) {
        self.scribe.on_event(event);
        let trouble = match *event {
            Event::Deadlock { deadlock } => Trouble::Deadlock(deadlock.clone()),
            Event::Cancel { cause, .. } if cause.is_deadline() => Trouble::Deadline(cause.clone()),
            Event::Complete {
                task,
                how: Completion::Panic,
            } => Trouble::Panic(task.clone()),
            _ => return,
        };
        if self.telling.swap(1, Ordering::Acquire) == 0 {
            let recorder = &self.scribe.0;
            (self.tell)(&trouble, &profile_of(recorder, recorder.now()));
            self.telling.store(0, Ordering::Release);
        }
    }
}

/// Starts a recorder that may run for ever: it keeps only the last `events` events of each thread. When a wait is
/// refused as part of a deadlock, a deadline passes or a task panics, `tell` is called with this [`Trouble`] and
/// the events before it, on the thread on which it happened. Trouble that happens while `tell` runs is not passed
/// on. If `tell` panics, the recorder stops, with a message on standard error. To get the events at any time, call
/// [`Profiling::look`].
///
/// To record without recompiling the program, set the environment variable `REUNITE_FLIGHT` to the name of a file.
/// The file is written at each [`Trouble`], and when a dump is requested (see `answer_dump_requests`).
///
/// ```
/// let (told, tells) = reunite::channel::unbounded();
/// let recorder = reunite::profile::flight_recorder(1_000, move |trouble, profile| {
///     told.send((trouble.to_string(), profile.tasks.len())).unwrap();
/// });
/// let failed = reunite::spawn(|| panic!("on purpose")).join();
/// assert!(failed.is_err());
/// let (trouble, tasks) = tells.recv().unwrap();
/// assert!(trouble.ends_with("panicked"));
/// assert!(tasks >= 1);
/// drop(recorder);
/// ```
pub fn flight_recorder(
    events: usize,
    tell: impl Fn(&Trouble, &Profile) + Send + Sync + 'static,
) -> Profiling {
    let recorder = Arc::new(Recorder::new(Clock::begin(), events));
    let flight = Flight {
        scribe: Scribe(Arc::clone(&recorder)),
        tell,
        telling: Counter::new(0),
    };
    Profiling {
        observing: observe(flight),
        recorder,
    }
}
