//! The join profiler: how parallel a program was, how parallel it could be, and which line holds it back.
//!
//! The profiler is an ordinary observer: it records when tasks are spawned, begin, wait, go on and complete, and
//! analyses the records afterwards. *Work* is the time that tasks ran, slept, or were in calls marked as
//! [`blocking`](crate::blocking): the duration of the program if everything were done one after another. *Span* is the
//! longest chain of things that had to happen one after another. Work divided by span is the *parallelism*: how many
//! things could have gone on at the same time, on average.
//!
//! The profiler sees the tasks of scopes, maps, pools and `spawn`. A closure of a [`join`](crate::join()) is part of
//! the task that called `join`, unless another thread runs it: then it is a task of its own. Waits for locks and
//! channels do not make the span longer, because it is not known which task would have ended them.
//!
//! ```
//! let profiling = reunite::profile::start();
//! reunite::scope(|s| {
//!     let slow = s.spawn(|| std::thread::sleep(std::time::Duration::from_millis(20)));
//!     slow.join().unwrap(); // too early: the next task could have run meanwhile
//!     let other = s.spawn(|| std::thread::sleep(std::time::Duration::from_millis(20)));
//!     other.join().unwrap();
//! });
//! let profile = profiling.finish();
//! println!("{profile}"); // a summary of one screen
//! assert!(profile.work.as_millis() >= 40);
//! // Unless the machine was busy, a hint says that the first join comes too early.
//! for hint in &profile.hints {
//!     println!("{:?} at {}: {}", hint.kind, hint.at, hint.text);
//! }
//! ```

mod chain;
mod chrome;
mod environment;
mod flight;
mod folded;
mod hints;
mod html;
mod model;
mod names;
mod perfetto;
mod record;
mod replay;
mod replayed_tasks;
#[cfg(test)]
mod sample;
mod sites;
mod slices;
mod text;
mod write;

pub use model::{
    Hint, HintKind, JoinSite, Profile, Run, ScopeProfile, Step, TaskProfile, ThreadProfile, Waited,
};

pub use flight::{Trouble, flight_recorder};

#[cfg(all(unix, feature = "signal"))]
pub(crate) use environment::write_flight_if_asked;
pub(crate) use environment::{begin_if_asked, write_if_asked};

use std::collections::BTreeMap;
use std::panic::Location;

use crate::id::TaskId;
use crate::observe::{Observing, observe};
use crate::primitive::{Arc, Duration, available_parallelism};
use record::{Clock, EventRecord, Recorder, Scribe};
use replay::Replay;
use replayed_tasks::Burden;

/// A profile that is being recorded. Returned by [`start`]; [`finish`](Self::finish) ends the recording.
#[must_use = "the profile is lost when this is dropped"]
pub struct Profiling {
    recorder: Arc<Recorder>,
    observing: Observing,
}

/// Starts a profile of everything that this process does from now on. See [`Profile`] for what it contains, and for the
/// forms in which it can be written.
///
/// Each event costs some hundred nanoseconds and a hundred bytes of memory.
///
/// To profile a program without recompiling it, set the environment variable `REUNITE_PROFILE` to the name of a file.
/// The file is written when a scope ends that was opened outside any task, when [`shutdown`](crate::shutdown) returns,
/// and when the main thread ends.
///
/// ```
/// let profiling = reunite::profile::start();
/// reunite::scope(|s| (0..3).for_each(|_| drop(s.spawn(|| ()))));
/// let profile = profiling.finish();
/// assert!(profile.tasks.len() >= 3);
/// ```
pub fn start() -> Profiling {
    begin_with(Clock::begin())
}

