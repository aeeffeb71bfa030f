//! An ordered map over a lazy source, in the pool.
//!
//! The consumer pulls the source itself, in batches, and spawns a task for each; it takes the results from
//! the oldest batch, and runs that itself if nobody has begun it. A batch is as long as a task should be: a
//! few microseconds, measured as they come back.
//!
//! # Protocol
//! *What was taken and has not begun can be taken by others*, as with a scope's tasks. While a batch of two items or more
//! runs, it is listed with what its thread does (`life`), and whoever runs it makes sure that the pool is watched. The watch
//! cuts what is left of a batch off when no item of it was begun for as long as the pool's patience, whether the item at hand
//! computes or blocks (see `claim`, `watch`). A thread that waits at the door, in a wait that lasts, or in `blocking`, cuts its own batch before
//! anybody may conclude that nobody will end that wait (see `wait::Place`). The rest is a batch of its own, queued like any other, so it may be cut
//! again. Its handle stays with the batch that it was cut from, which gives it to the consumer beside its outcomes:
//! batches of one are listed in the order of the cuts, from the last items to the first.
//!
//! The rest is queued before its runner can find out that it has lost it (the cut has the lock of `claim`), so the scope,
//! which waits for the runner, waits for the rest as well.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::Location;
use std::vec;

use super::claim::{Runner, Share};
use super::fork;
use super::job::Caught;
use super::life::{Divide, Left, divide};
use super::scope::{PoolScope, PoolTask};
use super::seat::Seat;
use crate::cut_short::catch_task;
use crate::error::{CutShort, Failure, JoinError, JoinErrorKind, resume};
use crate::id::{Kind, Label};
use crate::primitive::{Arc, AtomicBool, Duration, Instant, LightBarrier, Mutex, Ordering, now};

/// How long a batch should take. In a model time says nothing, and batches are to grow.
const LASTING: Duration = if cfg!(reunite_model) {
    Duration::from_secs(3_600)
} else {
    Duration::from_micros(40)
};
/// Batches on their way for each thread of the pool, at most.
const AHEAD: usize = 4;

/// Items pulled and not yet taken, if the user does not say.
const WINDOW: usize = 64;

/// What has become of a batch.
struct Batch<'scope, R> {
    outcomes: Vec<Caught<R>>,
    /// What was cut off, from the last items to the first.
    rest: Vec<PoolTask<'scope, Self>>,
    lasted: Duration,
}

/// What the batches of a map have in common.
struct Common<'scope, 'env, F> {
    scope: &'scope PoolScope<'scope, 'env>,
    f: F,
    stop: AtomicBool,
    at: &'static Location<'static>,
}

/// A batch that is being run.
struct Running<'a, 'scope, 'env, T, F, R> {
    common: &'a Arc<Common<'scope, 'env, F>>,
    items: &'a Share<T>,
    cut: Mutex<Cut<'scope, R>>,
}

/// What the watch has seen of a batch, and done to it.
struct Cut<'scope, R> {
    /// How many items were begun, and since when that is so.
    seen: Option<(usize, Instant)>,
    rest: Vec<PoolTask<'scope, Batch<'scope, R>>>,
}

/// Yields what a function makes of each item, in the order of the items; see [`PoolScope::map`].
#[must_use = "nothing is pulled until the first outcome is asked for"]
pub struct PoolMap<'scope, 'env, I: Iterator, F, R> {
    scope: &'scope PoolScope<'scope, 'env>,
    source: I,
    common: Arc<Common<'scope, 'env, F>>,
    window: usize,
    /// Batches that were pulled, oldest first.
    batches: VecDeque<PoolTask<'scope, Batch<'scope, R>>>,
    /// How many of them, at the old end, somebody has begun.
    begun: usize,
    /// Outcomes of the oldest batch that was joined.
    ready: vec::IntoIter<Caught<R>>,
    /// Pulled and not yet taken.
    pulled: usize,
    size: usize,
    dry: bool,
    /// What the source panicked with.
    torn: Option<Box<dyn Any + Send>>,
}

