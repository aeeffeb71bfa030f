//! An ordered map over a lazy source, in the pool.
//!
//! The consumer pulls the source itself, in batches, and spawns a task for each batch. It takes the results
//! from the oldest batch, and runs that batch itself if no thread has begun it. The size of a batch is chosen
//! so that a batch takes some forty microseconds, as measured on the batch before.
//!
//! A consumer that waits with a time limit pulls items but runs none, because it could not stop a running
//! item. A batch leaves the list only when its outcomes are available: if the time runs out first, the next
//! call finds the list unchanged.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::Location;
use std::vec;

use super::handle::PoolTask;
use super::items::{BatchExtras, BatchOutcomes, PoolMapShared, hand_out};
use super::scope::PoolScope;
use crate::current;
use crate::cut_short::catch_task;
use crate::deadline;
use crate::error::{CutShort, JoinError, JoinErrorKind, Refusal, WaitError, resume};
use crate::id::Label;
use crate::observe::{Event, is_on, tell};
use crate::primitive::{Arc, Duration, Instant, now};
use crate::task::Unjoined;

/// The time that a batch should take. Under the model checker times mean nothing, and batches are to grow.
const LASTING: Duration = if cfg!(reunite_model) {
    Duration::from_secs(3_600)
} else {
    Duration::from_micros(40)
};
/// The most batches in progress for each thread of the pool.
const AHEAD: usize = 4;

/// The window, if the user does not choose one: at the beginning, and while items are not short.
const WINDOW: usize = 64;
/// The largest window for short items, if the user does not choose one.
const MAX_WINDOW: usize = 4_096;

/// The next outcome, or `None` at the end; an error if the time to wait for it passed.
type TimedPoolOutcome<R> = Result<Option<Result<R, JoinError>>, WaitError>;

/// The reason why the next outcome is not available yet.
enum NotYet {
    /// The time to wait for it passed.
    TooLate,
    /// The pool has no thread that could make it.
    Starved,
}

/// An outcome with the facts to report about it.
struct ReadyOutcome<R> {
    outcome: Result<R, JoinError>,
    /// The item's label, if observers are told of joins.
    item: Option<Label>,
    /// Reports an error that is never taken.
    unjoined: Option<Unjoined>,
}

/// An iterator over the results of a function for each item, in the order of the items; see
/// [`PoolScope::map`].
#[must_use = "nothing is pulled until the first outcome is asked for"]
pub struct PoolMap<'scope, 'env, I: Iterator, F, R> {
    scope: &'scope PoolScope<'scope, 'env>,
    source: I,
    common: Arc<PoolMapShared<'scope, 'env, F, I::Item>>,
    window: usize,
    /// True if the user has not chosen the window.
    window_fits_items: bool,
    /// The batches that were pulled, oldest first.
    batches: VecDeque<PoolTask<'scope, BatchOutcomes<'scope, R>>>,
    /// The number of batches at the old end that were begun.
    begun: usize,
    /// The outcomes of the oldest batch that was joined.
    ready: vec::IntoIter<Result<R, JoinError>>,
    /// The outcomes of the oldest batch that was joined, if there are facts to report about them.
    told: vec::IntoIter<ReadyOutcome<R>>,
    /// The number of items pulled and not yet taken.
    pulled: usize,
    /// The number of items pulled in all.
    count: u64,
    /// The number of items of the next batch.
    size: usize,
    /// True if no more items are pulled: the source has ended, or the map was cut short.
    dry: bool,
    /// The payload with which the source panicked or left.
    torn: Option<Box<dyn Any + Send>>,
}

impl<'scope, 'env> PoolScope<'scope, 'env> {
    /// Maps a lazy source in the pool. Outcomes come in the order of the items, and item `k + window` is not
    /// pulled before outcome `k` was taken.
    ///
    /// The caller pulls the source, and runs items, on its own stack. Items are handed out in batches of some
    /// forty microseconds, so the map is worth its cost even for items that take nanoseconds.
    ///
    /// When an item takes long, other threads take the items behind it in its batch. They do so at once if
    /// the item calls [`blocking`](crate::blocking), after a millisecond if it waits in this library, and
    /// after [`spare_after`](crate::PoolBuilder::spare_after) if it computes or blocks where the library does
    /// not see it. So an item may wait for what a later item of its batch does. But if the map is dropped, or
    /// ends with an error, items that have not begun never begin. And an item must not wait for one that was
    /// not pulled yet, because the caller pulls, and may be running the waiting item.
    ///
    /// A panic of an item is the outcome of that item. If the source panics, `next` panics with that payload
    /// after the outcomes of the items pulled before. If the map is dropped early, items that have not begun
    /// never run; the scope joins the others. An `Err` that an item returned and that is never taken is
    /// [reported](crate::on_unjoined_error).
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
            common: PoolMapShared::new(self, f, Location::caller()),
            window: WINDOW,
            window_fits_items: true,
            batches: VecDeque::new(),
            begun: 0,
            ready: Vec::new().into_iter(),
            told: Vec::new().into_iter(),
            pulled: 0,
            count: 0,
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
    /// Sets the window: how many items may be pulled whose outcomes are not yet taken (at least one). The
    /// default is 64, and more, up to 4,096, while items are so short that 64 of them do not keep the pool's
    /// threads busy.
    ///
    /// ```
    /// reunite::Pool::global().scope(|s| {
    ///     let doubled: Vec<_> = s.map(0..5, |n| n * 2).window(2).map(Result::unwrap).collect();
    ///     assert_eq!(doubled, [0, 2, 4, 6, 8]);
    /// });
    /// ```
    pub fn window(mut self, items: usize) -> Self {
        self.window = items.max(1);
        self.window_fits_items = false;
        self
    }

