//! The consumer's side of a map: an iterator over outcomes.

use std::collections::VecDeque;
use std::fmt;
use std::panic::Location;

use super::home::Home;
use super::options::MapOptions;
use super::shared::{ItemNamer, ItemSlot, ItemState, MapShared, MapState};
use super::worker::{start, timed_out, unpark};
use crate::cancel::CancelNode;
use crate::contain::assert_outside;
use crate::current::{self, TaskRecord};
use crate::deadline;
use crate::deadlock::{Need, Resource, TaskSet, WaitObject, WaitSite, WaitsOn};
use crate::error::{
    Cancelled, CutShort, JoinError, JoinErrorKind, ScopeError, WaitError, Why, resume,
};
use crate::id::{Label, LabelKind, TaskId};
use crate::observe::{Event, Straggler, Verb, is_on, tell};
use crate::park::Parker;
use crate::part::Part;
use crate::primitive::{Arc, Duration, Instant, now};
use crate::task::{straggler, wait_naming_stragglers};
use crate::wait::{Heed, WaitOutcome, wait};

/// An iterator over the outcomes of a running [`Map`](crate::Map). `next` waits until the next outcome is
/// there.
///
/// If the current task is cancelled while `next` waits, `next` returns that as an error
/// ([`is_interrupted`](JoinError::is_interrupted)), and the iterator ends.
///
/// Dropping the iterator cancels the items that run and waits for them; items that do not stop are named (see
/// [`on_stragglers`](crate::on_stragglers)). The drop does not wait for an item that itself waits for the
/// task that drops the iterator. Errors that are dropped untaken are [reported](crate::on_unjoined_error),
/// unless a wait or checkpoint of the item had returned a cancellation.
///
/// If the source iterator leaves its task (see [partial results](crate#partial-results)), as an iterator over
/// the messages of a channel may, the last outcome is an error that says so. It comes after the outcomes of
/// the items pulled before.
///
/// # Panics
/// `next` panics with the panic of the source iterator, after the outcomes of the items pulled before.
#[must_use = "dropping the outcomes cancels the map"]
pub struct Outcomes<'a, U, E> {
    running: Box<dyn ErasedConsumer<U, E> + Send + 'a>,
}

impl<'a, U, E> Outcomes<'a, U, E> {
    /// Creates the consumer. `value` makes an outcome's value from the item's index and the result of `f`.
    pub(super) fn new<I, V, F, H>(
        items: I,
        f: F,
        name: Option<ItemNamer<'a, I::Item>>,
        home: H,
        plan: MapOptions,
        value: fn(usize, V) -> U,
    ) -> Self
    where
        I: Iterator<Item: Send + 'a> + Send + 'a,
        V: Send + 'a,
        U: 'a,
        E: Send + 'a,
        F: Fn(I::Item) -> Result<V, E> + Send + Sync + 'a,
        H: Home<'a>,
    {
        let here = current::current();
        let label = Label::new(LabelKind::Scope, plan.name.clone(), plan.at);
        let node = CancelNode::child(&here.node, label.clone(), None);
        let shared = Arc::new(MapShared::new(name, plan, label, node, here.record, items));
        let (ours, f) = (Arc::clone(&shared), Arc::new(f));
        let start = Box::new(move || start(&ours, &f, home));
        Self {
            running: Box::new(Consumer {
                shared,
                start,
                value,
                hand: Hand {
                    seats: VecDeque::new(),
                    given: 0,
                    counted: 0,
                },
                finished: false,
            }),
        }
    }

    /// Returns the next outcome like [`next`](Iterator::next), and waits at most `timeout`.
    ///
    /// # Errors
    /// The timeout passed ([`is_timeout`](WaitError::is_timeout)). No outcome is lost: the map goes on, and
    /// the next call returns what this one waited for.
    ///
    /// ```
    /// use std::time::Duration;
    /// let (go, wait) = reunite::channel::unbounded();
    /// let mut outcomes = reunite::map([1, 2], move |n| n * wait.recv().unwrap()).threads(1).into_iter();
    /// let late = outcomes.next_timeout(Duration::from_millis(1)).unwrap_err();
    /// assert!(late.is_timeout());
    /// go.send(10).unwrap();
    /// assert_eq!(outcomes.next().unwrap().unwrap(), 10);
    /// # go.send(10).unwrap();
    /// ```
    pub fn next_timeout(&mut self, timeout: Duration) -> TimedOutcome<U, E> {
        self.next_until(deadline::after(timeout))
    }

    /// Returns the next outcome like [`next`](Iterator::next), and waits at most until `deadline`.
    ///
    /// # Errors
    /// As [`next_timeout`](Self::next_timeout).
    pub fn next_deadline(&mut self, deadline: Instant) -> TimedOutcome<U, E> {
        self.next_until(Some(deadline))
    }

    fn next_until(&mut self, until: Option<Instant>) -> TimedOutcome<U, E> {
        let since = now();
        let next = self.running.next(until);
        next.map_err(|TooLate| WaitError::timed_out(now().saturating_duration_since(since)))
    }

