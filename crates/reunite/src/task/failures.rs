//! The failures of one scope, each until its joiner or the scope's end takes it.

use crate::cancel::CancelNode;
use crate::error::{Cancelled, CutShort, Failure, JoinError};
use crate::id::Label;
use crate::primitive::{Arc, Mutex};

/// One failure, shared by the packet and the group: it belongs to the one that takes it first.
pub(crate) type FailureSlot<E> = Arc<Mutex<Option<JoinError<E>>>>;

/// The failures and cancellations that no join took.
pub(crate) struct Unclaimed<E> {
    /// The failures; or, if there are none, the errors of tasks that were cut short by something other than
    /// a cancellation of the scope or from outside it.
    pub(crate) failures: Vec<JoinError<E>>,
    /// A cancellation from outside the scope that stopped tasks. `None` if there are failures, which explain
    /// more.
    pub(crate) undone: Option<Cancelled>,
    /// The number of tasks that completed as cancelled, including those that were joined.
    pub(crate) cancelled: usize,
}

impl<E> Unclaimed<E> {
    /// Records that the scope's body left. Returns true if that is the root cause: no earlier failure led to
    /// it. If it is not, a cancellation of the body is not listed.
    pub(crate) fn add_left_body(&mut self, why: &CutShort, order: u64, after_cancel: bool) -> bool {
        let body = JoinError::of_left_body(why.clone(), order, after_cancel);
        let is_root = self.failures.iter().all(|other| body.rank() < other.rank());
        if is_root || matches!(why, CutShort::Refused(_)) {
            self.failures.push(body);
        }
        is_root
    }
}

/// Returns true if a task completed as cancelled because its scope was cancelled, or it itself through its
/// handle.
fn is_expected<E>(error: &JoinError<E>, own: &CancelNode) -> bool {
    let by_handle = is_by_handle(error);
    by_handle || error.as_cancelled().is_some_and(|it| own.passed_on(it))
}

/// Returns true if a task completed as cancelled because it itself was cancelled through its handle. (A task
/// that was cut short by something that it had dropped itself also names itself as the source, but as a
/// failure.)
fn is_by_handle<E>(error: &JoinError<E>) -> bool {
    let both = error.as_cancelled().zip(error.task());
    both.is_some_and(|(it, task)| it.source().id() == task.id() && !it.is_failure())
}

pub(crate) struct Failures<E>(Mutex<FailureList<E>>);

struct FailureList<E> {
    slots: Vec<FailureSlot<E>>,
    next: u64,
    /// The number of tasks that completed as cancelled.
    cancelled: usize,
    /// The tasks that completed as cancelled and that the scope's end may have to report.
    cut_short: Vec<FailureSlot<E>>,
    /// The length of `cut_short` from which on some may be forgotten.
    many: usize,
    /// The cancellation of the tasks that are only [counted](Failures::count_undone).
    undone: Option<Cancelled>,
    /// The number of these that no join took. Negative while a join has taken one that is not counted yet.
    unjoined: isize,
}

const FEW: usize = 32;

impl<E> FailureList<E> {
    /// Keeps the error of a task that completed as cancelled until the scope's end. A scope may last for
    /// ever, so errors that a join has taken are removed from time to time. Of the errors that no join can
    /// take any more, only one for each cancellation is kept.
    fn keep_cut_short(&mut self, slot: FailureSlot<E>) {
        if self.cut_short.len() >= self.many {
            let mut kept: Option<Cancelled> = None;
            self.cut_short.retain(|slot| {
                let error = slot.lock();
                let Some(cancelled) = error.as_ref().and_then(JoinError::as_cancelled) else {
                    return false;
                };
                if Arc::strong_count(slot) > 1 {
                    return true;
                }
                let is_new = !kept.as_ref().is_some_and(|it| it.is_same(cancelled));
                kept = Some(cancelled.clone());
                is_new
            });
            self.many = FEW.max(2 * self.cut_short.len());
        }
        self.cut_short.push(slot);
    }
}

