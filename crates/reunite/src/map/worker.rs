//! The thread of a map: takes the source, pulls an item, puts the source back, runs the item, leaves the
//! outcome in its seat, and takes the source again.

use super::home::{Home, Owner};
use super::shared::{Item, Seat, Shared, Source};
use super::window::Window;
use crate::cancel::Node;
use crate::contain::{assert_outside, contain};
use crate::current::{self, Context, Who};
use crate::cut_short::catch_task;
use crate::deadline;
use crate::deadlock::{self, Object, On, Site};
use crate::error::{Cancelled, Failure, JoinError, JoinErrorKind, Why};
use crate::id::{Kind, Label};
use crate::observe::{Completion, Event, Verb, tell};
use crate::park::Parker;
use crate::part::Part;
use crate::primitive::{Arc, Duration, now};
use crate::task::Unjoined;
use crate::thread::Builder;
use crate::wait::{Heed, Wait, wait};

/// Starts a worker, which is counted already.
pub(super) fn start<'a, I, U, E, F, H>(
    shared: &Arc<Shared<'a, I, U, E>>,
    f: &Arc<F>,
    home: H,
) -> Result<(), JoinError>
where
    I: Iterator<Item: Send + 'a> + Send + 'a,
    U: Send + 'a,
    E: Send + 'a,
    F: Fn(I::Item) -> Result<U, E> + Send + Sync + 'a,
    H: Home<'a>,
{
    let (ours, function) = (Arc::clone(shared), Arc::clone(f));
    let builder = Builder::new().name(shared.plan.name.as_deref().unwrap_or("map"));
    // If the thread never runs (refused, or cancelled before it started), dropping this counts it as having
    // left.
    let leave = Leave(Arc::clone(shared));
    home.start(builder, shared.plan.at, move || {
        let leave = leave;
        let Context { who, node } = current::current();
        who.carry_tasks();
        if home.owner().is_none() {
            // The shutdown of the program cancels its threads; this passes the cancellation on to the map.
            node.take_along(&ours.node);
        }
        let _entered = current::enter(Context {
            who,
            node: ours.node.clone(),
        });
        let mut turn = take_source(&ours, home.owner());
        while let Some((source, number)) = turn {
            turn = step(&ours, &function, home, source, number);
        }
        // Before the worker leaves: then the consumer may drop what these borrow.
        drop(function);
        drop(ours);
        drop(leave);
    })
}

/// The last act of a worker: counts it as having left.
struct Leave<'a, I: Iterator, U, E>(Arc<Shared<'a, I, U, E>>);

impl<I: Iterator, U, E> Drop for Leave<'_, I, U, E> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.workers -= 1;
        let consumer = state.consumer.take();
        drop(state);
        unpark(consumer);
    }
}

pub(super) fn unpark(parkers: impl IntoIterator<Item = Parker>) {
    parkers.into_iter().for_each(|parker| parker.unpark());
}

/// Runs one item, the next of the source, and puts the source back. Returns the source for the item after it;
/// `None` when this worker has nothing left to do.
fn step<'a, I, U, E, F, H>(
    shared: &Arc<Shared<'a, I, U, E>>,
    f: &Arc<F>,
    home: H,
    source: I,
    number: u64,
) -> Option<(I, u64)>
where
    I: Iterator<Item: Send + 'a> + Send + 'a,
    U: Send + 'a,
    E: Send + 'a,
    F: Fn(I::Item) -> Result<U, E> + Send + Sync + 'a,
    H: Home<'a>,
{
    let Pulled {
        item,
        who,
        node,
        wants_company,
    } = pull(shared, source, number)?;
    if wants_company {
        // If the thread is refused, the running ones go on.
        let _refused = start(shared, f, home);
    }
    let _entered = current::enter(Context {
        who: who.clone(),
        node: node.clone(),
    });
    who.start();
    shared.live.begin(&who);
    tell(|| Event::Start { task: &who.label });
    let running = deadlock::run(who.label.id(), None);
    assert_outside();
    let begun = Window::is_to_fit(&shared.plan).then(now);
    let outcome = catch_task(|| match node.check() {
        Ok(()) => f(item).map_err(Failure::Failed),
        Err(cancelled) => Err(Failure::Cancelled(cancelled)),
    });
    let outcome = outcome.unwrap_or_else(|payload| Err(Failure::panicked(payload)));
    let spent = begun.map(|begun| now().saturating_duration_since(begun));
    tell(|| Event::Complete {
        task: &who.label,
        how: match &outcome {
            Ok(_) => Completion::Value,
            Err(Failure::Panicked { .. }) => Completion::Panic,
            Err(Failure::Cancelled(_)) => Completion::Cancelled,
            Err(_) => Completion::Error,
        },
    });
    deadlock::leak(&who.label, running.leaked());
    drop(running);
    match seat(shared, number, &who, &node, outcome, spent) {
        Seated::First(turn) => Some(turn),
        Seated::Last => take_source(shared, home.owner()),
        Seated::Late => None,
    }
}

