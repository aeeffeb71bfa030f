//! The state that the consumer and the workers of a map share, and the protocol between them.
//!
//! # Protocol
//! One lock guards everything except the function, the running of items, and the pulling from the source.
//!
//! *The source* is in the state (`SourceState::Available`) or with the one worker that pulls from it (`SourceState::InUse`).
//! A worker takes it only while `pulled < taken + window`. Pulling is done outside the lock. Under the lock
//! again, in the critical section that puts the source back, the item gets its number and a seat. The number
//! is `pulled`, which only the holder of the source changes. So the window is strict, and numbers follow the
//! source's order.
//!
//! *Seats* stand for the items pulled and not yet taken, oldest first: `Running`, or `Done` with an outcome.
//! A seat is set to `Done` once: by the worker that ran the item, or, when the item's time is up, by the
//! consumer, which then also counts the worker as lost, so that another takes its place. The lost worker
//! finds its seat done (or gone) when its item returns, and ends.
//!
//! *Wake-ups of workers.* A worker that can neither take the source nor leave puts its parker into `idle`
//! under the lock, and removes it when it goes on. A thread that puts the source back or opens the window
//! takes one parker out of `idle` under the same lock, if an item can be pulled now, and unparks it. The
//! woken worker takes the source, or finds that another worker has it; that one unparks the next when it puts
//! the source back. A worker that has left an outcome and finds the source in the state takes it under the
//! same lock. A thread that ends the source or stops the map unparks all of `idle`. The map's cancellation
//! does so, too; a waiting worker leaves without the source only for these reasons. No worker takes the
//! source after the cancellation: the items not yet pulled stay in it.
//!
//! *Wake-ups of the consumer.* The consumer leaves its parker under the lock likewise. It is unparked
//! whenever something that it may wait for has happened:
//! - a seat is done; if the map is ordered, the first seat;
//! - an item with a time limit took a seat;
//! - if the map is ordered, an item took the first seat (then it is known which item the consumer waits for);
//! - the source has ended;
//! - a worker has left.
//!
//! *Taking.* The consumer takes out up to `Window::at_once` seats that are done and gives their outcomes to
//! its user one after the other. They count as taken when the last of them was given away and the consumer
//! comes for more. So item k + window is never pulled before item k was taken; it may be pulled a little
//! later than it could be.
//!
//! *The end.* `workers` counts the threads that have not left; each leaves as its last act under the lock.
//! The consumer's drop stops the map, cancels its node and waits until `workers` is zero; unless that wait
//! would never end because an item waits for the consumer. Then the running items go on without the consumer,
//! and find their seats gone.

use std::any::Any;
use std::collections::VecDeque;

use super::options::MapOptions;
use super::window::Window;
use crate::cancel::CancelNode;
use crate::current::TaskRecord;
use crate::error::JoinError;
use crate::id::{Label, TaskId};
use crate::park::Parker;
use crate::part::Part;
use crate::primitive::{Arc, AtomicUsize, Instant, Mutex, Ordering};
use crate::task::{ScopeSnapshot, Unjoined, Visible, hide, show};

/// The function that names an item.
pub(super) type ItemNamer<'a, T> = Box<dyn Fn(&T) -> String + Send + Sync + 'a>;

pub(super) struct MapShared<'a, I: Iterator, U, E> {
    /// The function that names the items; `None` if items have the name of the map.
    pub(super) name: Option<ItemNamer<'a, I::Item>>,
    pub(super) plan: MapOptions,
    pub(super) label: Label,
    pub(super) node: Part<CancelNode>,
    pub(super) live: Arc<Live>,
    pub(super) state: Mutex<MapState<I, U, E>>,
    failed: AtomicUsize,
}

/// A map as the live tree shows it.
pub(super) struct Live {
    label: Label,
    node: Part<CancelNode>,
    /// The task that takes the outcomes.
    consumer: Part<TaskRecord>,
    /// The items that run.
    items: Mutex<Vec<Part<TaskRecord>>>,
}

impl Live {
    pub(super) fn begin(&self, item: &Part<TaskRecord>) {
        self.items.lock().push(item.clone());
    }

    pub(super) fn end(&self, item: &TaskRecord) {
        let mut items = self.items.lock();
        if let Some(at) = items.iter().position(|it| it.label.id() == item.label.id()) {
            items.remove(at);
        }
    }
}

impl Visible for Live {
    fn snapshots(&self) -> Vec<ScopeSnapshot> {
        vec![ScopeSnapshot {
            scope: self.label.clone(),
            owner: Some(self.consumer.clone()),
            cause: self.node.cause(),
            tasks: self.items.lock().clone(),
            more_queued: 0,
        }]
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        hide(self.label.id());
    }
}

