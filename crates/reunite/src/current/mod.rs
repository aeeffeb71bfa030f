//! The task that a thread is running, and what that task waits for.
//!
//! A thread holds a stack of contexts, in *layers*: a worker may run one task inside another's wait, and a
//! shielded section or a scope's body replaces the cancel node for a while. A guard removes each layer again.
//! A layer also records the thread's newest fork at the time it was entered. From that it can be determined
//! afterwards in which context a fork was made, so that a fork need not record it.
//!
//! # Pieces of a pool's work
//! A thread of a pool may run many small tasks one after the other in one layer, whose context is what they
//! have in common: the node of their scope, and the task that opened it. The pool knows which of them the
//! thread is running ([`Pieces`]). Each has a context of its own, which is made on demand: when the piece
//! blocks, fails, opens a scope or offers a fork to others, or when it is inspected. Until then the
//! difference cannot be observed, and nothing is made.

mod lazy_context;
mod task_record;

use std::cell::{Cell, OnceCell, RefCell};
use std::ops::Range;
use std::panic::Location;

use crate::cancel::CancelNode;
use crate::contain::assert_outside;
use crate::deadlock::{Holder, held_count};
use crate::error::{Cancelled, CutShort};
use crate::id::{Label, LabelKind, TaskId};
use crate::part::Part;
use crate::primitive::{
    Arc, Counter, Duration, Inside, Instant, Ordering, foreign_thread_name, thread_local,
};

pub(crate) use lazy_context::{LazyContext, OuterContext};
pub(crate) use task_record::{Context, SpawnTime, TaskContext, TaskRecord, Waiting};

impl Context {
    /// Creates the context of a thread that this library did not start: nothing cancels it.
    #[track_caller]
    fn foreign() -> Self {
        let label = Label::new(
            LabelKind::Foreign,
            foreign_thread_name(),
            Location::caller(),
        );
        Self {
            node: CancelNode::root(label.clone(), None),
            record: TaskRecord::new(label, None),
        }
    }
}

/// An identifier of an open fork, unique among those of its thread; zero is none.
pub(crate) type ForkMark = usize;

/// The fork after which a layer was entered, and before whose end it is left: the newest open fork of the
/// thread, as long as that is private. So among the layers of a thread, the outer ones hold no fork, and the
/// inner ones hold private forks. Forks are published oldest first, which keeps it so.
pub(crate) struct After(Cell<ForkMark>);

impl After {
    pub(crate) const fn fork(newest: ForkMark) -> Self {
        Self(Cell::new(newest))
    }

    /// Sets the fork, for a layer that is entered later.
    pub(crate) fn set(&self, newest: ForkMark) {
        self.0.set(newest);
    }

    /// Returns true if no private fork is older than the layer.
    pub(crate) fn is_none(&self) -> bool {
        self.0.get() == 0
    }

    fn is(&self, fork: ForkMark) -> bool {
        self.0.get() == fork
    }

    /// Forgets the fork if it is `published`, which is private no more. Returns true if it was.
    pub(crate) fn forget(&self, published: ForkMark) -> bool {
        let is_it = self.is(published);
        if is_it {
            self.0.set(0);
        }
        is_it
    }
}

/// The context of a layer. A task's context is put behind an `Arc` on demand: most tasks never wait, and are
/// never inspected.
pub(crate) enum LayerContext {
    Shared(Arc<Context>),
    Own(Context, OnceCell<Arc<Context>>),
    /// The context of a task whose record and node are made on demand.
    Asked(Arc<dyn TaskContext>, OnceCell<Arc<Context>>),
    Later(Arc<LazyContext>),
    OfTasks(Arc<LazyContext>),
}

impl LayerContext {
    fn shared(&self) -> &Arc<Context> {
        match self {
            Self::Shared(context) => context,
            Self::Own(context, shared) => shared.get_or_init(|| Arc::new(context.clone())),
            Self::Asked(task, shared) => shared.get_or_init(|| Arc::new(Context::from(task))),
            Self::Later(later) => later.get(),
            Self::OfTasks(later) => later.tasks(),
        }
    }

