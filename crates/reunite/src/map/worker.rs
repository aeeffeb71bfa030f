//! The thread of a map: takes the source, pulls an item, puts the source back, runs the item, leaves the
//! outcome in its seat, and takes the source again.

use super::home::{Home, MapOwner};
use super::shared::{ItemSlot, ItemState, MapShared, SourceState};
use super::window::Window;
use crate::cancel::CancelNode;
use crate::contain::{assert_outside, contain};
use crate::current::{self, Context, TaskRecord};
use crate::cut_short::catch_task;
use crate::deadline;
use crate::deadlock::{self, WaitObject, WaitSite, WaitsOn};
use crate::error::{Cancelled, Failure, JoinError, JoinErrorKind, Why};
use crate::id::{Label, LabelKind};
use crate::observe::{Completion, Event, Verb, tell};
use crate::park::Parker;
use crate::part::Part;
use crate::primitive::{Arc, Duration, now};
use crate::task::Unjoined;
use crate::thread::Builder;
use crate::wait::{Heed, WaitOutcome, wait};

/// Starts a worker, which is counted already.
pub(super) fn start<'a, I, U, E, F, H>(
    shared: &Arc<MapShared<'a, I, U, E>>,
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
        let Context { record, node } = current::current();
        record.mark_carrier();
        if home.owner().is_none() {
            // The shutdown of the program cancels its threads; this passes the cancellation on to the map.
            node.cancel_also(&ours.node);
        }
        let _entered = current::enter(Context {
            record,
            node: ours.node.clone(),
        });
        let mut turn = take_source(&ours, home.owner());
        while let Some((source, number)) = turn {
            turn = step(&ours, &function, home, source, number);
        }
        // These are dropped before the worker leaves, because after that the consumer may drop what they
        // borrow.
        drop(function);
        drop(ours);
        drop(leave);
    })
}

/// A guard of a worker. Dropping it, as the last step, counts the worker as having left.
struct Leave<'a, I: Iterator, U, E>(Arc<MapShared<'a, I, U, E>>);

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
    shared: &Arc<MapShared<'a, I, U, E>>,
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
        record,
        node,
        wants_company,
    } = pull(shared, source, number)?;
    if wants_company {
        // If the thread is refused, the running threads go on.
        let _refused = start(shared, f, home);
    }
    let _entered = current::enter(Context {
        record: record.clone(),
        node: node.clone(),
    });
    record.start();
    shared.live.begin(&record);
    tell(|| Event::Start {
        task: &record.label,
    });
    let running = deadlock::begin_task(record.label.id(), None);
    assert_outside();
    let begun = Window::is_to_fit(&shared.plan).then(now);
    let outcome = catch_task(|| match node.check() {
        Ok(()) => f(item).map_err(Failure::Failed),
        Err(cancelled) => Err(Failure::Cancelled(cancelled)),
    });
    let outcome = outcome.unwrap_or_else(|payload| Err(Failure::panicked(payload)));
    let spent = begun.map(|begun| now().saturating_duration_since(begun));
    tell(|| Event::Complete {
        task: &record.label,
        how: match &outcome {
            Ok(_) => Completion::Value,
            Err(Failure::Panicked { .. }) => Completion::Panic,
            Err(Failure::Cancelled(_)) => Completion::Cancelled,
            Err(_) => Completion::Error,
        },
    });
    deadlock::leak(&record.label, running.leaked());
    drop(running);
    match store_outcome(shared, number, &record, &node, outcome, spent) {
        NextPull::Source(turn) => Some(turn),
        NextPull::WaitForSource => take_source(shared, home.owner()),
        NextPull::Replaced => None,
    }
}

/// Waits for the source and a place in the window.
fn take_source<I: Iterator, U, E>(
    shared: &MapShared<'_, I, U, E>,
    owner: Option<MapOwner<'_>>,
) -> Option<(I, u64)> {
    let (mut source, mut idle) = (None, None);
    let site = WaitSite {
        verb: Verb::Turn,
        object: WaitObject::Label(shared.label.clone()),
        at: shared.plan.at,
        on: WaitsOn::Anyone,
    };
    let turn = wait(site, None, Heed::Node(&shared.node), |parker| {
        let mut state = shared.state.lock();
        source = state.take_source(&shared.node);
        if source.is_some() {
            state.remove_idle(parker);
            return true;
        }
        if state.is_exhausted() {
            return true;
        }
        if !state.idle.iter().any(|idle| idle.is_same(parker)) {
            state.idle.push(parker.clone());
        }
        drop(state);
        if let (Some(MapOwner(group)), None) = (owner, &idle) {
            idle = Some(group.idle(&shared.node));
        }
        false
    });
    drop(idle);
    match turn {
        WaitOutcome::Ready => source,
        // The cancellation reaches all other workers and the consumer, too.
        WaitOutcome::Cancelled(_) | WaitOutcome::Refused(_) | WaitOutcome::TimedOut => None,
    }
}

struct Pulled<T> {
    item: T,
    record: Part<TaskRecord>,
    node: Part<CancelNode>,
    /// True if one more worker is useful: it was counted, and must be started.
    wants_company: bool,
}

