//! Sleeping: a wait for the clock alone.

use std::panic::Location;

use super::block::block;
use super::outcome::{Heed, Wait};
use super::seen::{Asked, Told};
use crate::deadline;
use crate::deadlock::{Object, On, Site};
use crate::error::Cancelled;
use crate::observe::Verb;
use crate::park::Parker;
use crate::primitive::{Duration, Instant};

/// Sleeps for `duration`, or until the current task is cancelled.
///
/// # Errors
/// [`Cancelled`] if the task was cancelled before the time was up, or is cancelled already.
///
/// ```
/// use std::time::Duration;
/// reunite::sleep(Duration::from_millis(1)).unwrap();
/// ```
#[track_caller]
pub fn sleep(duration: Duration) -> Result<(), Cancelled> {
    sleep_until(deadline::after(duration))
}

/// Sleeps until `deadline`, or until the current task is cancelled.
///
/// # Errors
/// The errors of [`sleep`].
///
/// ```
/// use std::time::{Duration, Instant};
/// let tick = Instant::now() + Duration::from_millis(1);
/// reunite::sleep_deadline(tick).unwrap();
/// assert!(Instant::now() >= tick);
/// ```
#[track_caller]
pub fn sleep_deadline(deadline: Instant) -> Result<(), Cancelled> {
    sleep_until(Some(deadline))
}

#[track_caller]
fn sleep_until(deadline: Option<Instant>) -> Result<(), Cancelled> {
    let site = Site {
        verb: Verb::Sleep,
        object: Object::None,
        at: Location::caller(),
        on: On::Time,
    };
    let _told = Told::blocked(&site);
    match block(
        &Parker::here(),
        &site,
        deadline,
        Heed::Task,
        Asked::No,
        &mut |_| false,
    ) {
        Wait::Ready | Wait::TimedOut | Wait::Refused(_) => Ok(()),
        Wait::Cancelled(cancelled) => Err(cancelled),
    }
}
