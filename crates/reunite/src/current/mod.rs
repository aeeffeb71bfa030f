//! Which task a thread is running, and what that task waits for.
//!
//! A thread holds a stack of contexts: a worker may run one task inside another's wait, and a shielded
//! section or a scope's body replaces the cancel node for a while. Each entry is put back by a guard.
//! An entry also keeps which fork of the thread was the newest when it was made, so that it can be told
//! afterwards in which context a fork was made, and a fork need not say so.
//!
//! # Pieces of a pool's work
//! A thread of a pool may run many small tasks one after the other in one entry, whose context is what they have in
//! common: the node of their scope, and the task that opened it. Which of them it is at, the pool knows
//! ([`Pieces`]). Each has a context of its own, which is made when somebody asks for it: by whatever blocks, fails,
//! opens a scope, offers a fork to others, or looks. Until then nobody can tell the difference, and nothing is made.

mod later;
mod who;

use std::cell::{Cell, OnceCell, RefCell};
use std::ops::Range;
use std::panic::Location;

use crate::cancel::Node;
use crate::contain::assert_outside;
use crate::deadlock::{Holder, held_count};
use crate::error::{Cancelled, CutShort};
use crate::id::{Kind, Label, TaskId};
use crate::part::Part;
use crate::primitive::{
    Arc, Counter, Duration, Inside, Instant, Ordering, foreign_thread_name, thread_local,
};

pub(crate) use later::{Around, Later};
pub(crate) use who::{Asked, Context, Created, Waiting, Who};

impl Context {
    /// For a thread that this library did not start: nothing cancels it.
    #[track_caller]
    fn foreign() -> Self {
        let label = Label::new(Kind::Foreign, foreign_thread_name(), Location::caller());
        Self {
            node: Node::root(label.clone(), None),
            who: Who::new(label, None),
        }
    }
}

/// Tells one open fork of a thread from another; zero is none.
pub(crate) type ForkMark = usize;

/// After which fork something was begun that ends before that fork does: the newest open one of the thread, as long as that
/// is private. So of what a thread has begun, one thing inside the other, the outer ones tell of none, and the others
/// of forks that are private; whoever publishes forks, oldest first, keeps it so.
pub(crate) struct After(Cell<ForkMark>);

impl After {
    pub(crate) const fn fork(newest: ForkMark) -> Self {
        Self(Cell::new(newest))
    }

    /// The same of something that begins later.
    pub(crate) fn set(&self, newest: ForkMark) {
        self.0.set(newest);
    }

    /// Whether no fork that is private is older.
    pub(crate) fn is_none(&self) -> bool {
        self.0.get() == 0
    }

    fn is(&self, fork: ForkMark) -> bool {
        self.0.get() == fork
    }

    /// Forgets the fork, which is private no more, if it is that one; whether it was.
    pub(crate) fn forget(&self, published: ForkMark) -> bool {
        let is_it = self.is(published);
        if is_it {
            self.0.set(0);
        }
        is_it
    }
}

/// The context of a layer. That of a task is shared when somebody asks for it: most never wait, and nobody does.
pub(crate) enum LayerContext {
    Shared(Arc<Context>),
    Own(Context, OnceCell<Arc<Context>>),
    /// Of a task that has none before somebody asks.
    Asked(Arc<dyn Asked>, OnceCell<Arc<Context>>),
    Later(Arc<Later>),
    OfTasks(Arc<Later>),
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

    /// Whether a checkpoint is to ask more closely.
    #[inline]
    fn must_look(&self) -> bool {
        match self {
            Self::Later(later) => later.must_look(),
            Self::OfTasks(later) => later.must_tasks_look(),
            Self::Asked(task, _) => task.known_node().is_some_and(Node::must_look),
            Self::Shared(_) | Self::Own(..) => self.node.must_look(),
        }
    }

    /// Whether nobody has made it.
    fn is_unmade(&self) -> bool {
        match self {
            Self::Later(later) => later.known().is_none(),
            Self::OfTasks(later) => later.known_tasks().is_none(),
            Self::Asked(task, _) => task.known_node().is_none(),
            Self::Shared(_) | Self::Own(..) => false,
        }
    }
}

/// As far as it was made: see [`Later::nearest`]. That of a single task is made.
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

impl From<Arc<dyn Asked>> for LayerContext {
    fn from(task: Arc<dyn Asked>) -> Self {
        Self::Asked(task, OnceCell::new())
    }
}

