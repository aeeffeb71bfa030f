//! The consumer's side of a map: takes the outcomes, gives up items whose time is up, and ends the map.

use std::collections::VecDeque;
use std::panic::Location;

use super::shared::{ItemSlot, ItemState, MapShared, MapState};
use super::worker::{timed_out, unpark};
use crate::contain::assert_outside;
use crate::current::{self, TaskRecord};
use crate::deadline;
use crate::deadlock::{Need, Resource, TaskSet, WaitObject, WaitSite, WaitsOn};
use crate::error::{Cancelled, CutShort, JoinError, JoinErrorKind, Why, resume};
use crate::id::{Label, TaskId};
use crate::observe::{Event, Straggler, Verb, is_on, tell};
use crate::park::Parker;
use crate::part::Part;
use crate::primitive::{Arc, Instant};
use crate::task::{straggler, wait_naming_stragglers};
use crate::wait::{Heed, WaitOutcome, wait};

/// The time to wait for the next outcome passed.
pub(super) struct TooLate;

/// The consumer, with the types of source and function erased.
pub(super) trait ErasedConsumer<U, E> {
    /// Waits for the next outcome until `until` has passed.
    fn next(&mut self, until: Option<Instant>) -> Result<Option<Result<U, JoinError<E>>>, TooLate>;
    fn facts(&self) -> (Label, Option<Cancelled>);
    /// Returns true if the cancellation reached the items through the map.
    fn passed_on(&self, cancelled: &Cancelled) -> bool;
}

pub(super) struct OutcomeConsumer<'a, I: Iterator, V, E, S, U> {
    shared: Arc<MapShared<'a, I, V, E>>,
    /// Starts a worker.
    start: Box<S>,
    value: fn(usize, V) -> U,
    hand: Hand<V, E>,
    finished: bool,
}

impl<'a, I: Iterator, V, E, S, U> OutcomeConsumer<'a, I, V, E, S, U> {
    /// `start` starts a worker. `value` makes an outcome's value from the item's index and the result of the item.
    pub(super) fn new(
        shared: Arc<MapShared<'a, I, V, E>>,
        start: Box<S>,
        value: fn(usize, V) -> U,
    ) -> Self {
        Self {
            shared,
            start,
            value,
            hand: Hand {
                seats: VecDeque::new(),
                given: 0,
                counted: 0,
            },
            finished: false,
        }
    }
}

/// The outcomes that the consumer has taken out of the shared state and not yet given to its user.
struct Hand<V, E> {
    seats: VecDeque<ItemSlot<V, E>>,
    /// The number of outcomes given away since the last fill, and how many of those count as taken already.
    given: u64,
    counted: u64,
}

impl<V, E> Hand<V, E> {
    /// Takes the outcomes that are done, once everything it held was given away. Returns the worker that may
    /// pull now.
    fn fill<I>(&mut self, state: &mut MapState<I, V, E>, ordered: bool) -> Option<Parker> {
        state.taken += std::mem::take(&mut self.given) - std::mem::take(&mut self.counted);
        for _ in 0..state.window.at_once() {
            let Some(at) = state.next_slot(ordered) else {
                break;
            };
            self.seats.extend(state.slots.remove(at));
        }
        if !self.seats.is_empty() {
            // The first outcome is given away at once, so it counts as taken.
            self.counted = 1;
            state.taken += 1;
        }
        let held = self.seats.len().saturating_sub(1);
        state.window.hold(u64::try_from(held).unwrap_or(u64::MAX));
        state.wake_one()
    }

    fn give(&mut self, at: &'static Location<'static>) -> Option<ConsumerStep<V, E>> {
        let seat = self.seats.pop_front()?;
        self.given += 1;
        let ItemState::Done { outcome, unjoined } = seat.item else {
            unreachable!("only done seats are taken");
        };
        if let Some(unjoined) = unjoined {
            unjoined.take();
        }
        tell_joined(&seat.label, at);
        Some(ConsumerStep::Outcome(seat.number, outcome))
    }
}

