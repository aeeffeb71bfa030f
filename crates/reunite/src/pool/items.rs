//! Batches of a map's items: how they are handed out, run, shown, and cut.
//!
//! # Protocol
//! *Items that have not begun can be taken by other threads*, even if their batch was taken, as with a scope's
//! tasks. While a batch of two or more items runs, it is listed in the `member_state` of its thread, and its thread
//! ensures that the pool is watched. The rest of a batch is cut off in two cases:
//!
//! 1. The watch cuts it off when no item of the batch was begun for as long as the pool's patience, whether
//!    the item being run computes or blocks (see `claim`, `watch`).
//! 2. A thread whose wait in this library lasts, or that calls `blocking`, cuts its own batch. It does so before
//!    the wait enters the graph, so that the wait is not refused although an item of the rest would end it (see
//!    `wait::Place`).
//!
//! The rest is a batch of its own, queued like any other, so it may be cut again. The handle of the rest stays with
//! the batch from which it was cut. That batch passes it to the consumer together with its own outcomes. If several
//! rests were cut from one batch, they are listed in the order of the cuts, so the last items come first.
//!
//! The rest is queued while the cut holds the lock of `claim`, so before the thread that runs the batch can notice
//! the cut. The scope waits for that thread, and so for the rest as well.
//!
//! # The identity of an item
//! An item is a task. Its batch is a piece of work that is listed in place of the task that runs the batch, and
//! that always shows the item that runs. The item's identity is made on demand ([`RunningBatch::item`]). If two
//! threads make it at the same time for different items, the later item replaces the earlier one. An item of which
//! something is known from the beginning (a name, inherited values, or that observers are called for it) is a
//! [`KnownItem`], so that other items do not pay for that.

use std::any::Any;
use std::panic::Location;

use super::claim::{Runner, Share};
use super::handle::PoolTask;
use super::lineage::Ancestor;
use super::member_state::{Divide, RemainingWork, divide};
use super::piece::{Piece, context};
use super::scope::PoolScope;
use super::seat::Seat;
use super::task_traits::TaskRole;
use super::this_thread;
use super::untaken_errors::UntakenErrors;
use crate::cancel::CancelNode;
use crate::context::{Inherited, is_inherited};
use crate::current::{self, Context, TaskRecord};
use crate::cut_short::catch_task;
use crate::deadlock;
use crate::error::{Cancelled, Failure, JoinError};
use crate::id::{Label, LabelKind, TaskId};
use crate::observe::{Completion, Event, is_on, tell};
use crate::part::Part;
use crate::primitive::{
    Arc, AtomicBool, Duration, Instant, LightBarrier, Mutex, OnceLock, Ordering, now,
};
use crate::task::is_err;

/// The result of a batch.
pub(super) struct BatchOutcomes<'scope, R> {
    pub(super) outcomes: Vec<Result<R, JoinError>>,
    /// The parts of the result that most batches do not have.
    pub(super) more: Option<Box<BatchExtras<'scope, R>>>,
    pub(super) lasted: Duration,
}

pub(super) struct BatchExtras<'scope, R> {
    /// The outcomes that are errors, if there are any.
    pub(super) untaken: Option<Box<UntakenErrors<R>>>,
    /// The labels of the items, if observers are to be told of their joins.
    pub(super) labels: Vec<Label>,
    /// The batches that were cut off, from the last items to the first.
    pub(super) rest: Vec<PoolTask<'scope, BatchOutcomes<'scope, R>>>,
}

impl<'scope, R> BatchExtras<'scope, R> {
    #[inline]
    fn boxed(
        untaken: Option<Box<UntakenErrors<R>>>,
        labels: Vec<Label>,
        rest: Vec<PoolTask<'scope, BatchOutcomes<'scope, R>>>,
    ) -> Option<Box<Self>> {
        if untaken.is_none() && labels.is_empty() && rest.is_empty() {
            return None;
        }
        Some(Box::new(Self {
            untaken,
            labels,
            rest,
        }))
    }
}

/// The function that names an item.
type PoolItemNamer<'scope, T> = Box<dyn Fn(&T) -> String + Send + Sync + 'scope>;

/// The state that the batches of a map share.
pub(super) struct PoolMapShared<'scope, 'env, F, T> {
    scope: &'scope PoolScope<'scope, 'env>,
    f: F,
    stop: AtomicBool,
    at: &'static Location<'static>,
    /// The label of the map, made on demand.
    label: OnceLock<Label>,
    name: OnceLock<PoolItemNamer<'scope, T>>,
}

