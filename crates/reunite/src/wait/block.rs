//! The slow path of a wait: says what it waits for, and parks.

use super::grace::{GRACE, asks_at, enters_at, has_outlasted};
use super::outcome::{Heed, Wait, tell_task};
use super::place::GivenUp;
use super::seen::Seen;
use super::watch::Watch;
use crate::current;
use crate::deadline;
use crate::deadlock::{On, Site, Standing, Yields, explain, held_in_words, is_looked_for, stand};
use crate::error::Refusal;
use crate::observe::{self, Event, Stall, count_blocked, tell};
use crate::park::{Parker, park_until};
use crate::primitive::{Instant, now};

/// The slow path of [`wait`]: says what it waits for, and parks.
pub(super) fn block(
    parker: &Parker,
    site: Site,
    deadline: Option<Instant>,
    heed: Heed<'_>,
    mut ready: impl FnMut(&Parker) -> bool,
) -> Wait {
    let context = current::current();
    let node = match heed {
        Heed::Task | Heed::TaskUntold => Some(&*context.node),
        Heed::Node(node) => Some(node),
        Heed::Nothing | Heed::Patiently | Heed::UnlessForEver => None,
    };
    let until = deadline::earlier(deadline, node.and_then(|node| node.deadline()));
    let yields = match heed {
        Heed::Task | Heed::TaskUntold => Yields::First,
        Heed::UnlessForEver => Yields::Last,
        Heed::Node(_) | Heed::Nothing | Heed::Patiently => Yields::Never,
    };
    let must_end = yields != Yields::First;
    let given_up = GivenUp::by(parker, must_end);
    // A wait that ends by itself is no part of a deadlock.
    let may_last = until.is_none() || matches!(heed, Heed::Patiently | Heed::UnlessForEver);
    let since = now();
    let may_enter = may_last && (is_looked_for() || given_up.place.is_some());
    let enters = may_enter.then(|| enters_at(&site, since)).flatten();
    let may_starve = may_last && given_up.place.is_some();
    let asks = may_starve.then(|| asks_at(&site, since)).flatten();

    if let Some(node) = node {
        node.add_waiter(parker);
    }
    let seen = Seen::waiting(&context, site.clone(), since);
    let mut watch = Watch::new(since);
    let mut ticket = 0;
    let mut verdict = None;
    let outcome = loop {
        parker.begin_to_ask();
        if ready(parker) {
            break Wait::Ready;
        }
        parker.has_asked();
        let (lasts, may_ask) = (deadline::has_passed(enters), deadline::has_passed(asks));
        let gives_up = if let Some(Err(cancelled)) = node.map(|node| node.look()) {
            Some(Wait::Cancelled(cancelled))
        } else if deadline::has_passed(deadline) {
            Some(Wait::TimedOut)
        } else if let Some(deadlock) = verdict {
            Some(Wait::Refused(Refusal::Deadlock(deadlock)))
        } else if may_ask && given_up.is_starved() {
            Some(Wait::Refused(Refusal::Starved))
        } else {
            None
        };
        if let Some(gives_up) = gives_up {
            break if ready(parker) { Wait::Ready } else { gives_up };
        }
        let enters = enters.filter(|_| !lasts);
        let asks = asks.filter(|_| !may_ask);
        let wakes_at = watch.wakes_at(&site.on, until, deadline::earlier(enters, asks));
        let stands = lasts && is_looked_for();
        if stands && ticket == 0 && deadline::has_passed(since.checked_add(GRACE)) {
            has_outlasted(true);
        }
        let standing = Standing {
            task: &context.who.label,
            site: &site,
            parker,
            yields,
            ticket: &mut ticket,
        };
        verdict = if stands {
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
    drop(seen);
    if let Some(node) = node {
        node.remove_waiter(parker);
    }
    let lasted = now().saturating_duration_since(since);
    if may_enter && lasted < GRACE {
        has_outlasted(false);
    }
    count_blocked(lasted);
    if matches!(heed, Heed::Task) {
        tell_task(&outcome);
    }
    if let Wait::Refused(Refusal::Deadlock(deadlock)) = &outcome {
        tell(|| Event::Deadlock { deadlock });
    }
    outcome
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use std::panic::Location;
    use std::sync::Mutex;

    use super::*;
    use crate::deadlock::{Bond, Object};
    use crate::primitive::Ordering;
    use crate::wait::grace::{LASTING, MOST};
    use crate::wait::{Place, install};

    /// A pool that starves, as it says, and keeps when it was asked.
    struct Starves(Mutex<Option<Instant>>);

    impl Place for Starves {
        fn leave(&self, _: &Parker, _: bool) {}
        fn come_back(&self, _: &Parker) {}
        fn is_starved(&self, _: bool) -> bool {
            self.0.lock().unwrap().get_or_insert_with(now);
            true
        }
        fn let_others_ask(&self, _: &Parker) {}
    }

    /// However long most waits last.
    #[test]
    fn a_wait_does_not_starve_before_it_has_lasted_a_while() {
        for lasting in [0, MOST] {
            let place: &Starves = Box::leak(Box::new(Starves(Mutex::new(None))));
            let before = install(Some(place));
            let site = Site {
                verb: "lock",
                object: Object::None,
                at: Location::caller(),
                on: On::Bond(Bond::Lock(8)),
            };
            LASTING.store(lasting, Ordering::Relaxed);
            let begun = now();
            let outcome = block(&Parker::here(), site, None, Heed::Task, |_| false);
            install(before);
            assert!(matches!(outcome, Wait::Refused(Refusal::Starved)));
            let asked = place.0.lock().unwrap().unwrap();
            assert!(asked.saturating_duration_since(begun) >= GRACE);
        }
    }
}
