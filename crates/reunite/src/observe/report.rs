//! What is told to whoever installed a reporter, or else on standard error.

use std::fmt;
use std::io::{Write, stderr};
use std::panic::Location;

use super::event::{Event, Quiet, is_quiet, tell};
use super::stall::Stall;
use super::straggler::Straggler;
use crate::contain::contain;
use crate::id::Label;
use crate::primitive::{Arc, StaticMutex};

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
    let before = REPORTER.lock().replace(Arc::new(reporter));
    // Its destructor is the user's code.
    drop(before);
}

pub(crate) fn report_stragglers(waiting: &Label, late: &[Straggler]) {
    tell(|| Event::Late {
        waiting,
        stragglers: late,
    });
    match reporter_of(&REPORTER) {
        Some(reporter) => {
            let _quiet = Quiet::keep();
            // The scope still waits: a reporter's panic must not end that.
            contain(move || reporter(waiting, late));
        }
        None => late.iter().for_each(|straggler| {
            // Where nobody reads standard error any more, the scope waits all the same.
            let _closed = writeln!(stderr(), "reunite: {waiting} waits: {straggler}");
        }),
    }
}

/// The reporter, unless the calling thread is in one, or in an observer: it would be called for its own waits, and
/// for those in turn.
fn reporter_of<R: ?Sized>(installed: &StaticMutex<Option<Arc<R>>>) -> Option<Arc<R>> {
    if is_quiet() {
        return None;
    }
    installed.lock().clone()
}

type StallReporter = Arc<dyn Fn(&Stall) + Send + Sync>;

static STALL_REPORTER: StaticMutex<Option<StallReporter>> = StaticMutex::new(None);

/// Replaces what happens when a wait has lasted [suspiciously long](super::stall_after). Unless replaced, a line goes
/// to standard error, except for waits that are likely [idle](Stall::is_idle). Called on the waiting thread,
/// or for a pool that nobody gets on in, or whose forks nobody can take, on the thread that watches pools; the reporter's own waits go to standard error.
///
/// ```
/// reunite::on_stall(|stall| eprintln!("{stall}"));
/// ```
pub fn on_stall(reporter: impl Fn(&Stall) + Send + Sync + 'static) {
    let before = STALL_REPORTER.lock().replace(Arc::new(reporter));
    // Its destructor is the user's code.
    drop(before);
}

pub(crate) fn report_stall(stall: &Stall) {
    tell(|| Event::Stall { stall });
    match reporter_of(&STALL_REPORTER) {
        Some(reporter) => {
            let _quiet = Quiet::keep();
            // The wait goes on: a reporter's panic must not end it.
            contain(move || reporter(stall));
        }
        None if stall.is_idle => {}
        None => {
            let _closed = writeln!(stderr(), "reunite: {stall}");
        }
    }
}

/// A task returned an error that nobody took: see [`on_unjoined_error`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UnjoinedError {
    /// Which task.
    pub task: Label,
    /// The type of what it returned, or of the error, as the compiler writes it.
    pub returned: &'static str,
}

impl fmt::Display for UnjoinedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let advice = match self.task.item() {
            Some(_) => "take the outcomes of its map",
            None => "join it, or open its scope by `try_scope`",
        };
        write!(
            f,
            "{} returned an error that nobody took ({}); {advice}",
            self.task, self.returned
        )
    }
}

type UnjoinedReporter = Arc<dyn Fn(&UnjoinedError) + Send + Sync>;

static UNJOINED_REPORTER: StaticMutex<Option<UnjoinedReporter>> = StaticMutex::new(None);

/// Replaces what happens when the error of a task is dropped that no join took, and that no scope returns as its failure.
/// Unless replaced, a line goes to standard error.
///
/// - The closure of a task of a plain [`scope`](crate::scope()), or of one outside any scope, returned an `Err`. To the
///   library that is a value of any type; it tells by the name of the type, which [`std::any::type_name`] has for
///   diagnostics, so this is one: what a scope returns never depends on it. An `Err` inside of another value is not seen.
/// - A task of a [`try_scope`](crate::try_scope) failed whose body panicked: the panic goes on, and no error with it.
/// - An item of a map failed, or returned an `Err`, and the map's outcomes were dropped before it was taken.
///
/// What a task returned after it was told of a cancellation is not reported, as it is most likely that cancellation. A
/// task whose error is of no interest says so: `s.spawn(|| save().ok())`.
///
/// Called on the thread that drops the result.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// let (told, tell) = { let told = Arc::new(Mutex::new(vec![])); (Arc::clone(&told), told) };
/// reunite::on_unjoined_error(move |unjoined| tell.lock().unwrap().push(unjoined.to_string()));
/// reunite::scope(|s| {
///     s.spawn(|| "x".parse::<u32>());
/// });
/// assert!(told.lock().unwrap()[0].contains("ParseIntError"));
/// ```
pub fn on_unjoined_error(reporter: impl Fn(&UnjoinedError) + Send + Sync + 'static) {
    let before = UNJOINED_REPORTER.lock().replace(Arc::new(reporter));
    // Its destructor is the user's code.
    drop(before);
}

pub(crate) fn report_unjoined(task: &Label, returned: &'static str) {
    let unjoined = UnjoinedError {
        task: task.clone(),
        returned,
    };
    match reporter_of(&UNJOINED_REPORTER) {
        Some(reporter) => {
            let _quiet = Quiet::keep();
            contain(move || reporter(&unjoined));
        }
        None => {
            let _closed = writeln!(stderr(), "reunite: {unjoined}");
        }
    }
}

/// A scope has ended but for a map of which nobody takes the outcomes.
pub(crate) fn report_forgotten(map: &Label, scope: &Label) {
    let _closed = writeln!(
        stderr(),
        "reunite: {map}, a map, was cancelled: its outcomes were forgotten, and {scope} ends"
    );
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
