//! Sleeping: a wait for the clock alone.

use std::panic::Location;

use super::block::block;
use super::guards::{BlockEventGuard, ConditionChecked};
use super::outcome::{Heed, WaitOutcome};
use crate::deadline;
use crate::deadlock::{WaitObject, WaitSite, WaitsOn};
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
    let site = WaitSite {
        verb: Verb::Sleep,
        object: WaitObject::None,
        at: Location::caller(),
        on: WaitsOn::Time,
    };
    let _told = BlockEventGuard::blocked(&site);
    match block(
        &Parker::current(),
        &site,
        deadline,
        Heed::Task,
        ConditionChecked::No,
        &mut |_| false,
    ) {
        WaitOutcome::Ready | WaitOutcome::TimedOut | WaitOutcome::Refused(_) => Ok(()),
        WaitOutcome::Cancelled(cancelled) => Err(cancelled),
    }
}
