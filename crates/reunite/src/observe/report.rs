//! Reports: each goes to the installed reporter, or else to standard error.

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

/// Sets the function to call when a cancelled scope (or a dropped handle) has waited for some time for tasks
/// that do not stop. By default, a line for each task goes to standard error. The function is called on the waiting
/// thread, first after five seconds, then at doubling intervals of up to a minute.
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
    // Outside the lock: its destructor is the user's code.
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
            // The scope still waits: a panic of the reporter must not end that.
            contain(move || reporter(waiting, late));
        }
        None => late.iter().for_each(|straggler| {
            // If standard error is closed, the scope still waits.
            let _closed = writeln!(stderr(), "reunite: {waiting} waits: {straggler}");
        }),
    }
}

/// Returns the reporter; `None` if the calling thread is in a reporter or an observer. Otherwise a reporter could be
/// called for its own waits, without end.
fn reporter_of<R: ?Sized>(installed: &StaticMutex<Option<Arc<R>>>) -> Option<Arc<R>> {
    if is_quiet() {
        return None;
    }
    installed.lock().clone()
}

type StallReporter = Arc<dyn Fn(&Stall) + Send + Sync>;

static STALL_REPORTER: StaticMutex<Option<StallReporter>> = StaticMutex::new(None);

/// Sets the function to call when a wait has lasted [suspiciously long](super::stall_after). By default, a line goes
/// to standard error, except for waits that are likely [idle](Stall::is_idle). The function is called on the waiting
/// thread. For a pool in which nothing progresses, or whose forks no thread can take, it is called on the thread that
/// watches pools. Waits of the function itself are reported on standard error instead.
///
/// ```
/// reunite::on_stall(|stall| eprintln!("{stall}"));
/// ```
pub fn on_stall(reporter: impl Fn(&Stall) + Send + Sync + 'static) {
    let before = STALL_REPORTER.lock().replace(Arc::new(reporter));
    // Outside the lock: its destructor is the user's code.
    drop(before);
}

pub(crate) fn report_stall(stall: &Stall) {
    tell(|| Event::Stall { stall });
    match reporter_of(&STALL_REPORTER) {
        Some(reporter) => {
            let _quiet = Quiet::keep();
            // The wait goes on: a panic of the reporter must not end it.
            contain(move || reporter(stall));
        }
        None if stall.is_idle => {}
        None => {
            let _closed = writeln!(stderr(), "reunite: {stall}");
        }
    }
}

/// The report of a task that returned an error that was not taken: see [`on_unjoined_error`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UnjoinedError {
    /// The task.
    pub task: Label,
    /// The type of the returned value, or of the error, as the compiler writes it.
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
            "{} returned an error that was not taken ({}); {advice}",
            self.task, self.returned
        )
    }
}

type UnjoinedReporter = Arc<dyn Fn(&UnjoinedError) + Send + Sync>;

static UNJOINED_REPORTER: StaticMutex<Option<UnjoinedReporter>> = StaticMutex::new(None);

/// Sets the function to call when the error of a task is dropped although no join took it and no scope returns it.
/// By default, a line goes to standard error. The error of a task is dropped when:
///
/// - The closure of a task of a plain [`scope`](crate::scope()), or of a task outside any scope, returned an `Err`. To
///   the library that is a value of any type. It recognises a `Result` by the type's name, which
///   [`std::any::type_name`] gives for diagnostics only; so this is only a diagnostic, and what a scope returns never
///   depends on it. An `Err` inside another value is not recognised.
/// - A task of a [`try_scope`](crate::try_scope) failed and the scope's body panicked: the scope panics and returns no
///   error.
/// - An item of a map failed, or returned an `Err`, and the map's outcomes were dropped before that one was taken.
///
/// What a task returned after it was told of a cancellation is not reported, because it is most likely that
/// cancellation. To drop an error without a report, convert it: `s.spawn(|| save().ok())`.
///
/// The function is called on the thread that drops the result.
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
    // Outside the lock: its destructor is the user's code.
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

/// Reports that a scope is about to end, and has cancelled a map whose outcomes were forgotten.
pub(crate) fn report_forgotten(map: &Label, scope: &Label) {
    let _closed = writeln!(
        stderr(),
        "reunite: {map}, a map, was cancelled: its outcomes were forgotten and {scope} is about to end"
    );
}

/// Reports that a task has completed and leaked the guard of a lock: nothing will ever release that lock.
pub(crate) fn report_leak(task: &Label, since: &Location<'_>) {
    let _closed = writeln!(
        stderr(),
        "reunite: {task} has completed without releasing the lock that it took at {}:{}: its guard was \
         forgotten; waits for that lock are refused",
        since.file(),
        since.line()
    );
}