impl<E> Failures<E> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(FailureList {
            slots: Vec::new(),
            next: 0,
            cancelled: 0,
            cut_short: Vec::new(),
            many: FEW,
            undone: None,
            unjoined: 0,
        }))
    }

    /// Counts tasks that completed as cancelled with their scope, because of `cancelled`. Only their number
    /// is kept, because there may be many; a joiner of such a task [claims](Self::claim_undone) its error. A
    /// caller that completes many tasks first calls this with a count of zero, and counts all of them
    /// afterwards.
    pub(crate) fn count_undone(&self, cancelled: &Cancelled, count: usize) {
        let mut list = self.0.lock();
        list.cancelled += count;
        list.unjoined += count as isize;
        if list.undone.is_none() {
            list.undone = Some(cancelled.clone());
        }
    }

    /// Returns the error for the join of a task that was only [counted](Self::count_undone).
    pub(crate) fn claim_undone(&self, task: Label) -> Option<JoinError<E>> {
        let mut list = self.0.lock();
        let cancelled = list.undone.clone()?;
        list.unjoined -= 1;
        let order = list.next;
        list.next += 1;
        Some(JoinError::completed(
            task,
            Failure::Cancelled(cancelled),
            order,
            true,
        ))
    }

    /// Records how a task failed, before its failure is made known. The order of calls is the order of
    /// failures.
    pub(crate) fn record(
        &self,
        task: Label,
        failure: Failure<E>,
        after_cancel: bool,
    ) -> FailureSlot<E> {
        let mut list = self.0.lock();
        let order = list.next;
        list.next += 1;
        let error = JoinError::completed(task, failure, order, after_cancel);
        let (is_cancelled, is_by_handle) = (error.is_cancelled(), is_by_handle(&error));
        let slot = Arc::new(Mutex::new(Some(error)));
        if is_cancelled {
            list.cancelled += 1;
            if !is_by_handle {
                list.keep_cut_short(Arc::clone(&slot));
            }
        } else {
            list.slots.push(Arc::clone(&slot));
        }
        slot
    }

    /// Returns the place in the order for a failure of the scope's body, which no join can claim.
    pub(crate) fn order(&self) -> u64 {
        let mut list = self.0.lock();
        list.next += 1;
        list.next - 1
    }

    /// Takes the failures that no join took. `own` is the scope's node, `above` the node around it.
    pub(crate) fn take_unclaimed(&self, own: &CancelNode, above: &CancelNode) -> Unclaimed<E> {
        let list = self.0.lock();
        let take = |slot: &FailureSlot<E>| slot.lock().take();
        let mut failures: Vec<_> = list.slots.iter().filter_map(take).collect();
        let left: Vec<_> = list.cut_short.iter().filter_map(take).collect();
        let inherited = |error: &JoinError<E>| {
            let cancelled = error.as_cancelled();
            cancelled.filter(|it| above.passed_on(it)).cloned()
        };
        let counted = list.undone.as_ref().filter(|_| list.unjoined > 0);
        let counted = counted.filter(|it| above.passed_on(it)).cloned();
        let undone = left.iter().find_map(inherited).or(counted);
        let undone = undone.filter(|_| failures.is_empty());
        if failures.is_empty() && undone.is_none() {
            failures.extend(left.into_iter().filter(|error| !is_expected(error, own)));
        }
        Unclaimed {
            failures,
            undone,
            cancelled: list.cancelled,
        }
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use std::convert::Infallible;
    use std::panic::Location;

    use super::*;
    use crate::error::Why;
    use crate::id::LabelKind;

    fn label() -> Label {
        Label::new(LabelKind::Task, None, Location::caller())
    }

    #[test]
    fn a_long_scope_keeps_few_of_the_tasks_that_completed_as_cancelled() {
        let failures = Failures::<Infallible>::new();
        let above = CancelNode::root(label(), None);
        let own = CancelNode::child(&above, label(), None);
        above.cancel(Cancelled::new(Why::Shutdown, label()));
        let inherited = own.cause().unwrap();
        let record =
            |task: Label, cancelled| failures.record(task, Failure::Cancelled(cancelled), true);
        let foreign = Cancelled::new(Why::Failed, label());
        let mut joined = Vec::new();
        for n in 0..100 * FEW {
            let task = label();
            let by_handle = Cancelled::new(Why::Dropped, task.clone());
            drop(record(task, by_handle));
            drop(record(label(), foreign.clone()));
            let slot = record(label(), Cancelled::new(Why::Failed, label()));
            if n < FEW {
                joined.push(slot);
            } else {
                slot.lock().take();
            }
        }
        let kept = failures.0.lock().cut_short.len();
        assert!(kept <= 4 * FEW, "{kept}");
        drop(record(label(), inherited));
        for slot in joined {
            assert!(slot.lock().take().is_some());
        }
        let unclaimed = failures.take_unclaimed(&own, &above);
        assert!(unclaimed.undone.is_some());
        assert_eq!(unclaimed.cancelled, 300 * FEW + 1);
    }
}