    /// Returns true if a checkpoint must look more closely.
    #[inline]
    fn must_look(&self) -> bool {
        match self {
            Self::Later(later) => later.must_look(),
            Self::OfTasks(later) => later.must_tasks_look(),
            Self::Asked(task, _) => task.known_node().is_some_and(CancelNode::must_look),
            Self::Shared(_) | Self::Own(..) => self.node.must_look(),
        }
    }

    /// Returns true if the context was not made yet.
    fn is_unmade(&self) -> bool {
        match self {
            Self::Later(later) => later.known().is_none(),
            Self::OfTasks(later) => later.known_tasks().is_none(),
            Self::Asked(task, _) => task.known_node().is_none(),
            Self::Shared(_) | Self::Own(..) => false,
        }
    }
}

/// Dereferences to the context as far as it was made: see [`LazyContext::nearest`]. The context of a single task is
/// made.
impl std::ops::Deref for LayerContext {
    type Target = Context;

    fn deref(&self) -> &Context {
        match self {
            Self::Shared(context) => context,
            Self::Own(context, _) => context,
            Self::Later(later) => later.nearest(),
            Self::OfTasks(later) => later.nearest_to_tasks(),
            Self::Asked(..) => self.shared(),
        }
    }
}

impl From<Context> for LayerContext {
    fn from(context: Context) -> Self {
        Self::Own(context, OnceCell::new())
    }
}

impl From<Arc<Context>> for LayerContext {
    fn from(context: Arc<Context>) -> Self {
        Self::Shared(context)
    }
}

impl From<Arc<dyn TaskContext>> for LayerContext {
    fn from(task: Arc<dyn TaskContext>) -> Self {
        Self::Asked(task, OnceCell::new())
    }
}

/// The context in which the tasks of this scope run.
pub(crate) struct TasksOf(pub(crate) Arc<LazyContext>);

impl From<TasksOf> for LayerContext {
    fn from(TasksOf(scope): TasksOf) -> Self {
        Self::OfTasks(scope)
    }
}

struct Layer {
    context: LayerContext,
    after: After,
    /// True if the code that runs in this layer, and not in one entered later, was told of a cancellation.
    told: Cell<bool>,
    /// The number of pieces that the thread was running already when the layer was entered, if pieces of a
    /// pool's work run in the layer.
    pieces: Option<usize>,
    /// The number of locks that the thread held when the layer was entered. Those taken since belong to the
    /// code in it.
    held: usize,
}

impl Layer {
    fn of(context: impl Into<LayerContext>, newest: ForkMark) -> Self {
        Self {
            context: context.into(),
            after: After::fork(newest),
            told: Cell::new(false),
            pieces: None,
            held: held_count(),
        }
    }
}

/// The functions by which the pool describes the calling thread.
pub(crate) struct Pieces {
    /// Returns the newest open fork.
    pub(crate) newest_fork: fn() -> ForkMark,
    /// Returns how many pieces of work the thread runs, one inside the wait of another.
    pub(crate) count: fn() -> usize,
    /// Returns the context of the last piece in a range of them, if there is one. It is made for a piece that
    /// runs in the given context, or returned only if it was made before, see [`Make`].
    pub(crate) context: OfPieces,
}

type OfPieces = fn(Range<usize>, &Arc<Context>, Make) -> Option<Arc<Context>>;

/// Says if a context that was not made yet is to be made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Make {
    Now,
    /// Runs no user code.
    Never,
}

static NO_PIECES: Pieces = Pieces {
    newest_fork: || 0,
    count: || 0,
    context: |_, _, _| None,
};

thread_local! {
    static PIECES: Cell<&'static Pieces> = const { Cell::new(&NO_PIECES) };
    static LAYERS: RefCell<Vec<Layer>> = const { RefCell::new(Vec::new()) };
}

/// Registers `pieces` as what tells which pieces this thread runs for a pool.
pub(crate) fn tell_pieces_by(pieces: &'static Pieces) {
    PIECES.with(|here| here.set(pieces));
}

/// Returns the context of the calling thread.
pub(crate) fn current() -> Context {
    Context::clone(&shared())
}

/// Returns the context of the calling thread, shared, for callers that only read it.
pub(crate) fn shared() -> Arc<Context> {
    own_context(|layers| layers.len() - 1)
}

