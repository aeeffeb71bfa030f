//! An ordered map over a lazy source, in the pool.
//!
//! The consumer pulls the source itself, in batches, and spawns a task for each; it takes the results from
//! the oldest batch, and runs that itself if nobody has begun it. A batch is as long as a task should be: a
//! few microseconds, measured as they come back.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::Location;
use std::vec;

use super::job::Caught;
use super::scope::{PoolScope, PoolTask};
use crate::cut_short::catch_task;
use crate::error::{CutShort, Failure, JoinError, JoinErrorKind, resume};
use crate::id::{Kind, Label};
use crate::primitive::{Arc, AtomicBool, Duration, Ordering, now};

/// How long a batch should take.
const LASTING: Duration = Duration::from_micros(40);
/// Batches on their way for each thread of the pool, at most.
const AHEAD: usize = 4;

/// Items pulled and not yet taken, if the user does not say.
const WINDOW: usize = 64;

/// The outcomes of a batch, and how long it took.
type Batch<R> = (Vec<Caught<R>>, Duration);

/// Yields what a function makes of each item, in the order of the items; see [`PoolScope::map`].
#[must_use = "nothing is pulled until the first outcome is asked for"]
pub struct PoolMap<'scope, 'env, I: Iterator, F, R> {
    scope: &'scope PoolScope<'scope, 'env>,
    source: I,
    f: Arc<F>,
    window: usize,
    /// Batches that were pulled, oldest first.
    batches: VecDeque<PoolTask<'scope, Batch<R>>>,
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
    stop: Arc<AtomicBool>,
    at: &'static Location<'static>,
}

impl<'scope, 'env> PoolScope<'scope, 'env> {
    /// Maps a lazy source in the pool: outcomes come in the order of the items, and item `k + window` is not
    /// pulled before outcome `k` was taken. The caller pulls the source. Items are handed out in batches of
    /// some microseconds' work, so items that cost nanoseconds are worth it too, given a window that holds
    /// a few batches.
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
            f: Arc::new(f),
            window: WINDOW,
            batches: VecDeque::new(),
            begun: 0,
            ready: Vec::new().into_iter(),
            pulled: 0,
            size: 1,
            dry: false,
            torn: None,
            stop: Arc::new(AtomicBool::new(false)),
            at: Location::caller(),
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
            let (f, stop) = (Arc::clone(&self.f), Arc::clone(&self.stop));
            let task = self.scope.spawn(move || {
                let start = now();
                let mut outcomes = Vec::with_capacity(items.len());
                for item in items {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    outcomes.push(catch_task(|| f(item)));
                }
                (outcomes, now().duration_since(start))
            });
            self.batches.push_back(task);
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
        JoinError::new(Label::new(Kind::Task, None, self.at), kind)
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
                    let label = Label::new(Kind::Task, None, self.at);
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
            let (outcomes, spent) = match self.batches.pop_front()?.join() {
                Ok(batch) => batch,
                // The scope was cancelled, or the caller: the items of the batch have no outcome.
                Err(error) => {
                    self.dry = true;
                    self.batches.clear();
                    return Some(Err(error));
                }
            };
            // As many items as make a good batch by this one's measure, but at most twice as many as it had.
            let count = outcomes.len().max(1);
            let fitting = LASTING.as_nanos() * count as u128 / spent.as_nanos().max(1);
            self.size = usize::try_from(fitting)
                .unwrap_or(usize::MAX)
                .clamp(1, 2 * count);
            self.ready = outcomes.into_iter();
            // The others go on while the consumer is busy with these.
            self.fill();
        }
    }
}

impl<I: Iterator, F, R> Drop for PoolMap<'_, '_, I, F, R> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
