//! What the consumer and the workers of a map share, and the protocol between them.
//!
//! # Protocol
//! One lock guards everything but the function, the running of items, and the pulling from the source.
//!
//! *The source* is in the state or with the one worker that pulls from it (`Source::Away`). A worker takes
//! it only while `pulled < taken + window`; pulling is done outside the lock, then the item gets the next
//! number, which nobody else changes meanwhile, and, as the source is put back, a seat: so the window is strict, and
//! numbers follow the source's order.
//!
//! *Seats* stand for the items pulled and not yet taken, oldest first: `Running`, or `Done` with an
//! outcome. A seat is set to `Done` once: by the worker that ran the item, or, when its time is up, by the
//! consumer, which then also counts a worker as lost, so that another takes its place. The worker finds its
//! seat done (or gone) when it comes back, and ends.
//!
//! *Wake-ups.* A worker that can neither take the source nor leave puts its parker into `idle` under the
//! lock, and takes it out there when it goes on. Whoever puts the source back or opens the window takes one out under the same
//! lock, if an item can be pulled now, and unparks it: that one takes the source, or finds that another has, and
//! each who puts it back unparks the next. Whoever has left an outcome and finds the source there takes it under
//! the same lock. Whoever ends the source or stops the map unparks all of `idle`; so does the map's cancellation,
//! which is all that a worker leaves for without the source. Nobody takes the source after it: what was not pulled
//! stays there. The consumer leaves its parker likewise, and is unparked whenever something it may wait for
//! happened: a seat done, if the order is kept the first; a seat taken by an item with a time limit, the first seat
//! taken where the order is kept (it tells whom the consumer waits for), the end of the source, a worker gone.
//!
//! *Taking.* The consumer takes away as many seats that are done as `Window::at_once` says, and gives their outcomes to its
//! user one after the other. Those count as taken when the last of them was given away and it comes for more: item
//! k + window is never pulled before item k was taken, perhaps a little later than it could be.
//!
//! *The end.* `workers` counts the threads that have not left; each leaves as its last act under the lock.
//! The consumer's drop stops the map, cancels its node and waits until `workers` is zero; unless that would be for ever, as
//! an item waits for the consumer. Then the items that run go on without it: they find their seats gone.

use std::any::Any;
use std::collections::VecDeque;

use super::plan::Plan;
use super::window::Window;
use crate::cancel::Node;
use crate::current::Who;
use crate::error::JoinError;
use crate::id::{Label, TaskId};
use crate::park::Parker;
use crate::part::Part;
use crate::primitive::{Arc, AtomicUsize, Instant, Mutex, Ordering};
use crate::task::{Picture, Unjoined, Visible, hide, show};

/// What an item is called.
pub(super) type Name<'a, T> = Box<dyn Fn(&T) -> String + Send + Sync + 'a>;

pub(super) struct Shared<'a, I: Iterator, U, E> {
    /// What items are called, if not like the map.
    pub(super) name: Option<Name<'a, I::Item>>,
    pub(super) plan: Plan,
    pub(super) label: Label,
    pub(super) node: Part<Node>,
    pub(super) live: Arc<Live>,
    pub(super) state: Mutex<State<I, U, E>>,
    failed: AtomicUsize,
}

/// A map as the live tree shows it.
pub(super) struct Live {
    label: Label,
    node: Part<Node>,
    /// The task that takes the outcomes.
    consumer: Part<Who>,
    /// Items that run.
    items: Mutex<Vec<Part<Who>>>,
}

impl Live {
    pub(super) fn begin(&self, item: &Part<Who>) {
        self.items.lock().push(item.clone());
    }

    pub(super) fn end(&self, item: &Who) {
        let mut items = self.items.lock();
        if let Some(at) = items.iter().position(|it| it.label.id() == item.label.id()) {
            items.remove(at);
        }
    }
}