/// Returns what is around a scope that is opened here.
pub(crate) fn outer_context() -> OuterContext {
    let around = with_layers(|layers| {
        let layer = layers.last()?;
        match &layer.context {
            LayerContext::Later(later) => Some(OuterContext::from(later)),
            context if layer.pieces.is_none() => {
                Some(OuterContext::from(Arc::clone(context.shared())))
            }
            _ => None,
        }
    });
    around.unwrap_or_else(|| shared().into())
}

/// Returns the record of the task that the calling thread runs.
pub(crate) fn record() -> Part<TaskRecord> {
    let plain = with_layers(|layers| {
        let last = layers.last()?;
        match &last.context {
            LayerContext::Later(_) => None,
            context => last
                .pieces
                .is_none()
                .then(|| context.shared().record.clone()),
        }
    });
    plain.unwrap_or_else(|| shared().record.clone())
}

/// Returns the context of one of the thread's layers, or of the piece that runs in it. It is made if need be.
fn own_context(which: impl Fn(&[Layer]) -> usize) -> Arc<Context> {
    let (context, pieces) = with_layers(|layers| {
        let at = which(layers);
        (
            Arc::clone(layers[at].context.shared()),
            pieces_of(layers, at),
        )
    });
    // Outside the borrow, as this takes locks.
    let own =
        pieces.and_then(|pieces| (PIECES.with(Cell::get).context)(pieces, &context, Make::Now));
    own.unwrap_or(context)
}

/// Returns the pieces that run in a layer, and not in one that was entered later.
fn pieces_of(layers: &[Layer], at: usize) -> Option<Range<usize>> {
    let first = layers[at].pieces?;
    let later = layers[at + 1..].iter().find_map(|layer| layer.pieces);
    Some(first..later.unwrap_or(usize::MAX))
}

/// Returns the context of the piece that runs in a layer if that context was made, otherwise that of the
/// layer.
fn known_context(layers: &[Layer], at: usize) -> Arc<Context> {
    let context = layers[at].context.shared();
    let own = pieces_of(layers, at)
        .and_then(|pieces| (PIECES.with(Cell::get).context)(pieces, context, Make::Never));
    own.unwrap_or_else(|| Arc::clone(context))
}

/// Returns the layer in which the oldest private fork of the thread was made.
fn layer_of_oldest_fork(layers: &[Layer]) -> usize {
    layers[1..].partition_point(|layer| layer.after.is_none())
}

/// Makes the contexts of the pieces in which the calling thread has made its oldest private forks, which are
/// given oldest first.
pub(crate) fn make_contexts(oldest_first: impl Iterator<Item = ForkMark>) {
    let made_in = with_layers(|layers| {
        let first = layer_of_oldest_fork(layers);
        let mut last = first;
        for fork in oldest_first {
            let is_after = |layer: &&Layer| layer.after.is(fork);
            last += layers[last + 1..].iter().take_while(is_after).count();
        }
        first..=last
    });
    for at in made_in {
        own_context(|_| at);
    }
}

/// Returns which of the tasks that the calling thread runs, one inside the wait of another, has taken which
/// of the locks that the thread holds.
pub(crate) fn holders() -> Vec<Holder> {
    let from: Vec<_> = with_layers(|layers| layers.iter().map(|layer| layer.held).collect());
    let holders = from.into_iter().enumerate().map(|(at, from)| Holder {
        from,
        taken_by: own_context(|_| at).record.label.clone(),
    });
    holders.collect()
}

/// Returns how many of the locks that the calling thread holds were taken before the current task began: by
/// tasks inside whose waits it runs.
pub(crate) fn held_by_others() -> usize {
    with_layers(|layers| {
        let is_begun_at = |at: &usize| {
            let layer = &layers[*at];
            let is_another = || {
                let around = known_context(layers, at - 1);
                !around.record.is(&layer.context.record)
            };
            layer.pieces.is_some() || *at == 0 || is_another()
        };
        let begun = (0..layers.len()).rev().find(is_begun_at);
        begun.map_or(0, |at| layers[at].held)
    })
}

/// Returns the tasks that the calling thread runs, one inside the wait of another, and all that wait for
/// their ends.
pub(crate) fn enclosing_tasks() -> Vec<TaskId> {
    let here: Vec<_> = with_layers(|layers| {
        let tasks = layers.iter().map(|layer| layer.context.record.clone());
        tasks.collect()
    });
    let lineages = here.iter().flat_map(Part::ancestors);
    lineages.map(|record| record.label.id()).collect()
}