impl<'scope, 'env> PoolScope<'scope, 'env> {
    /// Maps a lazy source in the pool: outcomes come in the order of the items, and item `k + window` is not
    /// pulled before outcome `k` was taken. The caller pulls the source. Items are handed out in batches of
    /// some microseconds' work, so items that cost nanoseconds are worth it too, given a window that holds
    /// a few batches.
    ///
    /// When an item lasts, because it computes or because it blocks where the library does not see it, the items behind it
    /// in its batch go to other threads after the time that [`spare_after`](crate::PoolBuilder::spare_after) says; behind one that
    /// waits in this library, after a millisecond, or at once in [`blocking`](crate::blocking). So it may wait for what one of
    /// them does; but if the map is dropped, or ends with an error, what has not begun never will. It must not wait for an item
    /// that is yet to be pulled: the caller may be who runs it.
    ///
    /// A panic is its item's outcome; one of the source goes on in the consumer, after the outcomes of the items
    /// pulled before it. Dropping the map early stops what has not begun; the scope joins the
    /// rest.
    ///
    /// ```
    /// let pool = reunite::Pool::global();
    /// let sum = pool.scope(|s| {
    ///     let squares = s.map(0..10_000_u64, |n| n * n).window(1_000);
    ///     squares.map(|square| square.unwrap()).sum::<u64>()
    /// });
    /// assert_eq!(sum, 333_283_335_000);
    /// ```
    #[track_caller]
    pub fn map<I, F, R>(&'scope self, source: I, f: F) -> PoolMap<'scope, 'env, I::IntoIter, F, R>
    where
        I: IntoIterator,
        I::Item: Send + 'scope,
        F: Fn(I::Item) -> R + Send + Sync + 'scope,
        R: Send + 'scope,
    {
        PoolMap {
            scope: self,
            source: source.into_iter(),
            common: Arc::new(Common {
                scope: self,
                f,
                stop: AtomicBool::new(false),
                at: Location::caller(),
            }),
            window: WINDOW,
            batches: VecDeque::new(),
            begun: 0,
            ready: Vec::new().into_iter(),
            pulled: 0,
            size: 1,
            dry: false,
            torn: None,
        }
    }
}

impl<'scope, I, F, R> PoolMap<'scope, '_, I, F, R>
where
    I: Iterator,
    I::Item: Send + 'scope,
    F: Fn(I::Item) -> R + Send + Sync + 'scope,
    R: Send + 'scope,
{
    /// At most so many items are pulled and not yet taken: at least one, 64 if not told.
    pub fn window(mut self, items: usize) -> Self {
        self.window = items.max(1);
        self
    }

    /// Pulls and spawns batches as long as the window has room for a whole one, or nothing is on its way.
    fn fill(&mut self) {
        while !self.dry && self.batches.len() < AHEAD * self.scope.threads() {
            // Four batches at least, or nobody works beside the consumer.
            let size = self.size.min(self.window.div_ceil(4));
            let room = self.window - self.pulled;
            if room == 0 || (room < size && self.pulled > 0) {
                return;
            }
            let mut items = Vec::with_capacity(size.min(room));
            let pull = || items.extend(self.source.by_ref().take(size.min(room)));
            // The items before the panic are there.
            self.torn = catch_task(pull).err();
            self.dry = self.torn.is_some() || items.len() < size.min(room);
            if items.is_empty() {
                return;
            }
            self.pulled += items.len();
            let (task, is_first) = hand_out(&self.common, items);
            if is_first {
                self.scope.pool().published();
            }
            self.batches.push_back(task);
        }
    }
}

/// Queues a batch. Whether it is the first task of its scope that lies there.
fn hand_out<'scope, 'env, T, F, R>(
    common: &Arc<Common<'scope, 'env, F>>,
    items: Vec<T>,
) -> (PoolTask<'scope, Batch<'scope, R>>, bool)
where
    T: Send + 'scope,
    F: Fn(T) -> R + Send + Sync + 'scope,
    R: Send + 'scope,
{
    let common = Arc::clone(common);
    let (scope, at) = (common.scope, common.at);
    scope.enqueue(at, move || run(&common, items))
}

fn run<'scope, T, F, R>(common: &Arc<Common<'scope, '_, F>>, items: Vec<T>) -> Batch<'scope, R>
where
    T: Send + 'scope,
    F: Fn(T) -> R + Send + Sync + 'scope,
    R: Send + 'scope,
{
    let start = now();
    let pool = common.scope.pool();
    let life = fork::seat().filter(|_| items.len() > 1).map(Seat::life);
    let mut items = Share::new(items);
    let barrier = life.map_or_else(LightBarrier::alone, |_| LightBarrier::get());
    let (runner, items) = items.split(barrier);
    let running = Running {
        common,
        items,
        cut: Mutex::new(Cut {
            seen: None,
            rest: Vec::new(),
        }),
    };
    let outcomes = divide(life, &running, || {
        if life.is_some() {
            pool.watch();
        }
        run_all(common, runner)
    });
    Batch {
        outcomes,
        rest: running.cut.into_inner().rest,
        lasted: now().duration_since(start),
    }
}

#[inline]
fn run_all<T, F: Fn(T) -> R, R>(
    common: &Common<'_, '_, F>,
    items: Runner<'_, T>,
) -> Vec<Caught<R>> {
    let mut outcomes = Vec::with_capacity(items.most());
    for item in items {
        if common.stop.load(Ordering::Relaxed) {
            break;
        }
        outcomes.push(catch_task(|| (common.f)(item)));
    }
    outcomes
}

impl<'scope, T, F, R> Divide for Running<'_, 'scope, '_, T, F, R>
where
    T: Send + 'scope,
    F: Fn(T) -> R + Send + Sync + 'scope,
    R: Send + 'scope,
{
    fn look(&self, patience: Duration) -> Left {
        let Some(begun) = self.items.claimed() else {
            return Left::Nothing;
        };
        let mut cut = self.cut.lock();
        let seen = cut.seen.filter(|(before, _)| *before == begun);
        let (_, since) = *cut.seen.insert(seen.unwrap_or_else(|| (begun, now())));
        if now().saturating_duration_since(since) < patience {
            return Left::Something;
        }
        let is_cut = self.items.cut(|rest| {
            // Whoever looks tells the pool of it.
            let (task, _) = hand_out(self.common, rest);
            cut.rest.push(task);
        });
        if is_cut {
            Left::Queued
        } else {
            Left::Something
        }
    }
}

impl<I: Iterator, F, R> PoolMap<'_, '_, I, F, R> {
    /// The source panicked, and so does the consumer; or it was left, and may have had more items.
    fn source_ended(&self, payload: Box<dyn Any + Send>) -> JoinError {
        let kind = match CutShort::from_payload(payload) {
            Ok(CutShort::Cancelled(cancelled)) => JoinErrorKind::Interrupted(cancelled),
            Ok(CutShort::Refused(refusal)) => JoinErrorKind::CutShort(refusal),
            Err(payload) => resume(payload),
        };
        JoinError::new(Label::new(Kind::Task, None, self.common.at), kind)
    }

