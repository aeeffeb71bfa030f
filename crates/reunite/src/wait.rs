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
//! 3. the wait's own deadline;
//! 4. whether it was found to be part of a deadlock, for which a wait without any deadline files itself in the
//!    wait-for graph when it has lasted a while; see there.
//!
//! A closure that was given the parker and is not asked again leaves it behind: at worst a stray token,
//! which every park tolerates.

use std::cell::Cell;
use std::panic::Location;

use crate::cancel::Node;
use crate::current::{self, Waiting};
use crate::deadline;
use crate::deadlock::{
    Object, On, Site, Standing, Yields, between_looks, explain, held_count, held_in_words, stand,
};
use crate::error::{Cancelled, Refusal};
use crate::observe::{self, Event, Stall, tell};
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
    /// It would never have ended. Only a wait without a deadline that heeds its task ends like this.
    Refused(Refusal),
}

/// Whose cancellation, or deadline, ends the wait.
#[derive(Clone, Copy)]
pub(crate) enum Heed<'a> {
    /// The current task's: what every wait of user code does.
    Task,
    /// This scope's: its end, which wants to know when it turns from waiting to chasing stragglers.
    Node(&'a Node),
    /// Nobody's: those waited for must come back.
    Nothing,
    /// Nobody's, and the deadline is only to look up at, not to give up at.
    Patiently,
    /// As that, but rather than never it ends refused: what is waited for goes on without the waiter.
    UnlessForEver,
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

/// [`wait`] for a caller who has done its own spinning.
pub(crate) fn block_until(
    site: Site,
    deadline: Option<Instant>,
    heed: Heed<'_>,
    mut ready: impl FnMut(&Parker) -> bool,
) -> Wait {
    let parker = Parker::here();
    if ready(&parker) {
        return Wait::Ready;
    }
    block(&parker, site, deadline, heed, ready)
}

/// How long a wait stays out of the wait-for graph: most are shorter, and pay nothing for it.
#[cfg(not(reunite_model))]
const GRACE: Duration = Duration::from_millis(1);
#[cfg(reunite_model)]
const GRACE: Duration = Duration::ZERO;

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
        Heed::Nothing | Heed::Patiently | Heed::UnlessForEver => None,
    };
    let until = deadline::earlier(deadline, node.and_then(|node| node.deadline()));
    let yields = match heed {
        Heed::Task => Yields::First,
        Heed::UnlessForEver => Yields::Last,
        Heed::Node(_) | Heed::Nothing | Heed::Patiently => Yields::Never,
    };
    let must_end = yields != Yields::First;
    let given_up = give_up_place(must_end);
    if given_up.starved && until.is_none() && !must_end {
        return Wait::Refused(Refusal::Starved);
    }
    // A wait that ends by itself is no part of a deadlock.
    let may_last = until.is_none() || matches!(heed, Heed::Patiently | Heed::UnlessForEver);
    let since = now();
    let files_at = match site.on {
        On::Time => None,
        _ if may_last => since.checked_add(GRACE),
        _ => None,
    };

    if let Some(node) = node {
        node.add_waiter(parker);
    }
    context.who.set_waiting(Some(Waiting {
        site: site.clone(),
        since,
    }));
    tell(|| Event::Block {
        task: &context.who.label,
        verb: site.verb,
        object: site.object.label(),
        at: site.at,
        holds: held_count(),
    });
    let mut watch = Watch::new(since);
    let mut ticket = 0;
    let mut verdict = None;
    let outcome = loop {
        parker.lower_mark();
        if ready(parker) {
            break Wait::Ready;
        }
        let gives_up = if let Some(Err(cancelled)) = node.map(|node| node.check()) {
            Some(Wait::Cancelled(cancelled))
        } else if deadline::has_passed(deadline) {
            Some(Wait::TimedOut)
        } else {
            verdict.map(|deadlock| Wait::Refused(Refusal::Deadlock(deadlock)))
        };
        if let Some(gives_up) = gives_up {
            break if ready(parker) { Wait::Ready } else { gives_up };
        }
        let files = deadline::has_passed(files_at);
        let wakes_at = watch.wakes_at(&site.on, until, if files { None } else { files_at });
        let standing = Standing {
            task: &context.who.label,
            site: &site,
            parker,
            yields,
            ticket: &mut ticket,
        };
        verdict = if files {
            stand(standing, || park_until(wakes_at))
        } else {
            park_until(wakes_at);
            None
        };
        if watch.is_stalled(&site) {
            let (kept_by, is_suspected) = explain(&site);
            observe::report_stall(&Stall {
                task: context.who.label.clone(),
                waits: site.to_string(),
                at: site.at,
                lasted: now().saturating_duration_since(since),
                holds: held_in_words(),
                kept_by,
                is_suspected,
                is_idle: matches!(site.on, On::Anyone) && !is_suspected,
            });
        }
    };
    tell(|| Event::Resume {
        task: &context.who.label,
    });
    context.who.set_waiting(None);
    if let Some(node) = node {
        node.remove_waiter(parker);
    }
    outcome
}

