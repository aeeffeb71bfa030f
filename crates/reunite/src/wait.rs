//! The one door: the only place where code of this library's users blocks.
//!
//! # Protocol
//! A wait is told by a closure whether what it waits for is there. The closure is given the parker of the
//! waiting thread and must, *in one critical section of the source*, either find the result there or leave
//! the parker for whoever brings it. So the source cannot complete in between: it either completes before
//! (and is found) or after (and finds the parker). A source without a critical section leaves the parker and then
//! looks once more, which comes to the same (see `channel::bounded`). The same holds for the cancel node, see there. Parks
//! may end for no reason, and every round asks again, in this order:
//!
//! 1. the result: it beats a cancellation and a timeout that arrived with it;
//! 2. cancellation, the earliest deadline up the tree included;
//! 3. the wait's own deadline;
//! 4. whether it was found to be part of a deadlock, for which a wait without any deadline files itself in the
//!    wait-for graph when it has lasted a while; see there;
//! 5. whether its pool starves, once it has lasted a while: then one wait that can fail does, so that its thread goes on.
//!
//! A closure that was given the parker and is not asked again leaves it behind: at worst a stray token,
//! which every park tolerates.

use std::cell::Cell;
use std::panic::Location;

use crate::cancel::Node;
use crate::contain::assert_outside;
use crate::current::{self, Context, Waiting};
use crate::deadline;
use crate::deadlock::{
    Object, On, Site, Standing, Yields, between_looks, explain, held_count, held_in_words,
    is_looked_for, stand,
};
use crate::error::{Cancelled, CutShort, Refusal};
use crate::observe::{self, Event, Stall, count_blocked, is_on, tell};
use crate::park::{Parker, park_until};
use crate::primitive::{Counter, Duration, Instant, Ordering, now, thread_local};
use crate::spin::{spin_briefly_until, spin_until};

/// What a thread has to give up while it blocks: a worker's place in its pool. A wait inside another leaves
/// again, and comes back first.
pub(crate) trait Place {
    /// `parker` is the one by which the thread will be woken. If nobody is left to do what is to be done and the
    /// wait `must_end` with what it waits for, somebody is found.
    fn leave(&self, parker: &Parker, must_end: bool);
    fn come_back(&self, parker: &Parker);
    /// Whether work lies there while all who could do it block, none of them about to go on, and nobody can be
    /// added. Whoever is told so must come back; if the wait `must_end`, somebody is found instead.
    fn is_starved(&self, must_end: bool) -> bool;
    /// If so, and the caller cannot come back, the others ask.
    fn let_others_ask(&self, parker: &Parker);
}

thread_local! {
    static PLACE: Cell<Option<&'static dyn Place>> = const { Cell::new(None) };
}

/// From now on this thread's waits give up `place`. Returns what they gave up before.
pub(crate) fn install(place: Option<&'static dyn Place>) -> Option<&'static dyn Place> {
    PLACE.with(|here| here.replace(place))
}

/// Comes back when dropped.
struct GivenUp<'a> {
    place: Option<&'static dyn Place>,
    parker: &'a Parker,
    must_end: bool,
}

impl<'a> GivenUp<'a> {
    fn by(parker: &'a Parker, must_end: bool) -> Self {
        let place = PLACE.try_with(Cell::get).unwrap_or_default();
        // It may yet go on, and must not be taken for blocked by others.
        parker.begin_to_ask();
        if let Some(place) = place {
            place.leave(parker, must_end);
        }
        Self {
            place,
            parker,
            must_end,
        }
    }

    fn is_starved(&self) -> bool {
        self.place
            .is_some_and(|place| place.is_starved(self.must_end))
    }
}

impl Drop for GivenUp<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            place.come_back(self.parker);
        }
        self.parker.has_asked();
    }
}