/// The result of the consumer's look at the state.
enum ConsumerStep<V, E> {
    /// The outcome of the item with this index.
    Outcome(u64, Result<V, JoinError<E>>),
    /// Every item was taken.
    End,
    /// The map has no running worker: none was started yet, or a cancellation made all of them leave.
    NoWorker,
    /// The wait must be set up again: the earliest deadline of an item has changed, the item that the
    /// consumer waits for has become known, or outcomes have been taken.
    Recheck,
    /// The wait's time is up.
    TooLate,
}

/// The state of a map for which the consumer has set up its wait.
struct Expected {
    /// The earliest deadline of an item.
    deadline: Option<Instant>,
    /// The item that the consumer of an ordered map waits for.
    first: Option<TaskId>,
}

impl Expected {
    fn of<I: Iterator, V, E>(shared: &MapShared<'_, I, V, E>, state: &MapState<I, V, E>) -> Self {
        // Without an item timeout there is no deadline to look for.
        let timeout = shared.plan.item_timeout;
        Self {
            deadline: timeout.and_then(|_| state.first_deadline()),
            first: state.first_running(),
        }
    }

    /// Returns what the consumer has to do when no outcome is to be taken; `None` to go on waiting.
    fn look<I: Iterator, V, E>(
        &self,
        shared: &MapShared<'_, I, V, E>,
        state: &MapState<I, V, E>,
    ) -> Option<ConsumerStep<V, E>> {
        if state.is_over() {
            return Some(ConsumerStep::End);
        }
        if state.at_work() == 0 {
            return Some(ConsumerStep::NoWorker);
        }
        let latest = Self::of(shared, state);
        let is_first_new = shared.plan.ordered && self.first.is_none() && latest.first.is_some();
        (latest.deadline != self.deadline || is_first_new).then_some(ConsumerStep::Recheck)
    }
}

impl<I: Iterator, V, E, S, U> ErasedConsumer<U, E> for OutcomeConsumer<'_, I, V, E, S, U>
where
    S: FnMut() -> Result<(), JoinError>,
{
    fn next(&mut self, until: Option<Instant>) -> Result<Option<Result<U, JoinError<E>>>, TooLate> {
        while !self.finished {
            match self.look(until) {
                Ok(ConsumerStep::Outcome(index, outcome)) => {
                    let why = outcome.as_ref().err().and_then(JoinError::as_cancelled);
                    if why.is_some_and(|why| self.passed_on(why)) {
                        // If the cancellation came from above, the returned error tells the caller of it.
                        let _told = current::checkpoint();
                    }
                    return Ok(Some(outcome.map(|value| self.value(index, value))));
                }
                Ok(ConsumerStep::Recheck) => {}
                Ok(ConsumerStep::TooLate) => return Err(TooLate),
                Ok(ConsumerStep::End) => {
                    self.finished = true;
                    let panic = self.shared.state.lock().panic.take();
                    match panic.map(CutShort::from_payload) {
                        None => {}
                        Some(Ok(why)) => return Ok(Some(Err(self.cut_short(why)))),
                        Some(Err(payload)) => resume(payload),
                    }
                }
                Ok(ConsumerStep::NoWorker) => {
                    let refused = match self.shared.node.cause() {
                        Some(cause) => {
                            // The returned error tells the caller of the cancellation.
                            let _told = current::checkpoint();
                            self.interrupted(cause)
                        }
                        None => match self.start_worker() {
                            Ok(()) => continue,
                            Err(refused) => refused.into_other(),
                        },
                    };
                    self.finished = true;
                    return Ok(Some(Err(refused)));
                }
                Err(failed) => {
                    self.finished = true;
                    return Ok(Some(Err(JoinError::new(self.shared.label.clone(), failed))));
                }
            }
        }
        Ok(None)
    }

    fn facts(&self) -> (Label, Option<Cancelled>) {
        (self.shared.label.clone(), self.shared.node.cause())
    }

    fn passed_on(&self, cancelled: &Cancelled) -> bool {
        self.shared.node.passed_on(cancelled)
    }
}

