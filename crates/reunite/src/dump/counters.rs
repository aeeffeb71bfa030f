//! The live tree as a few numbers.

use super::{Dump, DumpScope, DumpTask, dump};
use crate::observe::counted;
use crate::primitive::Duration;

/// The activity of the library at one moment, as numbers; see [`counters`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Scopes that have not ended. The scope of the tasks outside scopes counts while it has any task.
    pub scopes: usize,
    /// Tasks that have not begun to run.
    pub queued: usize,
    /// Tasks that run.
    pub running: usize,
    /// Tasks that have begun and wait for something.
    pub blocked: usize,
    /// Threads that this library started and that have not ended: busy and idle ones, and those of pools.
    pub threads: u64,
    /// The number of forks that a thread of a pool took from another one, since the program began.
    pub steals: u64,
    /// The time that tasks have waited, in sum, since the program began. A wait counts when it has ended, and only
    /// if its thread was about to sleep.
    pub blocked_time: Duration,
}

/// Returns the numbers of scopes, tasks and threads, as [`dump()`](crate::dump()) would list them now, and totals
/// since the program began.
///
/// ```
/// let (go, gate) = reunite::channel::rendezvous::<()>();
/// reunite::scope(|s| {
///     let task = s.spawn(move || gate.recv());
///     while reunite::counters().blocked == 0 {
///         std::thread::yield_now();
///     }
///     assert!(reunite::counters().threads >= 1);
///     drop(go);
///     assert!(task.join().unwrap().is_err());
/// });
/// ```
pub fn counters() -> Counters {
    dump().counters()
}

impl Dump {
    /// Counts the scopes and tasks of this dump. The other numbers are those of the moment of the call. See
    /// [`counters`].
    pub fn counters(&self) -> Counters {
        let totals = counted();
        let mut counters = Counters {
            threads: totals.threads,
            steals: totals.stolen,
            blocked_time: totals.blocked,
            ..Counters::default()
        };
        self.scopes.iter().for_each(|scope| counters.add(scope));
        counters
    }
}

impl Counters {
    fn add(&mut self, scope: &DumpScope) {
        self.scopes += 1;
        for task in &scope.tasks {
            *self.of_its_kind(task) += 1;
            task.scopes.iter().for_each(|inner| self.add(inner));
        }
    }

    fn of_its_kind(&mut self, task: &DumpTask) -> &mut usize {
        match (task.has_begun, &task.waits) {
            (false, _) => &mut self.queued,
            (true, None) => &mut self.running,
            (true, Some(_)) => &mut self.blocked,
        }
    }
}