/// Runs `f`, which may block somewhere else, out of this thread's place, and lets it be seen.
pub(crate) fn blocking_elsewhere<R>(at: &'static Location<'static>, f: impl FnOnce() -> R) -> R {
    let site = Site {
        verb: "block",
        object: Object::None,
        at,
        on: On::Anyone,
    };
    let _told = Told::blocked(&site);
    let context = current::current();
    let _seen = Seen::waiting(&context, site, now());
    let parker = Parker::aside();
    let given_up = GivenUp::by(&parker, false);
    // What ends this is not seen.
    parker.is_deaf_from_now_on();
    if let Some(place) = given_up.place {
        place.let_others_ask(&parker);
    }
    f()
}

/// The live tree shows the task as waiting, until dropped.
struct Seen<'a> {
    context: &'a Context,
    before: Option<Waiting>,
}

impl<'a> Seen<'a> {
    fn waiting(context: &'a Context, site: Site, since: Instant) -> Self {
        let before = context.who.set_waiting(Some(Waiting { site, since }));
        Self { context, before }
    }
}

impl Drop for Seen<'_> {
    fn drop(&mut self) {
        self.context.who.set_waiting(self.before.take());
    }
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
    /// The current task's: what every wait of user code does. The task counts as told if the wait ends without what
    /// it waits for.
    Task,
    /// As that, but what is waited for may have been handed over all the same: only the caller can say, and
    /// if not, has to tell the task by [`tell_task`].
    TaskUntold,
    /// This scope's: its end, which wants to know when it turns from waiting to chasing stragglers.
    Node(&'a Node),
    /// Nobody's: those waited for must come back.
    Nothing,
    /// Nobody's, and the deadline is only to look up at, not to give up at.
    Patiently,
    /// As that, but rather than never it ends refused: what is waited for goes on without the waiter.
    UnlessForEver,
}

/// The current task is told that a wait of its ended so: if that leaves its work undone, it passes that on.
pub(crate) fn tell_task(ended: &Wait) {
    match ended {
        Wait::Ready | Wait::TimedOut => {}
        Wait::Cancelled(_) => current::tell_cancelled(),
        Wait::Refused(refusal) => current::tell_here(&CutShort::Refused(refusal.clone())),
    }
}