/// When a wait that lasts looks up: to say that it does, and to ask the graph again, in case a thread that was
/// about to end was still counted the last time.
struct Watch {
    since: Instant,
    /// How long it has to last until it looks up next.
    next: Duration,
    stalls_at: Option<Instant>,
}

const FIRST_LOOK: Duration = Duration::from_millis(8);
/// A wait that others end for certain looks up no more after this: whoever closes a cycle finds it there.
const LAST_LOOK: Duration = Duration::from_secs(60);

impl Watch {
    fn new(since: Instant) -> Self {
        Self {
            since,
            next: FIRST_LOOK,
            stalls_at: observe::stall_threshold().and_then(|after| since.checked_add(after)),
        }
    }

    /// The earliest of these and of its own.
    fn wakes_at(
        &mut self,
        on: &On,
        until: Option<Instant>,
        files_at: Option<Instant>,
    ) -> Option<Instant> {
        let lasted = now().saturating_duration_since(self.since);
        let looks = self
            .next_look(lasted, on)
            .and_then(|next| self.since.checked_add(next));
        let until = deadline::earlier(until, files_at);
        deadline::earlier(until, deadline::earlier(looks, self.stalls_at))
    }

    /// How long it will have lasted when it looks up next: eight times as long as the last time. A thread that
    /// nobody waits for may end at any time, so waits for anyone never cease to look, at most so far apart.
    fn next_look(&mut self, lasted: Duration, on: &On) -> Option<Duration> {
        let longest = matches!(on, On::Anyone).then(between_looks);
        while self.next <= lasted {
            self.next = match longest {
                Some(longest) => self.next.saturating_mul(8).min(lasted + longest),
                None if self.next < LAST_LOOK => self.next * 8,
                None => return None,
            };
        }
        Some(self.next)
    }

    /// Whether it has just come to last suspiciously long: once.
    fn is_stalled(&mut self, site: &Site) -> bool {
        let is_stalled = !matches!(site.on, On::Time) && deadline::has_passed(self.stalls_at);
        if deadline::has_passed(self.stalls_at) {
            self.stalls_at = None;
        }
        is_stalled
    }
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
        object: Object::None,
        at: Location::caller(),
        on: On::Time,
    };
    match block(&Parker::here(), site, deadline, Heed::Task, |_| false) {
        Wait::Ready | Wait::TimedOut | Wait::Refused(_) => Ok(()),
        Wait::Cancelled(cancelled) => Err(cancelled),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deadlock::Bond;

    #[test]
    fn a_wait_for_anyone_never_ceases_to_look() {
        let mut watch = Watch::new(now());
        let hour = Duration::from_secs(3600);
        for lasted in [Duration::ZERO, FIRST_LOOK, hour, 24 * hour] {
            let next = watch.next_look(lasted, &On::Anyone).unwrap();
            assert!(next > lasted && next <= lasted + hour);
        }
        let mut watch = Watch::new(now());
        assert!(watch.next_look(hour, &On::Bond(Bond::Lock(8))).is_none());
    }
}