/// Calls `each` with the context in which the calling thread made each of these forks, which are private no
/// more. They were its oldest, and are given oldest first. The context of a fork made in a piece of a pool's
/// work is that of the piece, if [it was made](make_contexts). `each` must not enter a context.
pub(crate) fn publish_forks<F>(
    oldest_first: impl Iterator<Item = (ForkMark, F)>,
    mut each: impl FnMut(F, &Arc<Context>),
) {
    with_layers(|layers| {
        let mut at = layer_of_oldest_fork(layers);
        let mut context = known_context(layers, at);
        for (mark, fork) in oldest_first {
            each(fork, &context);
            // The layers entered after this fork was made hold the newer ones.
            let after = layers[at + 1..].iter();
            let entered = after.take_while(|layer| layer.after.forget(mark)).count();
            if entered > 0 {
                at += entered;
                context = known_context(layers, at);
            }
        }
    });
}

/// Calls `ask` with the layers, of which there is at least one.
fn with_layers<R>(ask: impl FnOnce(&[Layer]) -> R) -> R {
    // The thread may have taken locks before its first layer was needed.
    let foreign = || Layer {
        held: 0,
        ..Layer::of(Context::foreign(), 0)
    };
    let mut ask = Some(ask);
    let answer = LAYERS.try_with(|layers| {
        let _inside = Inside::mark();
        let mut layers = layers.borrow_mut();
        if layers.is_empty() {
            layers.push(foreign());
        }
        ask.take().map(|ask| ask(&layers))
    });
    match (answer, ask) {
        (Ok(Some(answer)), _) => answer,
        // The thread is ending and its locals are gone: nothing cancels it, and it is not listed anywhere.
        (_, Some(ask)) => ask(&[foreign()]),
        _ => unreachable!("the question is asked once"),
    }
}

/// A guard that removes the layer when dropped, so that the previous context is the current one again.
pub(crate) struct Entered(());

impl Entered {
    /// Removes the layer. Returns the context of a scope that was entered, and true if the code in the layer
    /// [was told](has_observed_cancellation) of a cancellation. Not inlined, as the removed layer would lie in the frame of
    /// the scope.
    #[inline(never)]
    pub(crate) fn leave(self) -> (Option<Arc<LazyContext>>, bool) {
        std::mem::forget(self);
        match pop() {
            Some(Layer {
                context: LayerContext::Later(scope),
                told,
                ..
            }) => (Some(scope), told.get()),
            Some(layer) => (None, layer.told.get()),
            None => (None, false),
        }
    }
}

/// Makes `context` the calling thread's until the guard is dropped.
pub(crate) fn enter(context: impl Into<LayerContext>) -> Entered {
    let newest = (PIECES.with(Cell::get).newest_fork)();
    push(Layer::of(context, newest))
}

/// [`enter`] for the body of a scope whose context is made on demand. The layer is written in place, as
/// moving it takes longer than everything else. Not inlined, for the reason given at
/// [`leave`](Entered::leave).
#[inline(never)]
pub(crate) fn enter_scope(scope: Arc<LazyContext>) -> Entered {
    let newest = (PIECES.with(Cell::get).newest_fork)();
    let held = held_count();
    // As in `push`.
    let _gone = LAYERS.try_with(|layers| {
        let _inside = Inside::mark();
        layers.borrow_mut().push(Layer {
            context: LayerContext::Later(scope),
            after: After::fork(newest),
            told: Cell::new(false),
            pieces: None,
            held,
        });
    });
    Entered(())
}

/// [`enter`] for pieces of a pool's work, which run in the layer one after the other, each in a context of
/// its own that is made on demand.
pub(crate) fn enter_for_pieces(context: impl Into<LayerContext>) -> Entered {
    let pieces = PIECES.with(Cell::get);
    let layer = Layer::of(context, (pieces.newest_fork)());
    push(Layer {
        pieces: Some((pieces.count)()),
        ..layer
    })
}

fn push(layer: Layer) -> Entered {
    // A thread that is ending and has lost its layers goes on without them.
    let _gone = LAYERS.try_with(|layers| {
        let _inside = Inside::mark();
        layers.borrow_mut().push(layer);
    });
    Entered(())
}

impl Drop for Entered {
    fn drop(&mut self) {
        drop(pop());
    }
}

