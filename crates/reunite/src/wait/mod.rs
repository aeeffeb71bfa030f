//! The one door: the only place where user code blocks in this library.
//!
//! # Protocol
//! A wait is given a closure, `ready`, that checks whether the result is there. The closure gets the parker of the
//! waiting thread. *In one critical section of the source* it must either find the result or store the parker for the
//! thread that brings the result. So the result comes either before that section, and `ready` finds it, or after it,
//! and the thread that brings it finds the parker. A source without a critical section stores the parker and then
//! checks once more, which has the same effect (see `channel::ring_channel`). The wait stores its parker in its cancel
//! node in the same way (see `cancel`).
//!
//! A park may end without a wake-up, so a wait is a loop. Each round reads the clock once and then checks, in this
//! order:
//!
//! 1. the result: it takes precedence over a cancellation and a timeout that arrived with it. The first round may skip
//!    this check if the caller has just made it and the parker is not marked: a thread that has brought the result
//!    since then would have marked the parker. But if other code that may wait has run since then (an observer, or code
//!    that gives up a place), that code may have lowered the mark, and the check must be made;
//! 2. cancellation, including the earliest deadline up the tree;
//! 3. the wait's own deadline;
//! 4. whether the wait is part of a deadlock: a wait without any deadline enters the wait-for graph when it has lasted
//!    for some time (see `deadlock`);
//! 5. whether its pool starves, when the wait has lasted for some time: then one wait that can return an error does so,
//!    and its thread goes on.
//!
//! A wait that ends may leave its parker stored in the source. At worst that causes a wake-up of some later park, which
//! every park tolerates.

mod block;
mod blocking;
mod guards;
mod outcome;
mod place;
mod recheck;
mod sleep;
mod thresholds;

use block::block;
use guards::BlockEventGuard;

use crate::contain::assert_outside;
use crate::deadlock::WaitSite;
use crate::park::Parker;
use crate::primitive::Instant;
use crate::spin::{SpinHint, pause_for_message, spin_until, yield_for_message};

pub(crate) use blocking::run_blocking;
pub(crate) use outcome::{Heed, WaitOutcome, tell_task};
pub(crate) use place::{Place, install};
pub use sleep::{sleep, sleep_deadline};

/// Blocks until `ready` returns true; see the protocol above for what `ready` must do.
pub(crate) fn wait(
    site: WaitSite,
    deadline: Option<Instant>,
    heed: Heed<'_>,
    ready: impl FnMut(&Parker) -> bool,
) -> WaitOutcome {
    spin_and_block(site, deadline, heed, ready, spin_until)
}

/// Blocks like [`wait`], until there is a message or room for one. `hint` tells whether pausing has paid off in this
/// channel.
pub(crate) fn wait_for_message(
    site: WaitSite,
    deadline: Option<Instant>,
    heed: Heed<'_>,
    hint: &SpinHint,
    ready: impl FnMut(&Parker) -> bool,
) -> WaitOutcome {
    spin_and_block(site, deadline, heed, ready, |asks| {
        pause_for_message(hint, asks) || yield_for_message(asks)
    })
}

fn spin_and_block(
    site: WaitSite,
    deadline: Option<Instant>,
    heed: Heed<'_>,
    mut ready: impl FnMut(&Parker) -> bool,
    spin: impl FnOnce(&mut dyn FnMut() -> bool) -> bool,
) -> WaitOutcome {
    assert_outside();
    let parker = Parker::current();
    if ready(&parker) {
        return WaitOutcome::Ready;
    }
    let told = BlockEventGuard::blocked(&site);
    // The thread that brings the result marks the parker. A waiter that spins looks only at that mark, and so does not
    // contend for the source with the thread that brings the result.
    let mut brought = || {
        parker.is_marked() && {
            parker.begin_check();
            let is_ready = ready(&parker);
            parker.end_check();
            is_ready
        }
    };
    // Waits with a deadline do not spin: many of them end without their result, and then spinning is most of their
    // cost.
    if deadline.is_none() && spin(&mut brought) {
        return WaitOutcome::Ready;
    }
    block(
        &parker,
        &site,
        deadline,
        heed,
        told.condition_checked(),
        &mut ready,
    )
}

/// Blocks like [`wait`], without spinning: the caller has done that itself.
pub(crate) fn block_until(
    site: WaitSite,
    deadline: Option<Instant>,
    heed: Heed<'_>,
    mut ready: impl FnMut(&Parker) -> bool,
) -> WaitOutcome {
    assert_outside();
    let parker = Parker::current();
    if ready(&parker) {
        return WaitOutcome::Ready;
    }
    let told = BlockEventGuard::blocked(&site);
    block(
        &parker,
        &site,
        deadline,
        heed,
        told.condition_checked(),
        &mut ready,
    )
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use std::panic::Location;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::current;
    use crate::deadlock::{WaitObject, WaitsOn};
    use crate::observe::{Event, Observer, Verb, observe};
    use crate::primitive::Duration;

    /// Records the events of the waits at one line.
    struct WaitRecorder {
        at: &'static Location<'static>,
        told: Arc<Mutex<Vec<&'static str>>>,
    }

    impl Observer for WaitRecorder {
        fn on_event(&self, event: &Event<'_>) {
            let mut told = self.told.lock().unwrap();
            match event {
                Event::Block { at, .. } if *at == self.at => told.push("block"),
                Event::Resume { task } if task.id() == current::current().record.label.id() => {
                    told.push("resume");
                }
                _ => {}
            }
        }
    }

    #[test]
    fn a_wait_that_ends_before_the_thread_sleeps_is_told_too() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let site = WaitSite {
            verb: Verb::Join,
            object: WaitObject::None,
            at: Location::caller(),
            on: WaitsOn::Time,
        };
        let observing = observe(WaitRecorder {
            at: site.at,
            told: Arc::clone(&told),
        });
        let mut asked = 0;
        let outcome = wait(site, None, Heed::Nothing, |_| {
            asked += 1;
            told.lock().unwrap().push("asked");
            asked == 2
        });
        drop(observing);
        assert!(matches!(outcome, WaitOutcome::Ready));
        assert_eq!(*told.lock().unwrap(), ["asked", "block", "asked", "resume"]);
    }
    /// An observer that waits whenever a task blocks at one line.
    struct WaitingObserver(&'static Location<'static>);

    impl Observer for WaitingObserver {
        fn on_event(&self, event: &Event<'_>) {
            if let Event::Block { at, .. } = event
                && *at == self.0
            {
                sleep(Duration::from_millis(1)).unwrap();
            }
        }
    }

    #[test]
    fn an_observer_that_waits_does_not_take_the_wake_up_of_the_wait_it_is_told_of() {
        let site = WaitSite {
            verb: Verb::Recv,
            object: WaitObject::None,
            at: Location::caller(),
            on: WaitsOn::Anyone,
        };
        let observing = observe(WaitingObserver(site.at));
        let deadline = crate::deadline::after(Duration::from_secs(60));
        let (mut asked, mut is_late) = (0, true);
        let outcome = wait(site, deadline, Heed::Nothing, |parker| {
            asked += 1;
            is_late = crate::deadline::has_passed(deadline);
            // The wake-up comes right after the first check.
            parker.unpark();
            asked == 2
        });
        drop(observing);
        assert!(matches!(outcome, WaitOutcome::Ready) && !is_late);
    }
}