    /// Returns all values, in the map's order.
    ///
    /// # Errors
    /// Some item had no value: the error holds all failures, the root cause first. Every item is run first,
    /// unless the map is [`fail_fast`](crate::Map::fail_fast). If no item failed, but some were cancelled by
    /// something other than a cancellation of the map or from outside it (for example a channel that was cut
    /// short), the error holds the errors of those.
    ///
    /// ```
    /// let words = reunite::map(["to", "be"], str::len).into_iter().collect_values().unwrap();
    /// assert_eq!(words, [2, 2]);
    /// ```
    pub fn collect_values(mut self) -> Result<Vec<U>, ScopeError<E>> {
        let (mut values, mut failures, mut cancelled) = (Vec::new(), Vec::new(), 0);
        let (mut interrupted, mut cut_short) = (None, Vec::new());
        while let Some(outcome) = self.next() {
            match outcome {
                Ok(value) => values.push(value),
                Err(error) if error.is_interrupted() => interrupted = Some(error),
                Err(error) if error.is_cancelled() => {
                    cancelled += 1;
                    let is_expected = |it| self.running.passed_on(it);
                    if !error.as_cancelled().is_some_and(is_expected) {
                        cut_short.push(error);
                    }
                }
                Err(error) => failures.push(error),
            }
        }
        if failures.is_empty() && interrupted.is_none() && cancelled == 0 {
            return Ok(values);
        }
        if failures.is_empty() {
            failures.extend(interrupted);
        }
        if failures.is_empty() {
            failures = cut_short;
        }
        let (label, cause) = self.running.facts();
        Err(ScopeError::new(label, failures, cause, cancelled))
    }
}

impl<U, E> Iterator for Outcomes<'_, U, E> {
    type Item = Result<U, JoinError<E>>;

    fn next(&mut self) -> Option<Self::Item> {
        let Ok(next) = self.running.next(None) else {
            unreachable!("it waits for ever");
        };
        next
    }
}

impl<U, E> std::iter::FusedIterator for Outcomes<'_, U, E> {}

impl<U, E> fmt::Debug for Outcomes<'_, U, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outcomes({})", self.running.facts().0)
    }
}

/// The next outcome, or `None` at the end; an error if the time to wait for it passed.
type TimedOutcome<U, E> = Result<Option<Result<U, JoinError<E>>>, WaitError>;

/// The time to wait for the next outcome passed.
struct TooLate;

/// The consumer, with the types of source and function erased.
trait ErasedConsumer<U, E> {
    /// Waits for the next outcome until `until` has passed.
    fn next(&mut self, until: Option<Instant>) -> Result<Option<Result<U, JoinError<E>>>, TooLate>;
    fn facts(&self) -> (Label, Option<Cancelled>);
    /// Returns true if the cancellation reached the items through the map.
    fn passed_on(&self, cancelled: &Cancelled) -> bool;
}

struct Consumer<'a, I: Iterator, V, E, S, U> {
    shared: Arc<MapShared<'a, I, V, E>>,
    /// Starts a worker.
    start: Box<S>,
    value: fn(usize, V) -> U,
    hand: Hand<V, E>,
    finished: bool,
}

/// The outcomes that the consumer has taken out of the shared state and not yet given to its user.
struct Hand<V, E> {
    seats: VecDeque<ItemSlot<V, E>>,
    /// The number of outcomes given away since the last fill, and how many of those count as taken already.
    given: u64,
    counted: u64,
}

impl<V, E> Hand<V, E> {
    /// Takes out the outcomes that are done. To be called when the hand is empty. Returns the worker that may
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
    /// The consumer must look again: the earliest deadline of an item has changed, the item for which the
    /// consumer waits has become known, or outcomes have been taken out.
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
    fn of<I: Iterator, V, E>(
        shared: &MapShared<'_, I, V, E>,
        state: &MapState<I, V, E>,
    ) -> Self {
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
        let is_first_new =
            shared.plan.ordered && self.first.is_none() && latest.first.is_some();
        (latest.deadline != self.deadline || is_first_new).then_some(ConsumerStep::Recheck)
    }
}

impl<I: Iterator, V, E, S, U> ErasedConsumer<U, E> for Consumer<'_, I, V, E, S, U>
where
    S: FnMut() -> Result<(), JoinError>,
{
    fn next(&mut self, until: Option<Instant>) -> Result<Option<Result<U, JoinError<E>>>, TooLate> {
        while !self.finished {
            match self.look(until) {
                Ok(ConsumerStep::Outcome(index, outcome)) => {
                    let why = outcome.as_ref().err().and_then(JoinError::as_cancelled);
                    if why.is_some_and(|why| self.passed_on(why)) {
                        // If the cancellation came from outside the map, the returned error tells the caller
                        // of it.
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

impl<I: Iterator, V, E, S, U> Consumer<'_, I, V, E, S, U>
where
    S: FnMut() -> Result<(), JoinError>,
{
    fn value(&self, index: u64, value: V) -> U {
        (self.value)(usize::try_from(index).unwrap_or(usize::MAX), value)
    }

    fn interrupted(&self, cause: Cancelled) -> JoinError<E> {
        JoinError::new(self.shared.label.clone(), JoinErrorKind::Interrupted(cause))
    }

    /// Returns the error of a map whose source left its task, and may have had more items.
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

    /// Waits for the next step of the consumer, at most until `until`.
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
                let order = self.shared.failure_order();
                let error =
                    JoinError::completed(record.label.clone(), timed_out(record), order, false);
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

impl<I: Iterator, V, E, S, U> Drop for Consumer<'_, I, V, E, S, U> {
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
        // The wait is refused if an item waits for this very task, because it would never end. Then, as with
        // the drop of a handle, the items go on without their map: each has all that it needs, and the map's
        // scope, if there is one, waits for them.
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
        // The untaken results are dropped here, not on the thread of the last worker, so that they are gone
        // when this returns.
        let left = {
            let mut state = shared.state.lock();
            (std::mem::take(&mut state.slots), state.panic.take())
        };
        // The results are dropped in the order of the items: the outcomes in the hand are older than those in
        // the seats.
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

/// Returns the wait for the end of a stopped map: it waits for the items that run, because no other item
/// begins any more.
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
