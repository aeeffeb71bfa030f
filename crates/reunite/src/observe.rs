//! What the library tells about itself: for now, who is late.

use std::fmt;
use std::io::{Write, stderr};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

use crate::id::Label;
use crate::primitive::{Arc, Duration, PoisonError, StaticMutex};

/// A task that was asked to stop and has not come back yet.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Straggler {
    /// Which task.
    pub task: Label,
    /// How long it has existed.
    pub age: Duration,
    /// What it is doing: "running", or what it waits for, where, since when.
    pub doing: String,
}

impl fmt::Display for Straggler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} still running after {:.1} s, {}",
            self.task,
            self.age.as_secs_f64(),
            self.doing
        )
    }
}

/// The tasks that did not come back in time: what [`shutdown`](crate::shutdown) returns.
#[derive(Clone, Debug)]
pub struct Stragglers(pub(crate) Vec<Straggler>);

impl Stragglers {
    /// Who is late, in spawn order.
    pub fn iter(&self) -> std::slice::Iter<'_, Straggler> {
        self.0.iter()
    }
}

impl fmt::Display for Stragglers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} task(s) did not stop in time", self.0.len())?;
        self.0
            .iter()
            .try_for_each(|straggler| write!(f, "; {straggler}"))
    }
}

impl std::error::Error for Stragglers {}

type Reporter = Arc<dyn Fn(&Label, &[Straggler]) + Send + Sync>;

static REPORTER: StaticMutex<Option<Reporter>> = StaticMutex::new(None);

/// Replaces what happens when a cancelled scope (or a dropped handle) has waited for a while for tasks
/// that do not stop. Unless replaced, a line for each goes to standard error. Called on the waiting
/// thread, first after five seconds, then at doubling intervals up to a minute.
///
/// ```
/// reunite::on_stragglers(|waiting, late| {
///     for straggler in late {
///         eprintln!("{waiting} waits: {straggler}");
///     }
/// });
/// ```
pub fn on_stragglers(reporter: impl Fn(&Label, &[Straggler]) + Send + Sync + 'static) {
    *REPORTER.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(reporter));
}

pub(crate) fn report_stragglers(waiting: &Label, late: &[Straggler]) {
    let reporter = REPORTER
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    match reporter {
        Some(reporter) => {
            // The scope still waits: a reporter's panic must not end that.
            let _told_by_the_hook = catch_unwind(AssertUnwindSafe(|| reporter(waiting, late)));
        }
        None => late.iter().for_each(|straggler| {
            // Where nobody reads standard error any more, the scope waits all the same.
            let _closed = writeln!(stderr(), "reunite: {waiting} waits: {straggler}");
        }),
    }
}

/// A task has completed and leaked the guard of a lock: nobody will ever release that.
pub(crate) fn report_leak(task: &Label, since: &Location<'_>) {
    let _closed = writeln!(
        stderr(),
        "reunite: {task} has completed without releasing the lock that it took at {}:{}: its guard was \
         forgotten; whoever waits for the lock is refused",
        since.file(),
        since.line()
    );
}