    /// Sets the names of items in messages and in the [live tree](crate::dump()), beside their numbers in the
    /// map. `name` is called with each item after the item was pulled.
    ///
    /// ```
    /// let files = ["a.txt", "b.txt"];
    /// let message = reunite::Pool::global().scope(|s| {
    ///     let mut lengths = s.map(files, |file| panic!("{file} is empty")).label(|file| file.to_string());
    ///     lengths.next().unwrap().map(|never: u32| never).unwrap_err().to_string()
    /// });
    /// assert!(message.starts_with("item 0 of map `a.txt` ("), "{message}");
    /// ```
    pub fn label(self, name: impl Fn(&I::Item) -> String + Send + Sync + 'scope) -> Self {
        self.common.call_items(Box::new(name));
        self
    }

    /// Returns the next outcome like [`next`](Iterator::next), and waits at most `timeout`. Meanwhile the
    /// caller runs no items, because it could not stop them at the timeout. It pulls the source, however long
    /// that takes.
    ///
    /// # Errors
    /// The timeout passed ([`is_timeout`](WaitError::is_timeout)). Or, only if `timeout` is too large to be
    /// represented as a deadline: all threads of the pool block ([`is_starved`](WaitError::is_starved)). No
    /// outcome is lost: the map goes on, and the next call returns the outcome for which this one waited.
    ///
    /// ```
    /// use std::time::Duration;
    /// let (go, wait) = reunite::channel::unbounded();
    /// reunite::Pool::global().scope(|s| {
    ///     let mut outcomes = s.map([1, 2], |n| n * wait.recv().unwrap());
    ///     let late = outcomes.next_timeout(Duration::from_millis(1)).unwrap_err();
    ///     assert!(late.is_timeout());
    ///     go.send(10).unwrap();
    ///     assert_eq!(outcomes.next().unwrap().unwrap(), 10);
    ///     # go.send(10).unwrap();
    /// });
    /// ```
    pub fn next_timeout(&mut self, timeout: Duration) -> TimedPoolOutcome<R> {
        self.next_within(deadline::after(timeout))
    }

    /// Returns the next outcome like [`next`](Iterator::next), and waits at most until `deadline`.
    ///
    /// # Errors
    /// As [`next_timeout`](Self::next_timeout).
    pub fn next_deadline(&mut self, deadline: Instant) -> TimedPoolOutcome<R> {
        self.next_within(Some(deadline))
    }

    fn next_within(&mut self, patience: Option<Instant>) -> TimedPoolOutcome<R> {
        let since = now();
        let next = self.next_until(Some(patience));
        next.map_err(|not_yet| match not_yet {
            NotYet::TooLate => WaitError::timed_out(now().saturating_duration_since(since)),
            NotYet::Starved => WaitError::refused(Refusal::Starved),
        })
    }

    /// Waits for the next outcome. `patience`: `None` waits without a limit, and runs batches that no thread
    /// has begun; `Some(None)` waits without a limit, and runs nothing; `Some(instant)` waits until the
    /// instant.
    fn next_until(
        &mut self,
        patience: Option<Option<Instant>>,
    ) -> Result<Option<Result<R, JoinError>>, NotYet> {
        loop {
            if let Some(outcome) = self.ready.next() {
                self.pulled -= 1;
                return Ok(Some(outcome));
            }
            if let Some(told) = self.told.next() {
                self.pulled -= 1;
                if let Some(unjoined) = told.unjoined {
                    unjoined.take();
                }
                if let Some(item) = told.item {
                    self.tell_joined(&item);
                }
                return Ok(Some(told.outcome));
            }
            self.fill();
            let Some(oldest) = self.batches.front() else {
                let torn = self.torn.take();
                return Ok(torn.map(|payload| Err(self.source_ended(payload))));
            };
            // While another thread works on the oldest batch, run the next one of this map.
            if patience.is_none() && !oldest.is_finished() && self.run_next() {
                continue;
            }
            let map = Some(self.common.label());
            let joined = self.batches[0].join_until(patience, self.common.at(), map);
            match &joined {
                Err(error) if error.is_timeout() => return Err(NotYet::TooLate),
                // A caller that may run the batch itself gets this as the outcome.
                Err(error) if error.is_starved() && patience.is_some() => {
                    return Err(NotYet::Starved);
                }
                _ => {}
            }
            self.begun = self.begun.saturating_sub(1);
            self.batches.pop_front();
            let batch = match joined {
                Ok(batch) => batch,
                // The scope or the caller was cancelled: the items of the batch have no outcome.
                Err(error) => {
                    self.dry = true;
                    self.batches.clear();
                    return Ok(Some(Err(self.cut_off(error))));
                }
            };
            self.open(batch);
            // Keeps the other threads busy while the consumer handles these outcomes.
            self.fill();
        }
    }