impl<'scope, 'env, F, T> PoolMapShared<'scope, 'env, F, T> {
    pub(super) fn new(
        scope: &'scope PoolScope<'scope, 'env>,
        f: F,
        at: &'static Location<'static>,
    ) -> Arc<Self> {
        Arc::new(Self {
            scope,
            f,
            stop: AtomicBool::new(false),
            at,
            label: OnceLock::new(),
            name: OnceLock::new(),
        })
    }

    pub(super) fn at(&self) -> &'static Location<'static> {
        self.at
    }

    /// Returns the label of the map. Batches have no label that users know.
    pub(super) fn label(&self) -> &Label {
        let label = || Label::new(LabelKind::Scope, None, self.at);
        self.label.get_or_init(label)
    }

    /// Sets the function that names the items handed out from now on, unless one was set before.
    pub(super) fn call_items(&self, name: PoolItemNamer<'scope, T>) {
        let _named = self.name.set(name);
    }

    /// Makes items that have not begun never begin.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Makes an item of which something is known from the beginning.
    fn known(&self, number: u64, item: T) -> KnownItem<T> {
        let name = self.name.get().map(|name| name(&item));
        let label = Label::new(LabelKind::Item(number), name, self.at);
        if is_on() {
            let by = current::shared();
            tell(|| Event::Spawn {
                task: &label,
                by: &by.record.label,
                scope: self.scope.label(),
            });
        }
        let inherited = Inherited::capture();
        KnownItem {
            item,
            facts: UnbegunItem(Some(Box::new((label, inherited)))),
        }
    }
}

/// An item as it is handed out.
trait HandedItem<T>: Send {
    /// Returns the label and the inherited values of the item, if it has them from the beginning.
    fn facts(&mut self) -> Option<Box<(Label, Inherited)>>;

    fn into_item(self) -> T;
}

impl<T: Send> HandedItem<T> for T {
    #[inline]
    fn facts(&mut self) -> Option<Box<(Label, Inherited)>> {
        None
    }

    #[inline]
    fn into_item(self) -> T {
        self
    }
}

struct KnownItem<T> {
    item: T,
    facts: UnbegunItem,
}

/// The label and the inheritance of an item that has not begun. Dropping it while it still holds them tells
/// observers that the item was cancelled.
struct UnbegunItem(Option<Box<(Label, Inherited)>>);

impl Drop for UnbegunItem {
    fn drop(&mut self) {
        if let Some(facts) = self.0.take() {
            let how = Completion::Cancelled;
            tell(|| Event::Complete {
                task: &facts.0,
                how,
            });
        }
    }
}

impl<T: Send> HandedItem<T> for KnownItem<T> {
    fn facts(&mut self) -> Option<Box<(Label, Inherited)>> {
        self.facts.0.take()
    }

    fn into_item(self) -> T {
        self.item
    }
}

/// Queues a batch of items, the first of which has the number `first`. Returns true with its handle if it is
/// the only task of its scope that is queued.
pub(super) fn hand_out<'scope, 'env, T, F, R>(
    common: &Arc<PoolMapShared<'scope, 'env, F, T>>,
    first: u64,
    items: Vec<T>,
) -> (PoolTask<'scope, BatchOutcomes<'scope, R>>, bool)
where
    T: Send + 'scope,
    F: Fn(T) -> R + Send + Sync + 'scope,
    R: Send + 'scope,
{
    if is_on() || is_inherited() || common.name.get().is_some() {
        let known = (first..).zip(items);
        let known = known.map(|(number, item)| common.known(number, item));
        let known: Vec<_> = known.collect();
        queue(common, first, known)
    } else {
        queue(common, first, items)
    }
}

fn queue<'scope, 'env, T, F, H, R>(
    common: &Arc<PoolMapShared<'scope, 'env, F, T>>,
    first: u64,
    items: Vec<H>,
) -> (PoolTask<'scope, BatchOutcomes<'scope, R>>, bool)
where
    T: Send + 'scope,
    F: Fn(T) -> R + Send + Sync + 'scope,
    H: HandedItem<T> + 'scope,
    R: Send + 'scope,
{
    let common = Arc::clone(common);
    let (scope, at) = (common.scope, common.at);
    scope.enqueue(at, TaskRole::Batch, move || run(&common, first, items))
}

/// A batch that is being run.
struct RunningBatch<'a, 'scope, 'env, T, F, H, R> {
    common: &'a Arc<PoolMapShared<'scope, 'env, F, T>>,
    items: &'a Share<H>,
    /// The number of its first item.
    first: u64,
    since: Instant,
    /// The task that it is a part of.
    batch: Option<Ancestor>,
    at_hand: Mutex<Option<CurrentItem>>,
    cut: Mutex<BatchCut<'scope, R>>,
}

/// An item that has an identity.
struct CurrentItem {
    place: usize,
    context: Arc<Context>,
}