/// Blocks until `ready` says so; see the protocol above for what `ready` must do.
pub(crate) fn wait(
    site: Site,
    deadline: Option<Instant>,
    heed: Heed<'_>,
    mut ready: impl FnMut(&Parker) -> bool,
) -> Wait {
    assert_outside();
    let parker = Parker::here();
    let spin = match deadline {
        None => spin_until,
        Some(_) => spin_briefly_until,
    };
    if ready(&parker) {
        return Wait::Ready;
    }
    let _told = Told::blocked(&site);
    // Whoever brings it says so there. So nobody is kept from bringing it by one who asks again and again.
    let mut brought = || {
        parker.is_marked() && {
            parker.begin_to_ask();
            let is_ready = ready(&parker);
            parker.has_asked();
            is_ready
        }
    };
    if spin(&mut brought) {
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
    assert_outside();
    let parker = Parker::here();
    if ready(&parker) {
        return Wait::Ready;
    }
    let _told = Told::blocked(&site);
    block(&parker, site, deadline, heed, ready)
}

/// Observers were told that this thread blocks, and are told when it goes on.
struct Told(Option<Context>);

impl Told {
    fn blocked(site: &Site) -> Self {
        Self(is_on().then(|| {
            let context = current::current();
            tell(|| Event::Block {
                task: &context.who.label,
                verb: site.verb,
                object: site.object.label(),
                at: site.at,
                holds: held_count(),
            });
            context
        }))
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        if let Some(context) = &self.0 {
            tell(|| Event::Resume {
                task: &context.who.label,
            });
        }
    }
}

/// How long a wait stays out of the wait-for graph: most are shorter, and pay nothing for it.
#[cfg(not(reunite_model))]
const GRACE: Duration = Duration::from_millis(1);
#[cfg(reunite_model)]
const GRACE: Duration = Duration::ZERO;

/// Whether most waits of late have outlasted the grace: 0 none, up to [`MOST`]. To be woken only to enter the graph costs
/// twenty times as much as to enter it, so where most do anyway, waits enter it at once. Written where they part, seldom
/// where they do not; what is lost when two write at a time does not matter.
static LASTING: Counter = Counter::new(0);
const MOST: u64 = 64;

fn usually_lasts() -> bool {
    LASTING.load(Ordering::Relaxed) > MOST / 2
}

fn has_outlasted(it: bool) {
    let before = LASTING.load(Ordering::Relaxed);
    let after = if it {
        MOST.min(before + 1)
    } else {
        before.saturating_sub(1)
    };
    if after != before {
        LASTING.store(after, Ordering::Relaxed);
    }
}

/// When a wait that others must end enters the wait-for graph, whose answer is exact at any time.
fn enters_at(site: &Site, since: Instant) -> Option<Instant> {
    match site.on {
        On::Time => None,
        _ if usually_lasts() => Some(since),
        _ => since.checked_add(GRACE),
    }
}

/// When it asks whether its pool starves: never before the grace is over. The answer is a guess, as a thread that the pool
/// does not know may be about to end the wait.
fn asks_at(site: &Site, since: Instant) -> Option<Instant> {
    match site.on {
        On::Time => None,
        _ => since.checked_add(GRACE),
    }
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

/// When a wait that lasts looks up: to say that it does; and, if it waits for anyone, to ask the graph again, in case a
/// thread of somebody else has ended, which nobody tells. No other wait does: whoever closes a cycle finds it there.
struct Watch {
    since: Instant,
    /// How long it has to last until it looks up next.
    next: Duration,
    stalls_at: Option<Instant>,
}

const FIRST_LOOK: Duration = Duration::from_millis(8);

impl Watch {
    fn new(since: Instant) -> Self {
        Self {
            since,
            next: Duration::ZERO,
            stalls_at: observe::stall_threshold().and_then(|after| since.checked_add(after)),
        }
    }

    /// The earliest of these and of its own.
    fn wakes_at(
        &mut self,
        on: &On,
        until: Option<Instant>,
        lasts_at: Option<Instant>,
    ) -> Option<Instant> {
        let lasted = now().saturating_duration_since(self.since);
        let looks = self
            .next_look(lasted, on)
            .and_then(|next| self.since.checked_add(next));
        let until = deadline::earlier(until, lasts_at);
        deadline::earlier(until, deadline::earlier(looks, self.stalls_at))
    }

    /// How long it will have lasted when it looks up next. A thread of somebody else may end at any time, so waits for
    /// anyone never cease to look, except in tests that show that nothing else depends on it.
    fn next_look(&mut self, lasted: Duration, on: &On) -> Option<Duration> {
        if !matches!(on, On::Anyone) || cfg!(reunite_no_looks) {
            return None;
        }
        if self.next <= lasted {
            self.next = lasted.saturating_add(between_looks(lasted, FIRST_LOOK));
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
    let _told = Told::blocked(&site);
    match block(&Parker::here(), site, deadline, Heed::Task, |_| false) {
        Wait::Ready | Wait::TimedOut | Wait::Refused(_) => Ok(()),
        Wait::Cancelled(cancelled) => Err(cancelled),
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::deadlock::Bond;
    use crate::observe::{Observer, observe};

    /// Keeps what it is told of the waits at one line.
    struct Waits {
        at: &'static Location<'static>,
        told: Arc<Mutex<Vec<&'static str>>>,
    }

    impl Observer for Waits {
        fn on_event(&self, event: &Event<'_>) {
            let mut told = self.told.lock().unwrap();
            match event {
                Event::Block { at, .. } if *at == self.at => told.push("block"),
                Event::Resume { task } if task.id() == current::current().who.label.id() => {
                    told.push("resume");
                }
                _ => {}
            }
        }
    }

    #[test]
    fn a_wait_that_ends_before_the_thread_sleeps_is_told_too() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let site = Site {
            verb: "join",
            object: Object::None,
            at: Location::caller(),
            on: On::Time,
        };
        let observing = observe(Waits {
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
        assert!(matches!(outcome, Wait::Ready));
        assert_eq!(*told.lock().unwrap(), ["asked", "block", "asked", "resume"]);
    }

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

    /// Where they do not look, there is nothing to try.
    #[cfg(not(reunite_no_looks))]
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