/// Waits for the source and a place in the window.
fn take_source<I: Iterator, U, E>(
    shared: &Shared<'_, I, U, E>,
    owner: Option<Owner<'_>>,
) -> Option<(I, u64)> {
    let (mut source, mut idle) = (None, None);
    let site = Site {
        verb: Verb::Turn,
        object: Object::Label(shared.label.clone()),
        at: shared.plan.at,
        on: On::Anyone,
    };
    let turn = wait(site, None, Heed::Node(&shared.node), |parker| {
        let mut state = shared.state.lock();
        source = state.take_source(&shared.node);
        if source.is_some() {
            state.is_idle_no_more(parker);
            return true;
        }
        if state.is_dry() {
            return true;
        }
        if !state.idle.iter().any(|idle| idle.is_same(parker)) {
            state.idle.push(parker.clone());
        }
        drop(state);
        if let (Some(Owner(group)), None) = (owner, &idle) {
            idle = Some(group.idle(&shared.node));
        }
        false
    });
    drop(idle);
    match turn {
        Wait::Ready => source,
        // The cancellation reaches all other workers and the consumer, too.
        Wait::Cancelled(_) | Wait::Refused(_) | Wait::TimedOut => None,
    }
}

struct Pulled<T> {
    item: T,
    who: Part<Who>,
    node: Part<Node>,
    /// True if one more worker was counted, and must be started.
    wants_company: bool,
}

/// Pulls the next item, gives it its number and its seat, and puts the source back.
fn pull<I: Iterator, U, E>(
    shared: &Shared<'_, I, U, E>,
    mut source: I,
    number: u64,
) -> Option<Pulled<I::Item>> {
    assert_outside();
    // Outside the lock: this calls observers and the user's naming function.
    let next = catch_task(|| {
        source.next().map(|item| {
            let numbered = number_item(shared, number, &item);
            (item, numbered)
        })
    });
    let mut state = shared.state.lock();
    let mut ended = None;
    let pulled = match next {
        Ok(Some((item, (seat, who, node)))) => {
            state.pulled = number + 1;
            state.seats.push_back(seat);
            if state.stopped {
                state.source = Source::Exhausted;
                ended = Some(source);
            } else {
                state.source = Source::Here(source);
            }
            Some((item, who, node))
        }
        Ok(None) => {
            state.source = Source::Exhausted;
            ended = Some(source);
            None
        }
        Err(payload) => {
            state.source = Source::Exhausted;
            state.panic = Some(payload);
            ended = Some(source);
            None
        }
    };
    let (next, idle) = match ended {
        None => (state.wake_one(), Vec::new()),
        Some(_) => (None, state.wake_all()),
    };
    // With the first seat the consumer of an ordered map learns which item it waits for.
    let is_first = shared.plan.ordered && state.seats.len() == 1;
    let watched = shared.plan.item_timeout.is_some() || pulled.is_none() || is_first;
    let consumer = if watched { state.consumer.take() } else { None };
    let wants_company = pulled.is_some() && state.wants_company();
    drop(state);
    unpark(next);
    unpark(idle);
    unpark(consumer);
    contain(|| drop(ended));
    pulled.map(|(item, who, node)| Pulled {
        item,
        who,
        node,
        wants_company,
    })
}