/// The last observation of a batch by the watch, and the batches that were cut off it.
struct BatchCut<'scope, R> {
    /// The number of items begun when the watch last saw a change, and the time of that.
    seen: Option<(usize, Instant)>,
    rest: Vec<PoolTask<'scope, BatchOutcomes<'scope, R>>>,
}

fn run<'scope, T, F, H, R>(
    common: &Arc<PoolMapShared<'scope, '_, F, T>>,
    first: u64,
    items: Vec<H>,
) -> BatchOutcomes<'scope, R>
where
    T: Send + 'scope,
    F: Fn(T) -> R + Send + Sync + 'scope,
    H: HandedItem<T> + 'scope,
    R: Send + 'scope,
{
    let start = now();
    let member_state = this_thread::seat().map(Seat::member_state);
    let is_one = items.len() == 1;
    let mut items = Share::new(items);
    let barrier = member_state.map_or_else(LightBarrier::unobserved, |_| LightBarrier::get());
    let (runner, items) = items.split(barrier);
    let running = RunningBatch {
        common,
        items,
        first,
        since: start,
        batch: this_thread::innermost(),
        at_hand: Mutex::new(None),
        cut: Mutex::new(BatchCut {
            seen: None,
            rest: Vec::new(),
        }),
    };
    let mut labels = Vec::new();
    let mut untaken = None;
    let outcomes = divide(member_state, &running, || {
        if member_state.is_some() && !is_one {
            common.scope.pool().watch();
        }
        this_thread::running_in_place_of_last(&running, || {
            running.run_all(runner, &mut labels, &mut untaken)
        })
    });
    BatchOutcomes {
        outcomes,
        more: BatchExtras::boxed(untaken, labels, running.cut.into_inner().rest),
        lasted: now().duration_since(start),
    }
}

impl<'scope, T, F, H, R> RunningBatch<'_, 'scope, '_, T, F, H, R>
where
    T: Send + 'scope,
    F: Fn(T) -> R + Send + Sync + 'scope,
    H: HandedItem<T> + 'scope,
    R: Send + 'scope,
{
    #[inline]
    fn run_all(
        &self,
        items: Runner<'_, H>,
        labels: &mut Vec<Label>,
        untaken: &mut Option<Box<UntakenErrors<R>>>,
    ) -> Vec<Result<R, JoinError>> {
        let mut outcomes = Vec::with_capacity(items.most());
        let holding = deadlock::holding();
        let common = &**self.common;
        let node = &*self.around().node;
        for mut item in items {
            if common.stop.load(Ordering::Relaxed) {
                break;
            }
            let place = outcomes.len();
            if let Err(cancelled) = node.look() {
                outcomes.push(Err(self.never_begins(place, item, cancelled, labels)));
                continue;
            }
            let outcome = match item.facts() {
                None => catch_task(|| (common.f)(item.into_item()))
                    .map_err(|payload| self.failed(place, payload)),
                Some(facts) => self.run_known(place, item, *facts, labels),
            };
            if holding.has_leaked() {
                let item = self.item_at(place);
                deadlock::leak(&item.record.label, holding.leaked());
            }
            if outcome.as_ref().is_ok_and(is_err) {
                self.record_untaken(place, untaken);
            }
            outcomes.push(outcome);
        }
        outcomes
    }

    /// Completes the item at `place` as cancelled, because the scope is cancelled. The scope's tasks count as told
    /// of it, because the item is dropped without being run.
    #[cold]
    fn never_begins(
        &self,
        place: usize,
        mut item: H,
        cancelled: Cancelled,
        labels: &mut Vec<Label>,
    ) -> JoinError {
        self.common.scope.mark_cancellation_observed();
        let facts = item.facts();
        let label = match &facts {
            Some(facts) => facts.0.clone(),
            None => self.item_at(place).record.label.clone(),
        };
        let is_known = facts.is_some();
        let dropped = catch_task(|| drop((item, facts)));
        let (failure, how) = match dropped {
            Ok(()) => (Failure::Cancelled(cancelled), Completion::Cancelled),
            Err(payload) => (Failure::panicked(payload), Completion::Panic),
        };
        if is_known {
            tell(|| Event::Complete { task: &label, how });
            labels.push(label.clone());
        }
        JoinError::new(label, failure)
    }

    /// Records that the item at `place` returned an error, which is reported if it is never taken. Does nothing if
    /// the item was told of a cancellation, because then the error is most likely that cancellation.
    #[cold]
    fn record_untaken(&self, place: usize, untaken: &mut Option<Box<UntakenErrors<R>>>) {
        // An item without a context was not told of any cancellation.
        let at_hand = self.at_hand.lock();
        let known = at_hand.as_ref().filter(|known| known.place == place);
        if known.is_none_or(|known| !known.context.node.was_observed()) {
            let label = known.map(|known| known.context.record.label.clone());
            let none = || Box::new(UntakenErrors::new(self.first, self.common.at));
            untaken.get_or_insert_with(none).add(place, label);
        }
    }

    #[inline(never)]
    fn run_known(
        &self,
        place: usize,
        item: H,
        (label, inherited): (Label, Inherited),
        labels: &mut Vec<Label>,
    ) -> Result<R, JoinError> {
        let context = self.context_of(label.clone());
        *self.at_hand.lock() = Some(CurrentItem { place, context });
        tell(|| Event::Start { task: &label });
        let outcome = catch_task(|| {
            let _ambient = inherited.enter(&label);
            (self.common.f)(item.into_item())
        });
        let outcome = outcome.map_err(|payload| self.failed(place, payload));
        tell(|| Event::Complete {
            task: &label,
            how: match &outcome {
                Ok(_) => Completion::Value,
                Err(error) if error.is_panic() => Completion::Panic,
                Err(error) if error.is_cancelled() => Completion::Cancelled,
                Err(_) => Completion::Error,
            },
        });
        labels.push(label);
        outcome
    }

    #[cold]
    fn failed(&self, place: usize, payload: Box<dyn Any + Send>) -> JoinError {
        let label = self.item_at(place).record.label.clone();
        JoinError::new(label, Failure::panicked(payload))
    }
}