/// Removes the newest layer and returns it, to be dropped outside the borrow: its context may hold the last
/// reference to a node.
#[inline]
fn pop() -> Option<Layer> {
    let gone = LAYERS.try_with(|layers| {
        let _inside = Inside::mark();
        layers.borrow_mut().pop()
    });
    gone.ok().flatten()
}

/// Checks if the current task should stop. Call it in loops that compute.
///
/// It costs one relaxed load while the task should go on (and, under a deadline, reading the clock).
///
/// # Errors
/// [`Cancelled`] from the moment the task, or anything above it in the tree, was cancelled or its deadline
/// passed. The cancellation is level-triggered: every later call fails too.
///
/// ```
/// fn count_primes(below: u64) -> Result<usize, reunite::Cancelled> {
///     let mut count = 0;
///     for n in 2..below {
///         reunite::checkpoint()?;
///         count += usize::from((2..n).take_while(|d| d * d <= n).all(|d| n % d != 0));
///     }
///     Ok(count)
/// }
/// assert_eq!(count_primes(100).unwrap(), 25);
/// ```
pub fn checkpoint() -> Result<(), Cancelled> {
    assert_outside();
    // Not under the borrow: finding that a deadline has passed calls observers, which may do anything.
    let must_look = LAYERS.try_with(|layers| {
        let layers = layers.borrow();
        let last = layers.last();
        last.is_some_and(|layer| layer.context.must_look())
    });
    if must_look == Ok(true) {
        check_own_node()
    } else {
        Ok(())
    }
}

#[cold]
fn check_own_node() -> Result<(), Cancelled> {
    let asked = shared().node.check();
    if asked.is_err() {
        mark_cancellation_observed();
    }
    asked
}

/// Records that a wait told the current task of its cancellation.
pub(crate) fn tell_cancelled() {
    current().node.mark_observed();
    mark_cancellation_observed();
}

/// Records that the code running here was told of a cancellation.
pub(crate) fn mark_cancellation_observed() {
    let _ending = LAYERS.try_with(|layers| {
        if let Some(layer) = layers.borrow().last() {
            layer.told.set(true);
        }
    });
}

/// Returns true if the code in the newest layer was told of a cancellation. The node cannot tell: other code
/// may run under it.
pub(crate) fn has_observed_cancellation() -> bool {
    let told = LAYERS.try_with(|layers| layers.borrow().last().is_some_and(|it| it.told.get()));
    told.unwrap_or(false)
}

/// The number of times that tasks were told that what they waited for will not come, cancellations not
/// counted.
static TELLINGS: Counter = Counter::new(0);

/// Returns the number of the last telling, for code that wants to know later what was told since.
#[inline]
pub(crate) fn cut_short_epoch() -> u64 {
    TELLINGS.load(Ordering::Relaxed)
}

/// Records that the current task is told that what it waits for will not come. Also done inside a shield,
/// whose node passes nothing on.
pub(crate) fn tell_current_task(why: &CutShort) {
    let number = TELLINGS.fetch_add(1, Ordering::Relaxed) + 1;
    for node in nodes_here() {
        node.mark_cut(number, why);
    }
}

/// Returns the nodes of what the current task does on this thread, innermost first.
fn nodes_here() -> Vec<Part<CancelNode>> {
    // Only the piece is told.
    let here = shared().record.clone();
    with_layers(|layers| {
        let newest_first = (0..layers.len()).rev();
        let contexts = newest_first.map(|at| known_context(layers, at));
        let same = contexts.take_while(|context| context.record.is(&here));
        let mut nodes = Vec::new();
        for context in same {
            nodes.push(context.node.clone());
            // A pool's task is told on its own; the task that opened its scope is not.
            if context.node.is_apart() {
                break;
            }
        }
        nodes
    })
}

/// Records that the current task was left and goes on because it cannot unwind, or that it was refused a
/// thread: nothing that it sends from here on makes up for that.
pub(crate) fn mark_left(why: &CutShort) {
    current().node.mark_left(why);
}