pub(super) struct MapState<I, U, E> {
    pub(super) source: SourceState<I>,
    pub(super) window: Window,
    /// The number of items pulled so far, which is the number of the next item.
    pub(super) pulled: u64,
    /// The number of outcomes taken so far.
    pub(super) taken: u64,
    pub(super) slots: VecDeque<ItemSlot<U, E>>,
    /// The number of threads that have not left, including those lost to items that do not stop.
    pub(super) workers: usize,
    /// The items whose time is up and whose workers have not come back yet.
    pub(super) lost: Vec<Part<TaskRecord>>,
    pub(super) idle: Vec<Parker>,
    pub(super) consumer: Option<Parker>,
    /// The panic of the source, which the consumer resumes once the items before it are taken.
    pub(super) panic: Option<Box<dyn Any + Send>>,
    /// True if no further item is to be pulled.
    pub(super) stopped: bool,
}

pub(super) enum SourceState<I> {
    Available(I),
    /// A worker is pulling from it.
    InUse,
    Exhausted,
}

pub(super) struct ItemSlot<U, E> {
    pub(super) number: u64,
    pub(super) label: Label,
    pub(super) item: ItemState<U, E>,
}

pub(super) enum ItemState<U, E> {
    Running {
        record: Part<TaskRecord>,
        node: Part<CancelNode>,
        deadline: Option<Instant>,
    },
    Done {
        outcome: Result<U, JoinError<E>>,
        /// Reports an error that is dropped untaken.
        unjoined: Option<Unjoined>,
    },
}

/// An outcome that came after the item's time was up, and the report of an error that is dropped untaken.
type LateOutcome<U, E> = (Result<U, JoinError<E>>, Option<Unjoined>);

impl<'a, I: Iterator, U, E> MapShared<'a, I, U, E> {
    pub(super) fn new(
        name: Option<ItemNamer<'a, I::Item>>,
        plan: MapOptions,
        label: Label,
        node: Part<CancelNode>,
        consumer: Part<TaskRecord>,
        source: I,
    ) -> Self {
        let live = Arc::new(Live {
            label: label.clone(),
            node: node.clone(),
            consumer,
            items: Mutex::new(Vec::new()),
        });
        let visible = Arc::downgrade(&live);
        show(label.id(), visible);
        let state = MapState {
            source: SourceState::Available(source),
            window: Window::new(&plan),
            pulled: 0,
            taken: 0,
            slots: VecDeque::new(),
            workers: 0,
            lost: Vec::new(),
            idle: Vec::new(),
            consumer: None,
            panic: None,
            stopped: false,
        };
        Self {
            name,
            plan,
            label,
            node,
            live,
            state: Mutex::new(state),
            failed: AtomicUsize::new(0),
        }
    }

    /// Returns the place of a failure in the order in which items fail. To be called before the failure is
    /// made known.
    pub(super) fn failure_order(&self) -> u64 {
        self.failed.fetch_add(1, Ordering::Relaxed) as u64
    }
}

impl<I, U, E> MapState<I, U, E> {
    pub(super) fn may_pull(&self) -> bool {
        let has_room = self.pulled - self.taken < self.window.size();
        !self.stopped && has_room && matches!(self.source, SourceState::Available(_))
    }

    /// Takes the source, together with the number of its next item, if an item may be pulled now and `node`,
    /// the map's, is not cancelled.
    pub(super) fn take_source(&mut self, node: &CancelNode) -> Option<(I, u64)> {
        if self.may_pull()
            && !node.is_cancelled()
            && let SourceState::Available(source) =
                std::mem::replace(&mut self.source, SourceState::InUse)
        {
            return Some((source, self.pulled));
        }
        None
    }

    /// Counts one more worker, which the caller must start, if an item can be pulled and no worker is free to
    /// pull it.
    pub(super) fn count_further_worker(&mut self) -> bool {
        let wants =
            self.idle.is_empty() && self.at_work() < self.window.threads() && self.may_pull();
        if wants {
            self.workers += 1;
        }
        wants
    }

    /// Returns true if no item is left to pull, now or later.
    pub(super) fn is_exhausted(&self) -> bool {
        self.stopped || matches!(self.source, SourceState::Exhausted)
    }

    /// Returns true if every item was pulled and taken.
    pub(super) fn is_over(&self) -> bool {
        self.is_exhausted() && self.slots.is_empty() && !matches!(self.source, SourceState::InUse)
    }

    /// Returns the number of threads that can pull items.
    pub(super) fn at_work(&self) -> usize {
        self.workers - self.lost.len()
    }

    /// Stops pulling. Returns the source, to be dropped outside the lock. A worker that is pulling notices
    /// when it puts the source back.
    #[must_use]
    pub(super) fn stop(&mut self) -> Option<I> {
        self.stopped = true;
        if matches!(self.source, SourceState::InUse) {
            return None;
        }
        match std::mem::replace(&mut self.source, SourceState::Exhausted) {
            SourceState::Available(source) => Some(source),
            SourceState::InUse | SourceState::Exhausted => None,
        }
    }

