//! What there is to do in a pool, and where it lies: what members offer at their seats, the queues of open scopes, and the queue of
//! the tasks that belong to no scope.

use std::collections::VecDeque;
use std::panic::Location;

use super::job::Ancestor;
use super::open_scopes::OpenScopes;
use super::seat::{Parcel, Seat};
use super::seating::Seating;
use crate::id::{Kind, Label, TaskId};
use crate::observe::count_stolen;
use crate::primitive::{Arc, AtomicUsize, Mutex, Ordering};
use crate::task::{Picture, Task};

pub(super) struct Backlog {
    pub(super) seating: Seating,
    queue: Mutex<VecDeque<Arc<dyn Task>>>,
    /// How many lie there; changes under the lock. Whoever enqueues passes a fence before it looks who searches, as whoever stops to
    /// search does before it looks here (see `roster`).
    queued: AtomicUsize,
    pub(super) scopes: OpenScopes,
}

impl Backlog {
    pub(super) fn new() -> Self {
        Self {
            seating: Seating::new(),
            queue: Mutex::new(VecDeque::new()),
            queued: AtomicUsize::new(0),
            scopes: OpenScopes::new(),
        }
    }

    /// The seats that are taken.
    pub(super) fn seats(&self) -> impl Iterator<Item = &'static Seat> {
        self.seating.all()
    }

    /// Raises the words of all members.
    pub(super) fn ask_all(&self) {
        self.seating.ask_all();
    }

    /// The oldest job somebody offers, or the oldest below `target`.
    pub(super) fn take(&self, not_from: &'static Seat, target: Option<Ancestor>) -> Option<Parcel> {
        let taken = self
            .seating
            .with_offers()
            .filter(|seat| !std::ptr::eq(*seat, not_from))
            .find_map(|seat| seat.take(target));
        taken.inspect(|_| count_stolen())
    }

    pub(super) fn enqueue(&self, entry: Arc<dyn Task>) {
        let mut queue = self.queue.lock();
        queue.push_back(entry);
        self.queued.store(queue.len(), Ordering::Relaxed);
    }

    pub(super) fn dequeue(&self) -> Option<Arc<dyn Task>> {
        if self.queued.load(Ordering::SeqCst) == 0 {
            return None;
        }
        let mut queue = self.queue.lock();
        let entry = queue.pop_front();
        self.queued.store(queue.len(), Ordering::Relaxed);
        entry
    }

    pub(super) fn has_work(&self) -> bool {
        self.scopes.has_tasks()
            || self.queued.load(Ordering::SeqCst) > 0
            || self.seating.has_offers()
    }

    /// A task that nobody has begun.
    pub(super) fn next_task(&self) -> Option<Label> {
        // A joiner may have run some.
        let (begun, queued) = {
            let mut queue = self.queue.lock();
            let is_begun = |entry: &Arc<dyn Task>| !entry.is_waiting_to_start();
            let count = queue.iter().take_while(|entry| is_begun(entry)).count();
            let begun: Vec<_> = queue.drain(..count).collect();
            self.queued.store(queue.len(), Ordering::Relaxed);
            (begun, queue.front().map(|entry| entry.who.label.clone()))
        };
        drop(begun);
        let in_scope = || {
            let scopes = std::iter::from_fn(|| self.scopes.find(None));
            let mut tasks = scopes.map(|scope| scope.next_task());
            tasks.find_map(|task| task)
        };
        let offered = || self.seating.with_offers().find_map(Seat::offered_by);
        queued.or_else(in_scope).or_else(offered)
    }

    /// What the member runs that sits there, or else who it is.
    pub(super) fn who_sits(
        &self,
        seat: &'static Seat,
        task: impl FnOnce(TaskId) -> Option<Label>,
    ) -> Label {
        let life = seat.life();
        let of_scope = || {
            let number = Some(life.task_of_scope()).filter(|number| *number != 0)?;
            let scopes = self.scopes.all();
            scopes.iter().find_map(|scope| scope.running(number))
        };
        let item = || {
            let mut item = None;
            life.each_divided(|work| item = work.shown());
            item.map(|(_, who)| who.label.clone())
        };
        let opened = || {
            let scopes = self.scopes.all();
            let newest = scopes.iter().rev().find(|scope| scope.is_of(seat));
            newest.map(|scope| scope.label().clone())
        };
        let thread = || Label::new(Kind::Foreign, seat.thread_name(), Location::caller());
        let of_none = || task(life.task()?);
        let runs = of_scope().or_else(item).or_else(|| life.half());
        let runs = runs.or_else(of_none);
        runs.or_else(opened).unwrap_or_else(thread)
    }

    /// All scopes that are open, and the halves of forks that members run for others.
    pub(super) fn pictures(&self) -> Vec<Picture> {
        let scopes = self.scopes.all();
        let mut pictures: Vec<_> = scopes.iter().map(|scope| scope.picture()).collect();
        for seat in self.seats() {
            seat.life().each_divided(|work| {
                let Some((scope, item)) = work.shown() else {
                    return;
                };
                let mut pictures = pictures.iter_mut();
                if let Some(picture) = pictures.find(|picture| picture.scope.id() == scope) {
                    picture.tasks.push(item);
                }
            });
            let halves = seat.life().halves();
            pictures.extend(halves.iter().map(|half| half.picture()));
        }
        pictures
    }
}