impl<I: Iterator, V, E, S, U> OutcomeConsumer<'_, I, V, E, S, U>
where
    S: FnMut() -> Result<(), JoinError>,
{
    fn value(&self, index: u64, value: V) -> U {
        (self.value)(usize::try_from(index).unwrap_or(usize::MAX), value)
    }

    fn interrupted(&self, cause: Cancelled) -> JoinError<E> {
        JoinError::new(self.shared.label.clone(), JoinErrorKind::Interrupted(cause))
    }

    /// Returns the error of a map whose source was left, and may have had more items.
    fn cut_short(&self, why: CutShort) -> JoinError<E> {
        let kind = match why {
            CutShort::Cancelled(cancelled) => JoinErrorKind::Interrupted(cancelled),
            CutShort::Refused(refusal) => JoinErrorKind::CutShort(refusal),
        };
        JoinError::new(self.shared.label.clone(), kind)
    }

    fn start_worker(&mut self) -> Result<(), JoinError> {
        self.shared.state.lock().workers += 1;
        (self.start)()
    }

    /// Waits for the next thing to do, until `until` has passed.
    fn look(&mut self, until: Option<Instant>) -> Result<ConsumerStep<V, E>, JoinErrorKind<E>> {
        assert_outside();
        let (shared, hand) = (&*self.shared, &mut self.hand);
        let at = shared.plan.at;
        if let Some(outcome) = hand.give(at) {
            return Ok(outcome);
        }
        let ordered = shared.plan.ordered;
        let mut state = shared.state.lock();
        let idle = hand.fill(&mut state, ordered);
        let expected = Expected::of(shared, &state);
        drop(state);
        unpark(idle);
        if let Some(outcome) = hand.give(at) {
            return Ok(outcome);
        }
        let mut found = None;
        let site = WaitSite {
            verb: Verb::Next,
            object: WaitObject::Label(shared.label.clone()),
            at,
            on: match expected.first {
                Some(item) if ordered => WaitsOn::Resource(Resource::Task(item)),
                _ => WaitsOn::Anyone,
            },
        };
        let deadline = expected.deadline;
        let until = deadline::earlier(deadline, until);
        let waited = wait(site, until, Heed::Task, |parker| {
            let mut state = shared.state.lock();
            let idle = hand.fill(&mut state, ordered);
            found = if hand.seats.is_empty() {
                expected.look(shared, &state)
            } else {
                // The outcomes are in the hand now.
                Some(ConsumerStep::Recheck)
            };
            if found.is_none() {
                state.consumer = Some(parker.clone());
            }
            drop(state);
            unpark(idle);
            found.is_some()
        });
        match waited {
            WaitOutcome::Ready => {
                let found = found.expect("a wait that is ready found something");
                Ok(hand.give(at).unwrap_or(found))
            }
            WaitOutcome::Cancelled(cancelled) => Err(JoinErrorKind::Interrupted(cancelled)),
            WaitOutcome::Refused(refusal) => Err(JoinErrorKind::Refused(refusal)),
            WaitOutcome::TimedOut => {
                if !deadline::has_passed(deadline) {
                    return Ok(ConsumerStep::TooLate);
                }
                self.give_up_late_items(deadline);
                Ok(ConsumerStep::Recheck)
            }
        }
    }

    /// Cancels the items whose time is up, sets their outcomes, and lets other workers take the places of
    /// their workers.
    fn give_up_late_items(&mut self, deadline: Option<Instant>) {
        let mut late = Vec::new();
        let mut state = self.shared.state.lock();
        for seat in &mut state.slots {
            let ItemState::Running {
                record,
                node,
                deadline: own,
            } = &seat.item
            else {
                continue;
            };
            if own.is_some() && *own <= deadline {
                late.push((record.clone(), node.clone()));
                let error = timed_out(&self.shared, record);
                seat.item = ItemState::Done {
                    outcome: Err(error),
                    unjoined: None,
                };
            }
        }
        state
            .lost
            .extend(late.iter().map(|(record, _)| record.clone()));
        let starved = !state.is_exhausted() && state.at_work() == 0;
        drop(state);
        for (_, node) in &late {
            node.expire();
        }
        if starved {
            // If the thread is refused, the next look finds no worker and returns that error.
            let _refused = self.start_worker();
        }
    }
}