    /// Makes the outcomes of the oldest batch the next ones.
    fn open(&mut self, batch: BatchOutcomes<'scope, R>) {
        // The number of items that make a good batch by the time of this one, but at most twice its number.
        let count = batch.outcomes.len().max(1);
        let fitting = LASTING.as_nanos() * count as u128 / batch.lasted.as_nanos().max(1);
        self.size = usize::try_from(fitting)
            .unwrap_or(usize::MAX)
            .clamp(1, 2 * count);
        if self.window_fits_items {
            // Room for all batches that may be in progress.
            let needed = self.size * AHEAD * self.scope.threads();
            self.window = needed.clamp(WINDOW, MAX_WINDOW);
        }
        match batch.more {
            None => self.ready = batch.outcomes.into_iter(),
            Some(more) => self.take_more(batch.outcomes, *more),
        }
    }

    /// Pulls and spawns batches while the window has room for a whole one, or if nothing is in progress.
    fn fill(&mut self) {
        while !self.dry && self.batches.len() < AHEAD * self.scope.threads() {
            // At least four batches, as otherwise no thread would work beside the consumer.
            let size = self.size.min(self.window.div_ceil(4));
            let room = self.window.saturating_sub(self.pulled);
            if room == 0 || (room < size && self.pulled > 0) {
                return;
            }
            let mut items = Vec::with_capacity(size.min(room));
            let pull = || items.extend(self.source.by_ref().take(size.min(room)));
            // The items pulled before the panic are kept.
            self.torn = catch_task(pull).err();
            self.dry = self.torn.is_some() || items.len() < size.min(room);
            if items.is_empty() {
                return;
            }
            self.pulled += items.len();
            let first = self.count;
            self.count += items.len() as u64;
            // If user code panics in this call, the items of the batch are lost, and no later items may
            // follow.
            let is_dry = std::mem::replace(&mut self.dry, true);
            let (task, is_first) = hand_out(&self.common, first, items);
            self.dry = is_dry;
            if is_first {
                self.scope.pool().published();
            }
            self.batches.push_back(task);
        }
    }
}

impl<'scope, I: Iterator, F, R> PoolMap<'scope, '_, I, F, R> {
    /// Panics if the source panicked. Returns an error if the source left, because it may have had more
    /// items.
    fn source_ended(&self, payload: Box<dyn Any + Send>) -> JoinError {
        let kind = match CutShort::from_payload(payload) {
            Ok(CutShort::Cancelled(cancelled)) => JoinErrorKind::Interrupted(cancelled),
            Ok(CutShort::Refused(refusal)) => JoinErrorKind::CutShort(refusal),
            Err(payload) => resume(payload),
        };
        JoinError::new(self.common.label().clone(), kind)
    }

    /// Returns the error for a batch that was cancelled before it began. A batch has no label that users
    /// know, so the error says that the map was cut off, as for a map on threads.
    fn cut_off(&self, error: JoinError) -> JoinError {
        match error.as_cancelled().cloned() {
            Some(why) if !error.is_interrupted() => {
                let label = self.common.label().clone();
                JoinError::new(label, JoinErrorKind::Interrupted(why))
            }
            _ => error,
        }
    }

    fn tell_joined(&self, item: &Label) {
        if is_on() {
            let by = current::shared();
            tell(|| Event::Join {
                task: item,
                by: &by.record.label,
                at: self.common.at(),
            });
        }
    }

    /// Takes the outcomes of a batch that has other parts, too.
    #[cold]
    fn take_more(&mut self, outcomes: Vec<Result<R, JoinError>>, more: BatchExtras<'scope, R>) {
        let BatchExtras {
            mut untaken,
            labels,
            rest,
        } = more;
        if untaken.is_none() && labels.is_empty() {
            self.ready = outcomes.into_iter();
        } else {
            let mut labels = labels.into_iter();
            let told = outcomes.into_iter().enumerate();
            let told = told.map(|(place, outcome)| ReadyOutcome {
                outcome,
                item: labels.next(),
                unjoined: untaken.as_mut().and_then(|errors| errors.pass_on(place)),
            });
            self.told = told.collect::<Vec<_>>().into_iter();
        }
        for rest in rest {
            self.batches.push_front(rest);
            // Perhaps no thread has begun it.
            self.begun = 0;
        }
    }

    /// Runs the oldest batch that no thread has begun; returns false if there is none.
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
        let Ok(next) = self.next_until(None) else {
            unreachable!("it waits for ever");
        };
        next
    }
}

impl<I: Iterator, F, R> Drop for PoolMap<'_, '_, I, F, R> {
    fn drop(&mut self) {
        self.common.stop();
    }
}