/// Returns what the current task was told after telling number `since` that leaves its work undone.
pub(crate) fn cut_short(since: u64) -> Option<CutShort> {
    // A thread that never entered a task, and one that is ending, were told of nothing.
    let node = LAYERS.try_with(|layers| {
        let layers = layers.try_borrow().ok()?;
        let last = layers.len().checked_sub(1)?;
        if layers[last].context.is_unmade() {
            // Its context was not made, so it was told of nothing.
            return None;
        }
        known_context(&layers, last).node.cut_short(since)
    });
    node.ok().flatten()
}

/// Returns true if no frame of this library is around the caller that would know why its stack unwinds.
pub(crate) fn is_outside_tasks() -> bool {
    with_layers(|layers| {
        layers.last().is_none_or(|layer| {
            let context = &layer.context;
            let is_whole = matches!(context, LayerContext::Shared(_) | LayerContext::Own(..));
            is_whole && context.record.is_foreign() && context.node.label().is_foreign()
        })
    })
}

/// Runs `f` out of reach of cancellations and deadlines from outside: for clean-up that must wait, such as
/// sending a last message. Keep it short, or limit it with [`shield_timeout`]: the canceller of the task
/// waits for it.
///
/// ```
/// use std::time::Duration;
/// let task = reunite::spawn(|| {
///     let stopped = reunite::sleep(Duration::from_secs(3600)).is_err();
///     let cleaned = reunite::shield(|| reunite::sleep(Duration::from_millis(1))).is_ok();
///     (stopped, cleaned)
/// });
/// task.cancel();
/// # // A task that is cancelled before it started never runs.
/// match task.join() {
///     Ok(seen) => assert_eq!(seen, (true, true)),
///     Err(e) => assert!(e.is_cancelled()),
/// }
/// ```
pub fn shield<R>(f: impl FnOnce() -> R) -> R {
    shield_until(None, f)
}

/// Runs `f` like [`shield`], for at most `timeout`: then `f` is cancelled, as at any deadline.
///
/// ```
/// use std::time::Duration;
/// let saved = reunite::shield_timeout(Duration::from_secs(60), ||
/// reunite::sleep(Duration::from_millis(1)));
/// assert!(saved.is_ok());
/// ```
pub fn shield_timeout<R>(timeout: Duration, f: impl FnOnce() -> R) -> R {
    shield_until(crate::deadline::after(timeout), f)
}

/// Runs `f` like [`shield`], until `deadline`: then `f` is cancelled, as at any deadline.
///
/// ```
/// use std::time::Instant;
/// let late = reunite::shield_deadline(Instant::now(), || reunite::checkpoint().unwrap_err());
/// assert!(late.is_deadline());
/// ```
pub fn shield_deadline<R>(deadline: Instant, f: impl FnOnce() -> R) -> R {
    shield_until(Some(deadline), f)
}

fn shield_until<R>(deadline: Option<Instant>, f: impl FnOnce() -> R) -> R {
    let Context { record, node } = current();
    let node = CancelNode::root(node.label().clone(), deadline);
    let _entered = enter(Context { record, node });
    f()
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;

    /// Publishes forks, oldest first; returns in which of the contexts each was made.
    fn publish(forks: &[ForkMark], contexts: &[Arc<Context>]) -> Vec<Option<usize>> {
        let mut made_in = Vec::new();
        publish_forks(forks.iter().map(|fork| (*fork, ())), |(), made| {
            let mut contexts = contexts.iter();
            made_in.push(contexts.position(|context| Arc::ptr_eq(context, made)));
        });
        made_in
    }

    #[test]
    fn forks_are_published_in_the_contexts_they_were_made_in_a_few_at_a_time() {
        let _own = with_layers(<[Layer]>::len);
        let contexts: Vec<_> = (0..5).map(|_| Arc::new(Context::foreign())).collect();
        let after = [0, 10, 10, 30, 50];
        let entered = contexts.iter().zip(after);
        let entered: Vec<_> = entered
            .map(|(context, after)| push(Layer::of(Arc::clone(context), after)))
            .collect();
        assert_eq!(publish(&[10], &contexts), [Some(0)]);
        assert_eq!(publish(&[], &contexts), []);
        assert_eq!(publish(&[20, 30], &contexts), [Some(2); 2]);
        assert_eq!(publish(&[40], &contexts), [Some(3)]);
        assert_eq!(publish(&[50, 60], &contexts), [Some(3), Some(4)]);
        for entered in entered.into_iter().rev() {
            drop(entered);
        }
    }
}