impl<I: Iterator, V, E, S, U> Drop for OutcomeConsumer<'_, I, V, E, S, U> {
    fn drop(&mut self) {
        let shared = &*self.shared;
        let mut state = shared.state.lock();
        let source = state.stop();
        let idle = state.wake_all();
        drop(state);
        shared
            .node
            .cancel(Cancelled::new(Why::Dropped, shared.label.clone()));
        unpark(idle);
        let site = || WaitSite {
            verb: Verb::End,
            object: WaitObject::Label(shared.label.clone()),
            at: shared.plan.at,
            on: ends_with(shared),
        };
        // The wait is refused if an item waits for this very task, since it would last for ever. Then, as
        // with the drop of a handle, the items are let go: each has all that it needs, and the map's scope,
        // if there is one, waits for it.
        wait_naming_stragglers(
            &shared.label,
            |deadline| {
                wait(site(), deadline, Heed::UnlessForEver, |parker| {
                    let mut state = shared.state.lock();
                    state.consumer = Some(parker.clone());
                    state.workers == 0
                })
            },
            || late(shared),
        );
        // Dropped here, not on the last worker's thread: results that no one took are gone when this returns.
        let left = {
            let mut state = shared.state.lock();
            (std::mem::take(&mut state.slots), state.panic.take())
        };
        // In the order of the items: the outcomes in the hand come before those in the seats.
        drop((source, std::mem::take(&mut self.hand.seats), left));
    }
}

fn tell_joined(task: &Label, at: &'static Location<'static>) {
    if is_on() {
        let by = current::current().record;
        tell(|| Event::Join {
            task,
            by: &by.label,
            at,
        });
    }
}

/// Calls `each` with the items that still run, including those whose time is up.
fn running<I: Iterator, U, E, R>(
    shared: &MapShared<'_, I, U, E>,
    each: impl Fn(&Part<TaskRecord>) -> R,
) -> Vec<R> {
    let state = shared.state.lock();
    let running = state.slots.iter().filter_map(|seat| match &seat.item {
        ItemState::Running { record, .. } => Some(record),
        ItemState::Done { .. } => None,
    });
    state.lost.iter().chain(running).map(each).collect()
}

fn late<I: Iterator, U, E>(shared: &MapShared<'_, I, U, E>) -> Vec<Straggler> {
    running(shared, |record| straggler(record))
}

/// Returns what the end of a stopped map waits for: the items that run, as no other item begins any more.
fn ends_with<I: Iterator, U, E>(shared: &MapShared<'_, I, U, E>) -> WaitsOn {
    let items = running(shared, |record| record.label.id());
    if items.is_empty() {
        return WaitsOn::Anyone;
    }
    WaitsOn::Tasks(Arc::new(Items(items)))
}

/// A set of items that are waited for, all of them. Some may have ended already: ended items are not removed.
struct Items(Vec<TaskId>);

impl TaskSet for Items {
    fn need(&self) -> Need {
        Need::All(self.0.clone())
    }

    fn size(&self) -> usize {
        self.0.len()
    }

    fn needs(&self, task: TaskId) -> bool {
        self.0.contains(&task)
    }

    fn resources(&self) -> Vec<Resource> {
        self.0.iter().copied().map(Resource::Task).collect()
    }
}
