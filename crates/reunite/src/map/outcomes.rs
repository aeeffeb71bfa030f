//! The iterator over the outcomes of a map.

use std::fmt;

use super::consumer::{ErasedConsumer, OutcomeConsumer, TooLate};
use super::home::Home;
use super::options::MapOptions;
use super::shared::{ItemNamer, MapShared};
use super::worker::start;
use crate::cancel::CancelNode;
use crate::current;
use crate::deadline;
use crate::error::{JoinError, ScopeError, WaitError};
use crate::id::{Label, LabelKind};
use crate::primitive::{Arc, Duration, Instant, now};

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
            running: Box::new(OutcomeConsumer::new(shared, start, value)),
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