/// Makes the seat, task record and cancel node of the item with this number.
fn number_item<I: Iterator, U, E>(
    shared: &Shared<'_, I, U, E>,
    number: u64,
    item: &I::Item,
) -> (Seat<U, E>, Part<Who>, Part<Node>) {
    let name = match &shared.name {
        Some(name) => Some(name(item)),
        None => shared.plan.name.clone(),
    };
    let label = Label::new(Kind::Item(number), name, shared.plan.at);
    let by = current::current().who;
    let who = Who::new(label.clone(), Some(by.clone()));
    let deadline = shared.plan.item_timeout.and_then(deadline::after);
    tell(|| Event::Spawn {
        task: &label,
        by: &by.label,
        scope: &shared.label,
    });
    let node = Node::child(&shared.node, label.clone(), deadline);
    let item = Item::Running {
        who: who.clone(),
        node: node.clone(),
        deadline,
    };
    let seat = Seat {
        number,
        label,
        item,
    };
    (seat, who, node)
}

/// What a worker does after it has left its outcome.
enum Seated<I> {
    /// It has the source already, for the item with this number.
    First((I, u64)),
    /// It must wait for the source.
    Last,
    /// It ends: the item's time was up before, and another worker has its place.
    Late,
}

/// Leaves the outcome in the item's seat.
fn seat<I: Iterator, U, E>(
    shared: &Shared<'_, I, U, E>,
    number: u64,
    who: &Who,
    node: &Node,
    outcome: Result<U, Failure<E>>,
    spent: Option<Duration>,
) -> Seated<I> {
    let label = &who.label;
    shared.live.end(who);
    let after_cancel = node.was_observed();
    let stops_the_map = shared.plan.fail_fast
        && !matches!(outcome, Ok(_) | Err(Failure::Cancelled(_)))
        && !node.is_cancelled();
    let unjoined = match &outcome {
        _ if after_cancel => None,
        Ok(value) => Unjoined::of(value, || label.clone()),
        Err(Failure::Failed(_)) => Some(Unjoined::error::<E>(label.clone())),
        Err(_) => None,
    };
    let outcome = outcome.map_err(|failure| match failure {
        // The item's own time was up, and the item noticed before the consumer did.
        Failure::Cancelled(cancelled)
            if cancelled.is_deadline() && cancelled.source().id() == label.id() =>
        {
            JoinError::completed(label.clone(), timed_out(who), shared.failure_order(), false)
        }
        failure => {
            JoinError::completed(label.clone(), failure, shared.failure_order(), after_cancel)
        }
    });
    let mut state = shared.state.lock();
    if let Some(spent) = spent {
        // Here, as this worker looks next whether there is more to pull.
        state.window.fit(spent);
    }
    let seat = state.seat_mut(number);
    let late = match seat.filter(|seat| matches!(seat.item, Item::Running { .. })) {
        Some(seat) => {
            seat.item = Item::Done { outcome, unjoined };
            None
        }
        None => Some((outcome, unjoined)),
    };
    let running = late.is_none();
    let mut ended = None;
    let mut idle = Vec::new();
    if stops_the_map && running {
        ended = state.stop();
        idle = state.wake_all();
    }
    if !running {
        state.lost.retain(|lost| lost.label.id() != label.id());
    }
    let is_awaited = !shared.plan.ordered
        || state
            .seats
            .front()
            .is_none_or(|first| first.number == number)
        || !running;
    let consumer = if is_awaited {
        state.consumer.take()
    } else {
        None
    };
    let turn = if running {
        state.take_source(&shared.node)
    } else {
        None
    };
    drop(state);
    if stops_the_map && running {
        shared
            .node
            .cancel(Cancelled::new(Why::Failed, label.clone()));
    }
    unpark(consumer);
    unpark(idle);
    if let Some((outcome, unjoined)) = late {
        // The item's outcome is already set: its time was up.
        if let Some(unjoined) = unjoined {
            unjoined.take();
        }
        contain(|| drop(outcome));
    }
    contain(|| drop(ended));
    match turn {
        Some(turn) => Seated::First(turn),
        None if running => Seated::Last,
        None => Seated::Late,
    }
}

pub(super) fn timed_out<E>(who: &Who) -> JoinErrorKind<E> {
    JoinErrorKind::TimedOut {
        age: who.age(),
        doing: who.doing(),
    }
}