    /// Runs the oldest batch that nobody has begun; false if there is none.
    fn run_next(&mut self) -> bool {
        while let Some(batch) = self.batches.get(self.begun) {
            self.begun += 1;
            if batch.run_if_queued() {
                return true;
            }
        }
        false
    }
}

impl<'scope, I, F, R> Iterator for PoolMap<'scope, '_, I, F, R>
where
    I: Iterator,
    I::Item: Send + 'scope,
    F: Fn(I::Item) -> R + Send + Sync + 'scope,
    R: Send + 'scope,
{
    type Item = Result<R, JoinError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(outcome) = self.ready.next() {
                self.pulled -= 1;
                return Some(outcome.map_err(|payload| {
                    let label = Label::new(Kind::Task, None, self.common.at);
                    JoinError::new(label, Failure::panicked(payload))
                }));
            }
            self.fill();
            let Some(oldest) = self.batches.front() else {
                return self
                    .torn
                    .take()
                    .map(|payload| Err(self.source_ended(payload)));
            };
            // While another works on the oldest, work on the next: it is as much this map's.
            if !oldest.is_finished() && self.run_next() {
                continue;
            }
            self.begun = self.begun.saturating_sub(1);
            let batch = match self.batches.pop_front()?.join() {
                Ok(batch) => batch,
                // The scope was cancelled, or the caller: the items of the batch have no outcome.
                Err(error) => {
                    self.dry = true;
                    self.batches.clear();
                    return Some(Err(error));
                }
            };
            // As many items as make a good batch by this one's measure, but at most twice as many as it had.
            let count = batch.outcomes.len().max(1);
            let fitting = LASTING.as_nanos() * count as u128 / batch.lasted.as_nanos().max(1);
            self.size = usize::try_from(fitting)
                .unwrap_or(usize::MAX)
                .clamp(1, 2 * count);
            self.ready = batch.outcomes.into_iter();
            for rest in batch.rest {
                self.batches.push_front(rest);
                // Perhaps nobody has.
                self.begun = 0;
            }
            // The others go on while the consumer is busy with these.
            self.fill();
        }
    }
}

impl<I: Iterator, F, R> Drop for PoolMap<'_, '_, I, F, R> {
    fn drop(&mut self) {
        self.common.stop.store(true, Ordering::Relaxed);
    }
}
