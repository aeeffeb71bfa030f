//! The slow path of a wait: parks until the condition is true, and shows meanwhile what the thread waits for.

use super::guards::{ConditionChecked, WaitingGuard};
use super::outcome::{Heed, WaitOutcome, tell_task};
use super::place::PlaceGuard;
use super::recheck::RecheckSchedule;
use super::thresholds::{
    FILES_AFTER, GRACE, enters_at, record_long, record_short, starvation_check_at,
};
use crate::cancel::CancelNode;
use crate::current::{self, Context, TaskRecord};
use crate::deadline;
use crate::deadlock::{
    Holder, PendingWait, Ticket, VictimPriority, WaitSite, WaitsOn, describe_held, explain,
    is_looked_for, wait_as_pending,
};
use crate::error::{Deadlock, Refusal};
use crate::observe::{self, Event, Stall, count_blocked, tell};
use crate::park::{Parker, park_from};
use crate::primitive::{Duration, Instant, now};

/// Waits until `ready` returns true, or until something else ends the wait: `deadline`, or what `heed` names. Parks
/// meanwhile, and shows the wait in the live tree. `asked` says whether the caller has just checked `ready`. The
/// protocol is at the top of the module `wait`.
pub(super) fn block(
    parker: &Parker,
    site: &WaitSite,
    deadline: Option<Instant>,
    heed: Heed<'_>,
    asked: ConditionChecked,
    ready: &mut dyn FnMut(&Parker) -> bool,
) -> WaitOutcome {
    let context = current::shared();
    let mut blocked = Blocked::new(parker, site, deadline, heed, &context);
    let heeded = blocked.node.map(|node| (node, node.add_waiter(parker)));
    let seen = WaitingGuard::waiting(&context, site.clone(), blocked.since);
    let mut must_ask = asked == ConditionChecked::No || blocked.is_late_or_has_left();
    let outcome = loop {
        if must_ask || parker.is_marked() {
            parker.begin_check();
            if ready(parker) {
                break WaitOutcome::Ready;
            }
        }
        parker.end_check();
        if let Some(gives_up) = blocked.end_without_condition(ready) {
            break gives_up;
        }
        blocked.park();
        must_ask = true;
    };
    drop(seen);
    if let Some((node, spot)) = heeded {
        node.remove_waiter(spot);
    }
    blocked.count();
    if matches!(heed, Heed::Task) {
        tell_task(&outcome);
    }
    if let WaitOutcome::Refused(Refusal::Deadlock(deadlock)) = &outcome {
        tell(|| Event::Deadlock { deadlock });
    }
    outcome
}

/// The state of a wait that blocks.
struct Blocked<'a> {
    parker: &'a Parker,
    site: &'a WaitSite,
    record: &'a TaskRecord,
    /// The node whose cancellation ends the wait.
    node: Option<&'a CancelNode>,
    /// The wait's own deadline.
    deadline: Option<Instant>,
    /// The earliest of the wait's own deadline and those up the tree.
    until: Option<Instant>,
    yields: VictimPriority,
    place: PlaceGuard<'a>,
    since: Instant,
    /// The instant at which the thread last woke. The clock is read only once per round, before the condition is
    /// checked.
    at: Instant,
    /// The instant from which on the wait is in the wait-for graph, if it ever is.
    enters: Option<Instant>,
    /// The instant from which on the wait checks whether its pool starves, if it ever does.
    asks: Option<Instant>,
    watch: RecheckSchedule,
    /// The instant at which the thread hands over its next work to others, if it has any.
    hands_over: Option<Instant>,
    ticket: Ticket,
    /// The holders of the thread's locks, once the wait has entered the graph.
    holders: Option<Vec<Holder>>,
    /// The reason for which the wait must not go on.
    verdict: Option<Deadlock>,
}

impl<'a> Blocked<'a> {
    fn new(
        parker: &'a Parker,
        site: &'a WaitSite,
        deadline: Option<Instant>,
        heed: Heed<'a>,
        context: &'a Context,
    ) -> Self {
        let node = match heed {
            Heed::Task | Heed::TaskUntold => Some(&*context.node),
            Heed::Node(node) => Some(node),
            Heed::Nothing | Heed::Patiently | Heed::UnlessForEver => None,
        };
        let until = deadline::earlier(deadline, node.and_then(|node| node.deadline()));
        let yields = match heed {
            Heed::Task | Heed::TaskUntold => VictimPriority::First,
            Heed::UnlessForEver => VictimPriority::Last,
            Heed::Node(_) | Heed::Nothing | Heed::Patiently => VictimPriority::Never,
        };
        let place = PlaceGuard::by(parker, yields != VictimPriority::First);
        let since = now();
        // A wait that the clock ends is not part of a deadlock.
        let may_last = until.is_none() || matches!(heed, Heed::Patiently | Heed::UnlessForEver);
        let may_starve = may_last && place.holds_place();
        let may_enter = may_starve || (may_last && is_looked_for());
        let hands_over = since.checked_add(GRACE).filter(|_| place.has_more());
        Self {
            parker,
            site,
            record: &context.record,
            node,
            deadline,
            until,
            yields,
            place,
            since,
            at: since,
            enters: may_enter.then(|| enters_at(site, since)).flatten(),
            asks: may_starve
                .then(|| starvation_check_at(site, since))
                .flatten(),
            watch: RecheckSchedule::new(since),
            hands_over,
            ticket: 0,
            holders: None,
            verdict: None,
        }
    }