impl<T, F, H, R> RunningBatch<'_, '_, '_, T, F, H, R> {
    fn around(&self) -> &Arc<Context> {
        self.common.scope.context_of_tasks()
    }

    fn context_of(&self, label: Label) -> Arc<Context> {
        let around = self.around();
        let node = CancelNode::child(&around.node, label.clone(), None);
        let context = context(around, label, node, self.since);
        context.record.start();
        context
    }

    /// Returns the context of the item that runs. Makes it if it was not made yet.
    fn item(&self) -> Option<Arc<Context>> {
        Some(self.item_at(self.items.last_claimed()?))
    }

    /// Returns the context of the item at `place`; that of a later item if that was made already.
    fn item_at(&self, place: usize) -> Arc<Context> {
        let mut at_hand = self.at_hand.lock();
        if let Some(known) = &*at_hand
            && known.place >= place
        {
            return Arc::clone(&known.context);
        }
        let number = self.first + place as u64;
        let context = self.context_of(Label::new(LabelKind::Item(number), None, self.common.at));
        let known = CurrentItem {
            place,
            context: Arc::clone(&context),
        };
        let before = at_hand.replace(known);
        drop(at_hand);
        drop(before);
        context
    }
}

impl<T, F, H, R> Piece for RunningBatch<'_, '_, '_, T, F, H, R> {
    fn as_ancestor(&self) -> Ancestor {
        self.batch.expect("a batch is run as a task of its scope")
    }

    fn context(&self, around: &Arc<Context>) -> Arc<Context> {
        self.item().unwrap_or_else(|| Arc::clone(around))
    }

    fn known_context(&self, _: &Arc<Context>) -> Option<Arc<Context>> {
        let place = self.items.last_claimed()?;
        let at_hand = self.at_hand.lock();
        let known = at_hand.as_ref().filter(|known| known.place == place)?;
        Some(Arc::clone(&known.context))
    }
}

impl<'scope, T, F, H, R> Divide for RunningBatch<'_, 'scope, '_, T, F, H, R>
where
    T: Send + 'scope,
    F: Fn(T) -> R + Send + Sync + 'scope,
    H: HandedItem<T> + 'scope,
    R: Send + 'scope,
{
    fn look(&self, spare_after: Duration) -> RemainingWork {
        let Some(begun) = self.items.claimed() else {
            return RemainingWork::Nothing;
        };
        let mut cut = self.cut.lock();
        let seen = cut.seen.filter(|(before, _)| *before == begun);
        let (_, since) = *cut.seen.insert(seen.unwrap_or_else(|| (begun, now())));
        if now().saturating_duration_since(since) < spare_after {
            return RemainingWork::Something;
        }
        let is_cut = self.items.cut(|from, rest| {
            // The pool is told of it by the caller of `look`.
            let (task, _) = queue(self.common, self.first + from as u64, rest);
            cut.rest.push(task);
        });
        if is_cut {
            RemainingWork::Queued
        } else {
            RemainingWork::Something
        }
    }

    fn shown(&self) -> Option<(TaskId, Part<TaskRecord>)> {
        let item = self.item()?;
        Some((self.common.scope.label().id(), item.record.clone()))
    }
}