impl Visible for Live {
    fn pictures(&self) -> Vec<Picture> {
        vec![Picture {
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

pub(super) struct State<I, U, E> {
    pub(super) source: Source<I>,
    pub(super) window: Window,
    /// Items pulled so far: the number of the next.
    pub(super) pulled: u64,
    /// Outcomes taken so far.
    pub(super) taken: u64,
    pub(super) seats: VecDeque<Seat<U, E>>,
    /// Threads that have not left, those lost to stuck items included.
    pub(super) workers: usize,
    /// Of those, the ones that are still at an item whose time is up: which item.
    pub(super) lost: Vec<Part<Who>>,
    pub(super) idle: Vec<Parker>,
    pub(super) consumer: Option<Parker>,
    /// What the source panicked with: the consumer's, once the items before it are taken.
    pub(super) panic: Option<Box<dyn Any + Send>>,
    /// No further item is to be pulled.
    pub(super) stopped: bool,
}

pub(super) enum Source<I> {
    Here(I),
    /// A worker is pulling from it.
    Away,
    Exhausted,
}

pub(super) struct Seat<U, E> {
    pub(super) number: u64,
    pub(super) label: Label,
    pub(super) item: Item<U, E>,
}

pub(super) enum Item<U, E> {
    Running {
        who: Part<Who>,
        node: Part<Node>,
        deadline: Option<Instant>,
    },
    Done {
        outcome: Result<U, JoinError<E>>,
        /// Tells of an error that is dropped with it.
        unjoined: Option<Unjoined>,
    },
}

impl<'a, I: Iterator, U, E> Shared<'a, I, U, E> {
    pub(super) fn new(
        name: Option<Name<'a, I::Item>>,
        plan: Plan,
        label: Label,
        node: Part<Node>,
        consumer: Part<Who>,
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
        let state = State {
            source: Source::Here(source),
            window: Window::new(&plan),
            pulled: 0,
            taken: 0,
            seats: VecDeque::new(),
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

    /// The place of a failure in the order in which items fail. Ask before anyone is told.
    pub(super) fn failure_order(&self) -> u64 {
        self.failed.fetch_add(1, Ordering::Relaxed) as u64
    }
}

impl<I, U, E> State<I, U, E> {
    pub(super) fn may_pull(&self) -> bool {
        let has_room = self.pulled - self.taken < self.window.size();
        !self.stopped && has_room && matches!(self.source, Source::Here(_))
    }

    /// The source, and the number of its next item, if that may be pulled now, in a map with that node.
    pub(super) fn take_source(&mut self, node: &Node) -> Option<(I, u64)> {
        if self.may_pull()
            && !node.is_cancelled()
            && let Source::Here(source) = std::mem::replace(&mut self.source, Source::Away)
        {
            return Some((source, self.pulled));
        }
        None
    }

    /// Counts one more worker, which the caller starts, if there is an item for it to pull and nobody else to do that.
    pub(super) fn wants_company(&mut self) -> bool {
        let wants =
            self.idle.is_empty() && self.at_work() < self.window.threads() && self.may_pull();
        if wants {
            self.workers += 1;
        }
        wants
    }

    /// Whether there is no item left to pull, now or later.
    pub(super) fn is_dry(&self) -> bool {
        self.stopped || matches!(self.source, Source::Exhausted)
    }

    /// Whether every item was pulled and taken.
    pub(super) fn is_over(&self) -> bool {
        self.is_dry() && self.seats.is_empty() && !matches!(self.source, Source::Away)
    }

    /// Threads that are there to pull items.
    pub(super) fn at_work(&self) -> usize {
        self.workers - self.lost.len()
    }

    /// No further item is pulled. Returns the source, to be dropped outside the lock; a worker that is
    /// pulling finds out when it puts the source back.
    #[must_use]
    pub(super) fn stop(&mut self) -> Option<I> {
        self.stopped = true;
        if matches!(self.source, Source::Away) {
            return None;
        }
        match std::mem::replace(&mut self.source, Source::Exhausted) {
            Source::Here(source) => Some(source),
            Source::Away | Source::Exhausted => None,
        }
    }

    /// A worker to unpark, once the lock is released, if there is an item to pull.
    #[must_use]
    pub(super) fn wake_one(&mut self) -> Option<Parker> {
        if self.may_pull() {
            self.idle.pop()
        } else {
            None
        }
    }

    /// Whom to unpark, once the lock is released, when no more items are pulled.
    #[must_use]
    pub(super) fn wake_all(&mut self) -> Vec<Parker> {
        std::mem::take(&mut self.idle)
    }

    /// The calling worker, whose parker that is, waits no longer.
    pub(super) fn is_idle_no_more(&mut self, parker: &Parker) {
        if let Some(at) = self.idle.iter().position(|idle| idle.is_same(parker)) {
            self.idle.swap_remove(at);
        }
    }

    /// The seat that the consumer takes next: the oldest, or any that is done.
    pub(super) fn next_seat(&self, ordered: bool) -> Option<usize> {
        let done = |seat: &Seat<U, E>| matches!(seat.item, Item::Done { .. });
        if ordered {
            self.seats.front().filter(|seat| done(seat)).map(|_| 0)
        } else {
            self.seats.iter().position(done)
        }
    }

    /// The item that the consumer of an ordered map waits for, once it was pulled.
    pub(super) fn first_running(&self) -> Option<TaskId> {
        match &self.seats.front()?.item {
            Item::Running { who, .. } => Some(who.label.id()),
            Item::Done { .. } => None,
        }
    }

    /// When the first item's time is up.
    pub(super) fn first_deadline(&self) -> Option<Instant> {
        let deadlines = self.seats.iter().filter_map(|seat| match seat.item {
            Item::Running { deadline, .. } => deadline,
            Item::Done { .. } => None,
        });
        deadlines.min()
    }

    pub(super) fn seat_mut(&mut self, number: u64) -> Option<&mut Seat<U, E>> {
        // Numbers ascend, with gaps where outcomes were taken out of order.
        let at = self.seats.binary_search_by_key(&number, |seat| seat.number);
        at.ok().and_then(|at| self.seats.get_mut(at))
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use std::ops::Range;
    use std::panic::Location;

    use super::*;
    use crate::error::{Cancelled, Why};
    use crate::id::Kind;

    fn state(threads: usize) -> State<Range<u32>, (), ()> {
        let plan = Plan {
            at: Location::caller(),
            name: None,
            threads: Some(threads),
            window: Some(10),
            item_timeout: None,
            ordered: true,
            fail_fast: false,
        };
        State {
            source: Source::Here(0..10),
            window: Window::new(&plan),
            pulled: 0,
            taken: 0,
            seats: VecDeque::new(),
            workers: 0,
            lost: Vec::new(),
            idle: Vec::new(),
            consumer: None,
            panic: None,
            stopped: false,
        }
    }

    #[test]
    fn two_workers_that_want_company_at_the_same_time_start_no_more_threads_than_there_may_be() {
        let mut state = state(3);
        state.workers = 2;
        assert!(state.wants_company());
        assert!(!state.wants_company());
        assert_eq!(state.workers, 3);
    }

    #[test]
    fn the_source_is_taken_once_and_not_past_the_window() {
        let mut state = state(1);
        let label = Label::new(Kind::Scope, None, Location::caller());
        let node = Node::root(label.clone(), None);
        let (source, number) = state.take_source(&node).unwrap();
        assert_eq!(number, 0);
        assert!(state.take_source(&node).is_none());
        state.source = Source::Here(source);
        state.pulled = 10;
        assert!(state.take_source(&node).is_none());
        state.taken = 1;
        let (source, number) = state.take_source(&node).unwrap();
        assert_eq!(number, 10);
        state.source = Source::Here(source);
        state.taken = 2;
        node.cancel(Cancelled::new(Why::Dropped, label));
        assert!(state.take_source(&node).is_none());
    }
}