    /// Returns true if the condition must be checked again before the first park, although the caller has checked it: a
    /// deadline has passed, and the condition may have become true before that; or the thread has given up its place,
    /// and that code may have consumed the parker's mark.
    fn is_late_or_has_left(&self) -> bool {
        self.place.holds_place() || deadline::is_over(self.until, self.at)
    }

    /// Returns how the wait ends without its result; `None` if it goes on. The caller has called `ready` after the
    /// instant `at`, and got false.
    fn end_without_condition(
        &mut self,
        ready: &mut dyn FnMut(&Parker) -> bool,
    ) -> Option<WaitOutcome> {
        let at = self.at;
        // A result that has come since then takes precedence over a cancellation and over starvation.
        let mut unless_ready = |gives_up| {
            Some(if ready(self.parker) {
                WaitOutcome::Ready
            } else {
                gives_up
            })
        };
        if let Some(Err(cancelled)) = self.node.map(|node| node.look_at(|| at)) {
            return unless_ready(WaitOutcome::Cancelled(cancelled));
        }
        if deadline::is_over(self.deadline, at) {
            return Some(WaitOutcome::TimedOut);
        }
        if let Some(deadlock) = self.verdict.take() {
            return Some(WaitOutcome::Refused(Refusal::Deadlock(deadlock)));
        }
        if deadline::is_over(self.asks, at) && self.place.is_starved() {
            return unless_ready(WaitOutcome::Refused(Refusal::Starved));
        }
        None
    }

    /// Sleeps until the thread is woken or has something to check. From the instant `enters` on, the wait is in the
    /// wait-for graph while the thread sleeps.
    fn park(&mut self) {
        let at = self.at;
        let lasts = deadline::is_over(self.enters, at);
        // The work is handed over before the wait enters the graph. Otherwise a thread could conclude that nothing ends
        // the wait, although the work would end it once another thread can take it.
        if self.hands_over.is_some() && (lasts || deadline::is_over(self.hands_over, at)) {
            self.hands_over = None;
            self.place.hand_over();
        }
        let wakes_at = self.wakes_at();
        if lasts && is_looked_for() {
            if self.ticket == 0 && self.has_lasted() {
                record_long();
            }
            let pending = PendingWait {
                task: &self.record.label,
                site: self.site,
                parker: self.parker,
                yields: self.yields,
                holders: self.holders.get_or_insert_with(current::holders),
                ticket: &mut self.ticket,
            };
            self.verdict = wait_as_pending(pending, || park_from(at, wakes_at));
        } else {
            park_from(at, wakes_at);
        }
        self.at = now();
        if self.watch.is_stalled(self.site, self.at) {
            self.report_stall();
        }
    }

    /// Returns the instant at which the thread wakes by itself: at a deadline, or because it has something to do.
    /// `None` if it sleeps until it is woken.
    fn wakes_at(&mut self) -> Option<Instant> {
        let at = self.at;
        let until = deadline::earlier(self.until, self.watch.stalls_at());
        let until = deadline::earlier(until, self.hands_over);
        if self.enters.is_none() {
            // A wait that never enters the graph needs neither the starvation check nor rechecks of the graph.
            return until;
        }
        let [enters, asks] = [self.enters, self.asks].map(|it| it.filter(|it| *it > at));
        let looks = self.watch.looks_at(self.site, at);
        let asks = deadline::earlier(asks, looks);
        deadline::earlier(until, deadline::earlier(enters, asks))
    }

    /// Calls the user's reporter, because the wait has lasted suspiciously long.
    #[cold]
    fn report_stall(&self) {
        let (kept_by, is_suspected) = explain(self.site);
        observe::report_stall(&Stall {
            task: self.record.label.clone(),
            waits: self.site.to_string(),
            at: self.site.at,
            lasted: self.lasted(),
            holds: describe_held(current::held_by_others()),
            kept_by,
            is_suspected,
            is_idle: matches!(self.site.on, WaitsOn::Anyone) && !is_suspected,
        });
    }