/// What the tasks of such a scope run in.
pub(crate) struct TasksOf(pub(crate) Arc<Later>);

impl From<TasksOf> for LayerContext {
    fn from(TasksOf(scope): TasksOf) -> Self {
        Self::OfTasks(scope)
    }
}

struct Layer {
    context: LayerContext,
    after: After,
    /// Whether what runs in it, and not in one entered later, was told of a cancellation.
    told: Cell<bool>,
    /// If pieces of a pool's work run in it: how many the thread ran already when it was entered.
    pieces: Option<usize>,
    /// How many locks the thread held when it was entered: what it has taken since, what runs here has.
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

/// What the pool knows of the calling thread.
pub(crate) struct Pieces {
    /// The newest open fork.
    pub(crate) newest_fork: fn() -> ForkMark,
    /// How many pieces of work it runs, one inside the wait of another.
    pub(crate) count: fn() -> usize,
    /// The context of the last piece in a range of them, if there is one: made for a piece that runs in the given
    /// context, or only if it was made before.
    pub(crate) context: OfPieces,
}

type OfPieces = fn(Range<usize>, &Arc<Context>, Make) -> Option<Arc<Context>>;

/// Whether a context that nobody has asked for is to be made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Make {
    Now,
    /// Runs no code of users.
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

/// From now on `pieces` tells what this thread runs for a pool.
pub(crate) fn tell_pieces_by(pieces: &'static Pieces) {
    PIECES.with(|here| here.set(pieces));
}

/// The context of the calling thread.
pub(crate) fn current() -> Context {
    Context::clone(&here())
}

/// [`current`], for those who only look at it.
pub(crate) fn here() -> Arc<Context> {
    own_context(|layers| layers.len() - 1)
}

/// What is around a scope that is opened here.
pub(crate) fn around_here() -> Around {
    let around = with_layers(|layers| {
        let layer = layers.last()?;
        match &layer.context {
            LayerContext::Later(later) => Some(Around::from(later)),
            context if layer.pieces.is_none() => Some(Around::from(Arc::clone(context.shared()))),
            _ => None,
        }
    });
    around.unwrap_or_else(|| here().into())
}

/// The record of what the calling thread runs.
pub(crate) fn who() -> Part<Who> {
    let plain = with_layers(|layers| {
        let last = layers.last()?;
        match &last.context {
            LayerContext::Later(_) => None,
            context => last.pieces.is_none().then(|| context.shared().who.clone()),
        }
    });
    plain.unwrap_or_else(|| here().who.clone())
}

/// The context of one of the thread's layers, or of the piece that it runs there: made if need be.
fn own_context(which: impl Fn(&[Layer]) -> usize) -> Arc<Context> {
    let (context, pieces) = with_layers(|layers| {
        let at = which(layers);
        (
            Arc::clone(layers[at].context.shared()),
            pieces_of(layers, at),
        )
    });
    // Not under the borrow: it takes locks.
    let own =
        pieces.and_then(|pieces| (PIECES.with(Cell::get).context)(pieces, &context, Make::Now));
    own.unwrap_or(context)
}

/// The pieces that run in a layer, and not in one that was entered later.
fn pieces_of(layers: &[Layer], at: usize) -> Option<Range<usize>> {
    let first = layers[at].pieces?;
    let later = layers[at + 1..].iter().find_map(|layer| layer.pieces);
    Some(first..later.unwrap_or(usize::MAX))
}

/// The context of a layer, or of the piece that runs there, if that was made.
fn known_context(layers: &[Layer], at: usize) -> Arc<Context> {
    let context = layers[at].context.shared();
    let own = pieces_of(layers, at)
        .and_then(|pieces| (PIECES.with(Cell::get).context)(pieces, context, Make::Never));
    own.unwrap_or_else(|| Arc::clone(context))
}

/// The layer in which the oldest private fork of the thread was made.
fn layer_of_oldest(layers: &[Layer]) -> usize {
    layers[1..].partition_point(|layer| layer.after.is_none())
}

/// Makes the contexts of the pieces in which the calling thread has made its oldest private forks, which are given oldest
/// first.
pub(crate) fn make_contexts(oldest_first: impl Iterator<Item = ForkMark>) {
    let made_in = with_layers(|layers| {
        let first = layer_of_oldest(layers);
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

/// Which of the tasks that the calling thread runs, one inside the wait of another, has taken which of the locks that it
/// holds.
pub(crate) fn holders() -> Vec<Holder> {
    let from: Vec<_> = with_layers(|layers| layers.iter().map(|layer| layer.held).collect());
    let holders = from.into_iter().enumerate().map(|(at, from)| Holder {
        from,
        who: own_context(|_| at).who.label.clone(),
    });
    holders.collect()
}

/// How many of the locks that the calling thread holds were taken before the current task was begun: by others, inside
/// whose waits it runs.
pub(crate) fn held_by_others() -> usize {
    with_layers(|layers| {
        let is_begun_at = |at: &usize| {
            let layer = &layers[*at];
            let is_another = || {
                let around = known_context(layers, at - 1);
                !around.who.is(&layer.context.who)
            };
            layer.pieces.is_some() || *at == 0 || is_another()
        };
        let begun = (0..layers.len()).rev().find(is_begun_at);
        begun.map_or(0, |at| layers[at].held)
    })
}

/// The tasks that the calling thread runs, one inside the wait of another, and all that wait for their ends.
pub(crate) fn around() -> Vec<TaskId> {
    let here: Vec<_> = with_layers(|layers| {
        let tasks = layers.iter().map(|layer| layer.context.who.clone());
        tasks.collect()
    });
    let lineages = here.iter().flat_map(Part::ancestors);
    lineages.map(|who| who.label.id()).collect()
}

/// Calls `each` with the context in which the calling thread made each of these forks, which are private no more; they were
/// its oldest, and are given oldest first: of those made in pieces of a pool's work, if [that was made](make_contexts).
/// `each` enters nothing.
pub(crate) fn publish_forks<F>(
    oldest_first: impl Iterator<Item = (ForkMark, F)>,
    mut each: impl FnMut(F, &Arc<Context>),
) {
    with_layers(|layers| {
        let mut at = layer_of_oldest(layers);
        let mut context = known_context(layers, at);
        for (mark, fork) in oldest_first {
            each(fork, &context);
            // What was entered after this fork was made is the context of those that are newer.
            let after = layers[at + 1..].iter();
            let entered = after.take_while(|layer| layer.after.forget(mark)).count();
            if entered > 0 {
                at += entered;
                context = known_context(layers, at);
            }
        }
    });
}

/// The layers, at least one.
fn with_layers<R>(ask: impl FnOnce(&[Layer]) -> R) -> R {
    // It may have taken locks before anybody asked.
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
        // The thread is ending and its locals are gone: nobody cancels it, nobody looks for it.
        (_, Some(ask)) => ask(&[foreign()]),
        _ => unreachable!("the question is asked once"),
    }
}

/// Puts the previous context back when dropped.
pub(crate) struct Entered(());

impl Entered {
    /// Puts the previous context back, and returns the one of a scope that was entered, and whether what ran in it
    /// [was told](was_told) of a cancellation. Not inlined, as what is left would lie in the frame of the scope.
    #[inline(never)]
    pub(crate) fn leave(self) -> (Option<Arc<Later>>, bool) {
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

/// [`enter`] for the body of a scope whose context is made later: put there field by field, as to move it takes longer than
/// all else. Not inlined, as for [`leave`](Entered::leave).
#[inline(never)]
pub(crate) fn enter_scope(scope: Arc<Later>) -> Entered {
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

/// [`enter`] for pieces of a pool's work, which run in it one after the other: each in a context of its own, where
/// somebody asks for it.
pub(crate) fn enter_for_pieces(context: impl Into<LayerContext>) -> Entered {
    let pieces = PIECES.with(Cell::get);
    let layer = Layer::of(context, (pieces.newest_fork)());
    push(Layer {
        pieces: Some((pieces.count)()),
        ..layer
    })
}

fn push(layer: Layer) -> Entered {
    // A thread that is ending and has lost its layers goes on without.
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

/// What was entered last, to be dropped outside the borrow: a context that goes may take the last reference to its node along.
#[inline]
fn pop() -> Option<Layer> {
    let gone = LAYERS.try_with(|layers| {
        let _inside = Inside::mark();
        layers.borrow_mut().pop()
    });
    gone.ok().flatten()
}

/// Asks whether the current task should stop: one relaxed load while it should not (and, under a
/// deadline, a look at the clock). Call it in loops that compute.
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
    // Whoever finds a deadline passed tells observers, which may do anything: not under the borrow.
    let must_look = LAYERS.try_with(|layers| {
        let layers = layers.borrow();
        let last = layers.last();
        last.is_some_and(|layer| layer.context.must_look())
    });
    if must_look == Ok(true) {
        look_closer()
    } else {
        Ok(())
    }
}

#[cold]
fn look_closer() -> Result<(), Cancelled> {
    let asked = here().node.check();
    if asked.is_err() {
        mark_told();
    }
    asked
}

/// The current task was told of its cancellation, by a wait.
pub(crate) fn tell_cancelled() {
    current().node.mark_observed();
    mark_told();
}

/// What runs here was told of a cancellation.
pub(crate) fn mark_told() {
    let _ending = LAYERS.try_with(|layers| {
        if let Some(layer) = layers.borrow().last() {
            layer.told.set(true);
        }
    });
}

/// Whether what was entered last was told of a cancellation. Its node does not say: others may run under that, too.
pub(crate) fn was_told() -> bool {
    let told = LAYERS.try_with(|layers| layers.borrow().last().is_some_and(|it| it.told.get()));
    told.unwrap_or(false)
}

/// How often tasks were told that what they waited for will not come, cancellations aside.
static TELLINGS: Counter = Counter::new(0);

/// The number of the last telling, to be kept by whoever wants to know what was told since.
#[inline]
pub(crate) fn tellings() -> u64 {
    TELLINGS.load(Ordering::Relaxed)
}

/// The current task is being told that what it waits for will not come: inside a shield, too, whose node passes nothing
/// on.
pub(crate) fn tell_here(why: &CutShort) {
    let number = TELLINGS.fetch_add(1, Ordering::Relaxed) + 1;
    for node in nodes_here() {
        node.mark_cut(number, why);
    }
}

/// The nodes of what the current task does on this thread, innermost first.
fn nodes_here() -> Vec<Part<Node>> {
    // What is told is told to the piece alone.
    let here = here().who.clone();
    with_layers(|layers| {
        let newest_first = (0..layers.len()).rev();
        let contexts = newest_first.map(|at| known_context(layers, at));
        let same = contexts.take_while(|context| context.who.is(&here));
        let mut nodes = Vec::new();
        for context in same {
            nodes.push(context.node.clone());
            // A pool's task is told as the task that opened its scope is not.
            if context.node.is_apart() {
                break;
            }
        }
        nodes
    })
}

/// The current task was left, and goes on as it cannot unwind, or was refused a thread: nothing that it sends from here on
/// makes up for that.
pub(crate) fn mark_left(why: &CutShort) {
    current().node.mark_left(why);
}

/// What the current task was told that leaves its work undone, after telling number `since`.
pub(crate) fn cut_short(since: u64) -> Option<CutShort> {
    // Neither a thread that never entered a task nor one that is ending was told of anything.
    let node = LAYERS.try_with(|layers| {
        let layers = layers.try_borrow().ok()?;
        let last = layers.len().checked_sub(1)?;
        if layers[last].context.is_unmade() {
            // Nobody has told it anything.
            return None;
        }
        known_context(&layers, last).node.cut_short(since)
    });
    node.ok().flatten()
}

/// Whether nothing of this library stands around the caller that would tell why its stack unwinds.
pub(crate) fn is_outside_tasks() -> bool {
    with_layers(|layers| {
        layers.last().is_none_or(|layer| {
            let context = &layer.context;
            let is_whole = matches!(context, LayerContext::Shared(_) | LayerContext::Own(..));
            is_whole && context.who.is_foreign() && context.node.label().is_foreign()
        })
    })
}

/// Runs `f` out of reach of cancellations and deadlines from outside: for clean-up that must wait, such as
/// sending a last message. Keep it short, or give it a limit with [`shield_timeout`]: whoever cancelled
/// the task waits for it.
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

/// [`shield`] for at most `timeout`: then `f` is cancelled like anything whose deadline passed.
pub fn shield_timeout<R>(timeout: Duration, f: impl FnOnce() -> R) -> R {
    shield_until(crate::deadline::after(timeout), f)
}

/// [`shield`] until `deadline`: then `f` is cancelled like anything whose deadline passed.
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
    let Context { who, node } = current();
    let node = Node::root(node.label().clone(), deadline);
    let _entered = enter(Context { who, node });
    f()
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;

    /// Publishes forks, oldest first; tells in which of the contexts each was made.
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