/// Starts a profile as [`start`] does, with a clock that returns how long the *calling thread* has worked, by any
/// measure. With a clock that only counts, the figures are the same in every run.
///
/// ```
/// use std::{cell::Cell, time::Duration};
/// thread_local! { static WORKED: Cell<u64> = const { Cell::new(0) } }
/// fn work(ms: u64) { WORKED.set(WORKED.get() + ms) }
///
/// let profiling = reunite::profile::start_by(|| Duration::from_millis(WORKED.get()));
/// reunite::scope(|s| {
///     s.spawn(|| work(30));
///     s.spawn(|| work(50));
/// });
/// let profile = profiling.finish();
/// assert_eq!(profile.work, Duration::from_millis(80));
/// assert_eq!(profile.span, Duration::from_millis(50));
/// ```
pub fn start_by(clock: impl Fn() -> Duration + Send + Sync + 'static) -> Profiling {
    begin_with(Clock::OfThread(Box::new(clock)))
}

fn begin_with(clock: Clock) -> Profiling {
    let recorder = Arc::new(Recorder::new(clock, usize::MAX));
    Profiling {
        observing: observe(Scribe(Arc::clone(&recorder))),
        recorder,
    }
}

impl Profiling {
    /// Ends the recording and returns the profile. Call it when the scopes of interest have ended.
    pub fn finish(self) -> Profile {
        let Self {
            recorder,
            observing,
        } = self;
        let wall = recorder.now();
        drop(observing);
        profile_of(&recorder, wall)
    }

    /// Returns the profile up to now; the recording goes on.
    pub fn look(&self) -> Profile {
        profile_of(&self.recorder, self.recorder.now())
    }
}

impl std::fmt::Debug for Profiling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Profiling")
    }
}

fn profile_of(recorder: &Recorder, wall: Duration) -> Profile {
    let pages = recorder.pages();
    let last = |thread: usize| {
        pages[thread]
            .1
            .last()
            .map_or(Duration::ZERO, |record| record.at)
    };
    let until = |thread| match recorder.clock {
        Clock::OfThread(_) => last(thread),
        Clock::Since(_) => wall.max(last(thread)),
    };
    let plain = replay(&pages, Burden::default(), None, until);
    let work = plain.work();
    let (span, _, critical_path) = plain.longest();
    let (tasks, scopes) = plain.into_profiles();
    let burden = burden_of(&tasks);
    let (_, burdened_span, _) = replay(&pages, burden, None, until).longest();
    let sites = sites::of(&tasks);
    let seen = hints::HintInput {
        tasks: &tasks,
        scopes: &scopes,
        sites: &sites,
        span,
        work,
        wall,
        burden,
    };
    let span_if_later = |at| {
        replay(&pages, Burden::default(), Some(at), until)
            .longest()
            .0
    };
    let hints = hints::of(&seen, span_if_later);
    Profile {
        wall,
        cores: available_parallelism(),
        work,
        span,
        burdened_span,
        threads: pages
            .into_iter()
            .map(|(name, _)| ThreadProfile { name })
            .collect(),
        tasks,
        scopes,
        sites,
        critical_path,
        hints,
        forgotten: recorder.forgotten(),
    }
}

fn replay(
    pages: &[(String, Vec<EventRecord>)],
    burden: Burden,
    deferred: Option<&'static Location<'static>>,
    until: impl Fn(usize) -> Duration,
) -> Replay {
    let mut replay = Replay::new(burden, deferred);
    replay.run(pages, until);
    replay
}

/// The measured costs of starts and wake-ups: the medians.
fn burden_of(tasks: &[TaskProfile]) -> Burden {
    let starts = tasks
        .iter()
        .filter(|task| task.parent.is_some())
        .filter_map(|task| Some(task.started?.saturating_sub(task.spawned)));
    let completed: BTreeMap<TaskId, Duration> = tasks
        .iter()
        .filter_map(|task| Some((task.task.id(), task.completed?.0)))
        .collect();
    let wakes = tasks
        .iter()
        .flat_map(|task| &task.waits)
        .filter_map(|wait| {
            let completed = *completed.get(&wait.object.as_ref()?.id())?;
            (completed > wait.from).then(|| wait.to.saturating_sub(completed))
        });
    Burden {
        start: median(starts),
        wake: median(wakes.take(1_000)),
    }
}

fn median(durations: impl Iterator<Item = Duration>) -> Duration {
    let mut all: Vec<_> = durations.collect();
    all.sort_unstable();
    all.get(all.len() / 2).copied().unwrap_or_default()
}