    fn lasted(&self) -> Duration {
        self.at.saturating_duration_since(self.since)
    }

    fn has_lasted(&self) -> bool {
        self.lasted() >= FILES_AFTER
    }

    /// Counts the wait, which has ended.
    fn count(&self) {
        if self.enters.is_some() && !self.has_lasted() {
            record_short();
        }
        count_blocked(self.lasted());
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use std::panic::Location;
    use std::sync::Mutex;

    use super::*;
    use crate::deadlock::{Resource, WaitObject};
    use crate::observe::Verb;
    use crate::primitive::Ordering;
    use crate::wait::thresholds::{LASTING, MOST};
    use crate::wait::{Place, install};

    #[track_caller]
    fn site(on: WaitsOn) -> WaitSite {
        WaitSite {
            verb: Verb::Recv,
            object: WaitObject::None,
            at: Location::caller(),
            on,
        }
    }

    /// The test waits longer than the time after which a wait without a deadline would recheck.
    #[test]
    fn a_wait_with_a_deadline_wakes_once() {
        let mut asked = 0;
        let mut ask = |_: &Parker| {
            asked += 1;
            false
        };
        let parker = Parker::current();
        let deadline = deadline::after(Duration::from_millis(30));
        let site = site(WaitsOn::Anyone);
        let outcome = block(
            &parker,
            &site,
            deadline,
            Heed::Task,
            ConditionChecked::Yes,
            &mut ask,
        );
        assert!(matches!(outcome, WaitOutcome::TimedOut));
        assert_eq!(asked, 1, "when the time is up");
    }

    #[test]
    fn what_has_come_beats_a_deadline_that_had_passed_when_the_wait_began() {
        let parker = Parker::current();
        let (site, deadline) = (site(WaitsOn::Anyone), Some(now()));
        let outcome = block(
            &parker,
            &site,
            deadline,
            Heed::Task,
            ConditionChecked::Yes,
            &mut |_| true,
        );
        assert!(matches!(outcome, WaitOutcome::Ready));
    }

    /// The code that gives up the place may have consumed the wake-up, so the condition is checked again afterwards.
    #[test]
    fn a_wait_that_gives_up_its_place_asks_after_that() {
        let place: &Starves = Box::leak(Box::new(Starves(Mutex::new(None))));
        let before = install(Some(place));
        let parker = Parker::current();
        let (site, deadline) = (
            site(WaitsOn::Anyone),
            deadline::after(Duration::from_secs(60)),
        );
        let mut is_late = true;
        let mut ask = |_: &Parker| {
            is_late = deadline::has_passed(deadline);
            true
        };
        let outcome = block(
            &parker,
            &site,
            deadline,
            Heed::Task,
            ConditionChecked::Yes,
            &mut ask,
        );
        install(before);
        assert!(matches!(outcome, WaitOutcome::Ready) && !is_late);
    }

    /// A pool that always reports starvation, and notes when it was asked.
    struct Starves(Mutex<Option<Instant>>);

    impl Place for Starves {
        fn leave(&self, _: &Parker, _: bool) {}
        fn come_back(&self, _: &Parker) {}
        fn is_starved(&self, _: bool) -> bool {
            self.0.lock().unwrap().get_or_insert_with(now);
            true
        }
        fn let_others_ask(&self, _: &Parker) {}
        fn has_more(&self) -> bool {
            false
        }
        fn hand_over(&self) {}
    }

    /// A park that needs a timer before the system's next tick costs twice as much.
    #[test]
    fn a_wait_of_no_pool_is_not_woken_before_it_is_filed() {
        let (parker, site, context) = (Parker::current(), site(WaitsOn::Anyone), current::shared());
        let mut blocked = Blocked::new(&parker, &site, None, Heed::Task, &context);
        let files_at = blocked.since + FILES_AFTER;
        assert!(blocked.wakes_at().is_none_or(|at| at >= files_at));
    }

    /// This holds even if most of the recent waits have lasted long.
    #[test]
    fn a_wait_does_not_starve_before_it_has_lasted_a_while() {
        for lasting in [0, MOST] {
            let place: &Starves = Box::leak(Box::new(Starves(Mutex::new(None))));
            let before = install(Some(place));
            let site = site(WaitsOn::Resource(Resource::Lock(8)));
            LASTING.store(lasting, Ordering::Relaxed);
            let begun = now();
            let outcome = block(
                &Parker::current(),
                &site,
                None,
                Heed::Task,
                ConditionChecked::No,
                &mut |_| false,
            );
            install(before);
            assert!(matches!(outcome, WaitOutcome::Refused(Refusal::Starved)));
            let asked = place.0.lock().unwrap().unwrap();
            assert!(asked.saturating_duration_since(begun) >= GRACE);
        }
    }
}