/// Pulls the next item, gives it its number and its seat, and puts the source back.
fn pull<I: Iterator, U, E>(
    shared: &MapShared<'_, I, U, E>,
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
        Ok(Some((item, (seat, record, node)))) => {
            state.pulled = number + 1;
            state.slots.push_back(seat);
            if state.stopped {
                state.source = SourceState::Exhausted;
                ended = Some(source);
            } else {
                state.source = SourceState::Available(source);
            }
            Some((item, record, node))
        }
        Ok(None) => {
            state.source = SourceState::Exhausted;
            ended = Some(source);
            None
        }
        Err(payload) => {
            state.source = SourceState::Exhausted;
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
    let is_first = shared.plan.ordered && state.slots.len() == 1;
    let watched = shared.plan.item_timeout.is_some() || pulled.is_none() || is_first;
    let consumer = if watched { state.consumer.take() } else { None };
    let wants_company = pulled.is_some() && state.count_further_worker();
    drop(state);
    unpark(next);
    unpark(idle);
    unpark(consumer);
    contain(|| drop(ended));
    pulled.map(|(item, record, node)| Pulled {
        item,
        record,
        node,
        wants_company,
    })
}

/// Makes the seat, task record and cancel node of the item with this number.
fn number_item<I: Iterator, U, E>(
    shared: &MapShared<'_, I, U, E>,
    number: u64,
    item: &I::Item,
) -> (ItemSlot<U, E>, Part<TaskRecord>, Part<CancelNode>) {
    let name = match &shared.name {
        Some(name) => Some(name(item)),
        None => shared.plan.name.clone(),
    };
    let label = Label::new(LabelKind::Item(number), name, shared.plan.at);
    let by = current::current().record;
    let record = TaskRecord::new(label.clone(), Some(by.clone()));
    let deadline = shared.plan.item_timeout.and_then(deadline::after);
    tell(|| Event::Spawn {
        task: &label,
        by: &by.label,
        scope: &shared.label,
    });
    let node = CancelNode::child(&shared.node, label.clone(), deadline);
    let item = ItemState::Running {
        record: record.clone(),
        node: node.clone(),
        deadline,
    };
    let seat = ItemSlot {
        number,
        label,
        item,
    };
    (seat, record, node)
}

/// The next step of a worker that has left its outcome.
enum NextPull<I> {
    /// The worker has taken the source already, for the item with this number.
    Source((I, u64)),
    /// The worker must wait for the source.
    WaitForSource,
    /// The worker ends: the time of its item was up before, and another worker has replaced it.
    Replaced,
}

/// Leaves the outcome in the item's seat.
fn store_outcome<I: Iterator, U, E>(
    shared: &MapShared<'_, I, U, E>,
    number: u64,
    record: &TaskRecord,
    node: &CancelNode,
    outcome: Result<U, Failure<E>>,
    spent: Option<Duration>,
) -> NextPull<I> {
    let label = &record.label;
    shared.live.end(record);
    let after_cancel = node.was_observed();
    let stops_the_map = shared.plan.fail_fast
        && !matches!(outcome, Ok(_) | Err(Failure::Cancelled(_)))
        && !node.is_cancelled();
    let unjoined = if after_cancel {
        None
    } else {
        untaken_report(&outcome, label)
    };
    let outcome = outcome.map_err(|failure| completed_error(shared, record, failure, after_cancel));
    let mut state = shared.state.lock();
    if let Some(spent) = spent {
        // This is done here because this worker checks next whether there are more items to pull.
        state.window.fit(spent);
    }
    let late = state.set_outcome(number, outcome, unjoined);
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
    let is_awaited = !running || !shared.plan.ordered || state.is_first(number);
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
        if let Some(unjoined) = unjoined {
            unjoined.take();
        }
        contain(|| drop(outcome));
    }
    contain(|| drop(ended));
    match turn {
        Some(turn) => NextPull::Source(turn),
        None if running => NextPull::WaitForSource,
        None => NextPull::Replaced,
    }
}

/// Returns the report of an outcome for the case that it is dropped untaken.
fn untaken_report<U, E>(outcome: &Result<U, Failure<E>>, label: &Label) -> Option<Unjoined> {
    match outcome {
        Ok(value) => Unjoined::of(value, || label.clone()),
        Err(Failure::Failed(_)) => Some(Unjoined::error::<E>(label.clone())),
        Err(_) => None,
    }
}

/// Makes the error of an item that failed. `after_cancel` says that the item had been told of a cancellation.
fn completed_error<I: Iterator, U, E>(
    shared: &MapShared<'_, I, U, E>,
    record: &TaskRecord,
    failure: Failure<E>,
    after_cancel: bool,
) -> JoinError<E> {
    let label = record.label.clone();
    match failure {
        // The item's own time was up, and the item noticed before the consumer did.
        Failure::Cancelled(cancelled)
            if cancelled.is_deadline() && cancelled.source().id() == label.id() =>
        {
            timed_out(shared, record)
        }
        failure => JoinError::completed(label, failure, shared.failure_order(), after_cancel),
    }
}

/// Makes the error of an item whose time is up.
pub(super) fn timed_out<I: Iterator, U, E>(
    shared: &MapShared<'_, I, U, E>,
    record: &TaskRecord,
) -> JoinError<E> {
    let kind = JoinErrorKind::TimedOut {
        age: record.age(),
        doing: record.doing(),
    };
    JoinError::completed(record.label.clone(), kind, shared.failure_order(), false)
}
