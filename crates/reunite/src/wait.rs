//! The one door: the only place where code of this library's users blocks.
//!
//! # Protocol
//! A wait is told by a closure whether what it waits for is there. The closure is given the parker of the
//! waiting thread and must, *in one critical section of the source*, either find the result there or leave
//! the parker for whoever brings it. So the source cannot complete in between: it either completes before
//! (and is found) or after (and finds the parker). The same holds for the cancel node, see there. Parks
//! may end for no reason, and every round asks again, in this order:
//!
//! 1. the result: it beats a cancellation and a timeout that arrived with it;
//! 2. cancellation, the earliest deadline up the tree included;
//! 3. the wait's own deadline.
//!
//! A closure that was given the parker and is not asked again leaves it behind: at worst a stray token,
//! which every park tolerates.

use std::cell::Cell;
use std::panic::Location;

use crate::cancel::Node;
use crate::current::{self, Site, Waiting};
use crate::deadline;
use crate::error::Cancelled;
use crate::park::{Parker, park_until, spin_briefly_until, spin_until};
use crate::primitive::{Duration, Instant, now, thread_local};

/// What a thread has to give up while it blocks: a worker's place in its pool. A wait inside another leaves
/// again, and comes back first.
pub(crate) trait Place {
    /// Whether anybody is left to do what is to be done; if the wait `must_end` with what it waits for, somebody
    /// is found.
    fn leave(&self, must_end: bool) -> bool;
    fn come_back(&self);
}

thread_local! {
    static PLACE: Cell<Option<&'static dyn Place>> = const { Cell::new(None) };
}

/// From now on this thread's waits give up `place`. Returns what they gave up before.
pub(crate) fn install(place: Option<&'static dyn Place>) -> Option<&'static dyn Place> {
    PLACE.with(|here| here.replace(place))
}

/// Comes back when dropped.
struct GivenUp {
    place: Option<&'static dyn Place>,
    starved: bool,
}

impl Drop for GivenUp {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            place.come_back();
        }
    }
}

fn give_up_place(must_end: bool) -> GivenUp {
    let place = PLACE.try_with(Cell::get).unwrap_or_default();
    GivenUp {
        place,
        starved: place.is_some_and(|place| !place.leave(must_end)),
    }
}

/// Runs `f`, which may block somewhere else, out of this thread's place.
pub(crate) fn giving_up_place<R>(f: impl FnOnce() -> R) -> R {
    let _given_up = give_up_place(false);
    f()
}

/// How a wait ended.
#[must_use]
pub(crate) enum Wait {
    Ready,
    TimedOut,
    Cancelled(Cancelled),
    /// The thread belongs to a pool all of whose threads block, while it has work queued and may start no
    /// other. Only a wait without a deadline that heeds its task ends like this.
    Starved,
}

/// Whose cancellation, or deadline, ends the wait.
#[derive(Clone, Copy)]
pub(crate) enum Heed<'a> {
    /// The current task's: what every wait of user code does.
    Task,
    /// This scope's: its end, which wants to know when it turns from waiting to chasing stragglers.
    Node(&'a Node),
    /// Nobody's: those waited for are cancelled already, and must come back.
    Nothing,
}

/// Blocks until `ready` says so; see the protocol above for what `ready` must do.
pub(crate) fn wait(
    site: Site,
    deadline: Option<Instant>,
    heed: Heed<'_>,
    mut ready: impl FnMut(&Parker) -> bool,
) -> Wait {
    let parker = Parker::here();
    let spin = match deadline {
        None => spin_until,
        Some(_) => spin_briefly_until,
    };
    if ready(&parker) || spin(&mut || ready(&parker)) {
        return Wait::Ready;
    }
    block(&parker, site, deadline, heed, ready)
}

/// [`wait`] without a deadline, for a caller who has done its own spinning.
pub(crate) fn block_until(
    site: Site,
    heed: Heed<'_>,
    mut ready: impl FnMut(&Parker) -> bool,
) -> Wait {
    let parker = Parker::here();
    if ready(&parker) {
        return Wait::Ready;
    }
    block(&parker, site, None, heed, ready)
}

/// The slow path of [`wait`]: says what it waits for, and parks.
fn block(
    parker: &Parker,
    site: Site,
    deadline: Option<Instant>,
    heed: Heed<'_>,
    mut ready: impl FnMut(&Parker) -> bool,
) -> Wait {
    let context = current::current();
    let node = match heed {
        Heed::Task => Some(&*context.node),
        Heed::Node(node) => Some(node),
        Heed::Nothing => None,
    };
    let until = deadline::earlier(deadline, node.and_then(|node| node.deadline()));
    let must_end = !matches!(heed, Heed::Task);
    let given_up = give_up_place(must_end);
    if given_up.starved && until.is_none() && !must_end {
        return Wait::Starved;
    }

    if let Some(node) = node {
        node.add_waiter(parker);
    }
    context
        .who
        .set_waiting(Some(Waiting { site, since: now() }));
    let outcome = loop {
        if let Some(Err(cancelled)) = node.map(|node| node.check()) {
            break if ready(parker) {
                Wait::Ready
            } else {
                Wait::Cancelled(cancelled)
            };
        }
        if deadline::has_passed(deadline) {
            break if ready(parker) {
                Wait::Ready
            } else {
                Wait::TimedOut
            };
        }
        park_until(until);
        if ready(parker) {
            break Wait::Ready;
        }
    };
    context.who.set_waiting(None);
    if let Some(node) = node {
        node.remove_waiter(parker);
    }
    outcome
}

/// Sleeps for `duration`, or until the current task is cancelled.
///
/// # Errors
/// [`Cancelled`] if the task was cancelled before the time was up, or is already.
///
/// ```
/// use std::time::Duration;
/// reunite::sleep(Duration::from_millis(1)).unwrap();
/// ```
#[track_caller]
pub fn sleep(duration: Duration) -> Result<(), Cancelled> {
    sleep_deadline(deadline::after(duration))
}

/// Sleeps until `instant`, or until the current task is cancelled.
///
/// # Errors
/// As [`sleep`].
#[track_caller]
pub fn sleep_until(instant: Instant) -> Result<(), Cancelled> {
    sleep_deadline(Some(instant))
}

#[track_caller]
fn sleep_deadline(deadline: Option<Instant>) -> Result<(), Cancelled> {
    let site = Site {
        verb: "sleep",
        object: None,
        at: Location::caller(),
    };
    match block(&Parker::here(), site, deadline, Heed::Task, |_| false) {
        Wait::Ready | Wait::TimedOut | Wait::Starved => Ok(()),
        Wait::Cancelled(cancelled) => Err(cancelled),
    }
}