    /// Returns a worker to unpark once the lock is released, if an item can be pulled.
    #[must_use]
    pub(super) fn wake_one(&mut self) -> Option<Parker> {
        if self.may_pull() {
            self.idle.pop()
        } else {
            None
        }
    }

    /// Returns all idle workers, because no more items will be pulled. The caller unparks them once the lock
    /// is released.
    #[must_use]
    pub(super) fn wake_all(&mut self) -> Vec<Parker> {
        std::mem::take(&mut self.idle)
    }

    /// Removes the calling worker's parker from the idle ones.
    pub(super) fn remove_idle(&mut self, parker: &Parker) {
        if let Some(at) = self.idle.iter().position(|idle| idle.is_same(parker)) {
            self.idle.swap_remove(at);
        }
    }

    /// Returns the seat that the consumer takes next: the oldest, if it is done, or any that is done.
    pub(super) fn next_slot(&self, ordered: bool) -> Option<usize> {
        let done = |seat: &ItemSlot<U, E>| matches!(seat.item, ItemState::Done { .. });
        if ordered {
            self.slots.front().filter(|seat| done(seat)).map(|_| 0)
        } else {
            self.slots.iter().position(done)
        }
    }

    /// Returns the item that the consumer of an ordered map waits for, if it was pulled.
    pub(super) fn first_running(&self) -> Option<TaskId> {
        match &self.slots.front()?.item {
            ItemState::Running { record, .. } => Some(record.label.id()),
            ItemState::Done { .. } => None,
        }
    }

    /// Returns the earliest deadline of the running items.
    pub(super) fn first_deadline(&self) -> Option<Instant> {
        let deadlines = self.slots.iter().filter_map(|seat| match seat.item {
            ItemState::Running { deadline, .. } => deadline,
            ItemState::Done { .. } => None,
        });
        deadlines.min()
    }

    /// Returns true if no item before this one has an outcome to be taken.
    pub(super) fn is_first(&self, number: u64) -> bool {
        let first = self.slots.front();
        first.is_none_or(|first| first.number == number)
    }

    /// Sets the outcome of an item. Returns it if the item has one already, because its time was up.
    #[must_use]
    pub(super) fn set_outcome(
        &mut self,
        number: u64,
        outcome: Result<U, JoinError<E>>,
        unjoined: Option<Unjoined>,
    ) -> Option<LateOutcome<U, E>> {
        let seat = self.seat_mut(number);
        match seat.filter(|seat| matches!(seat.item, ItemState::Running { .. })) {
            Some(seat) => {
                seat.item = ItemState::Done { outcome, unjoined };
                None
            }
            None => Some((outcome, unjoined)),
        }
    }

    fn seat_mut(&mut self, number: u64) -> Option<&mut ItemSlot<U, E>> {
        // Numbers ascend, with gaps where outcomes were taken out of order.
        let at = self.slots.binary_search_by_key(&number, |seat| seat.number);
        at.ok().and_then(|at| self.slots.get_mut(at))
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use std::ops::Range;
    use std::panic::Location;

    use super::*;
    use crate::error::{Cancelled, Why};
    use crate::id::LabelKind;

    fn state(threads: usize) -> MapState<Range<u32>, (), ()> {
        let plan = MapOptions {
            at: Location::caller(),
            name: None,
            threads: Some(threads),
            window: Some(10),
            item_timeout: None,
            ordered: true,
            fail_fast: false,
        };
        MapState {
            source: SourceState::Available(0..10),
            window: Window::new(&plan),
            pulled: 0,
            taken: 0,
            slots: VecDeque::new(),
            workers: 0,
            lost: Vec::new(),
            idle: Vec::new(),
            consumer: None,
            panic: None,
            stopped: false,
        }
    }

    #[test]
    fn two_workers_that_want_company_at_once_do_not_exceed_the_thread_limit() {
        let mut state = state(3);
        state.workers = 2;
        assert!(state.count_further_worker());
        assert!(!state.count_further_worker());
        assert_eq!(state.workers, 3);
    }

    #[test]
    fn the_source_is_taken_once_and_not_past_the_window() {
        let mut state = state(1);
        let label = Label::new(LabelKind::Scope, None, Location::caller());
        let node = CancelNode::root(label.clone(), None);
        let (source, number) = state.take_source(&node).unwrap();
        assert_eq!(number, 0);
        assert!(state.take_source(&node).is_none());
        state.source = SourceState::Available(source);
        state.pulled = 10;
        assert!(state.take_source(&node).is_none());
        state.taken = 1;
        let (source, number) = state.take_source(&node).unwrap();
        assert_eq!(number, 10);
        state.source = SourceState::Available(source);
        state.taken = 2;
        node.cancel(Cancelled::new(Why::Dropped, label));
        assert!(state.take_source(&node).is_none());
    }
}
