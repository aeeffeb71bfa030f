//! The pending work of a pool: the offers at the seats of its members, the tasks of open scopes, and the queue
//! of the tasks outside scopes.

use std::collections::VecDeque;
use std::panic::Location;

use super::lineage::Ancestor;
use super::member_state::MemberState;
use super::open_scopes::OpenScopes;
use super::seat::{Parcel, Seat};
use super::seating::Seating;
use crate::id::{Label, LabelKind};
use crate::observe::count_stolen;
use crate::primitive::{Arc, AtomicUsize, Mutex, Ordering};
use crate::task::{ScopeSnapshot, Task};

/// The greatest number of begun tasks that a worker removes while it holds the lock of the queue once.
const AT_ONCE: usize = 64;

/// The tasks outside scopes, including those that joiners have begun.
#[derive(Default)]
struct UnscopedQueue {
    tasks: VecDeque<Arc<dyn Task>>,
    /// The number of tasks that joiners have begun since all begun tasks were last removed from the queue.
    begun: usize,
}

impl UnscopedQueue {
    /// Removes the begun tasks at the front of the queue, at most `most`, and returns them.
    fn begun_at_the_front(&mut self, most: usize) -> Vec<Arc<dyn Task>> {
        let front = self.tasks.iter().take(most);
        let count = front.take_while(|task| !task.is_waiting_to_start()).count();
        self.tasks.drain(..count).collect()
    }

    /// Records that a joiner has begun a task. Removes up to two begun tasks from the front; removes all begun
    /// tasks once they may be more than half of the queue. So the queue is never much longer than twice the
    /// number of tasks that have not begun, and each task costs a look at two tasks.
    fn clear(&mut self) -> Vec<Arc<dyn Task>> {
        self.begun += 1;
        if self.begun > AT_ONCE && self.begun > self.tasks.len() / 2 {
            self.begun = 0;
            let all = std::mem::take(&mut self.tasks).into_iter();
            let (left, begun) = all.partition(|task| task.is_waiting_to_start());
            self.tasks = left;
            return Vec::from(begun);
        }
        self.begun_at_the_front(2)
    }
}

pub(super) struct Backlog {
    pub(super) seating: Seating,
    queue: Mutex<UnscopedQueue>,
    /// The length of the queue; changes under the lock. A thread that enqueues passes a fence between this
    /// and reading `searching`; a worker that stops searching passes one before it reads this (see `members`).
    queued: AtomicUsize,
    /// The tasks that are run by joiners without a seat in this pool.
    strays: Mutex<Vec<Arc<dyn Task>>>,
    pub(super) scopes: OpenScopes,
}

impl Backlog {
    pub(super) fn new() -> Self {
        Self {
            seating: Seating::new(),
            queue: Mutex::default(),
            queued: AtomicUsize::new(0),
            strays: Mutex::new(Vec::new()),
            scopes: OpenScopes::new(),
        }
    }

    /// Returns the seats that are taken.
    pub(super) fn seats(&self) -> impl Iterator<Item = &'static Seat> {
        self.seating.all()
    }

    /// Raises the words of all members.
    pub(super) fn ask_all(&self) {
        self.seating.ask_all();
    }

    /// Takes the oldest job that a member other than `not_from` offers; if there is a `target`, the oldest one
    /// that descends from it.
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
        queue.tasks.push_back(entry);
        self.queued.store(queue.tasks.len(), Ordering::Relaxed);
    }

    /// Takes the next task from the queue, for the member with this `member_state`, and lists it there.
    pub(super) fn dequeue(&self, member_state: &MemberState) -> Option<Arc<dyn Task>> {
        while self.queued.load(Ordering::SeqCst) > 0 {
            let mut queue = self.queue.lock();
            let begun = queue.begun_at_the_front(AT_ONCE);
            let task = if begun.len() < AT_ONCE {
                queue.tasks.pop_front()
            } else {
                None
            };
            self.queued.store(queue.tasks.len(), Ordering::Relaxed);
            if let Some(task) = &task {
                // The task is listed before the queue is unlocked, so a thread that looks at the queue and
                // then at the seats finds it.
                member_state.begin_task(Arc::clone(task));
            }
            drop(queue);
            drop(begun);
            if task.is_some() {
                return task;
            }
        }
        None
    }

    /// Clears the queue after a joiner has run a task, so that it does not grow even if no worker takes from
    /// it.
    fn clear(&self) {
        let mut queue = self.queue.lock();
        let begun = queue.clear();
        self.queued.store(queue.tasks.len(), Ordering::Relaxed);
        drop(queue);
        drop(begun);
    }

    /// Calls `run`, which runs the task on the thread of its joiner. `member_state` is that of the joiner;
    /// `None` if it has no seat in this pool.
    pub(super) fn run_in_place(
        &self,
        task: &Arc<dyn Task>,
        member_state: Option<&MemberState>,
        run: impl FnOnce(),
    ) {
        // The task is listed before it is begun, as above. Running it does not unwind.
        match member_state {
            Some(member_state) => member_state.begin_task(Arc::clone(task)),
            None => self.strays.lock().push(Arc::clone(task)),
        }
        run();
        match member_state {
            Some(member_state) => member_state.end_task(),
            None => self.remove_stray(task),
        }
        self.clear();
    }

    fn remove_stray(&self, task: &Arc<dyn Task>) {
        let mut strays = self.strays.lock();
        let at = strays.iter().position(|other| Arc::ptr_eq(other, task));
        let stray = at.map(|at| strays.swap_remove(at));
        drop(strays);
        drop(stray);
    }

    /// Returns the tasks outside scopes that have not completed, with at most `most_queued` tasks that have
    /// not begun. Also returns an upper bound on the number of tasks left out; joiners may have run some of
    /// those.
    pub(super) fn tasks(&self, most_queued: usize) -> (Vec<Arc<dyn Task>>, usize) {
        let (mut tasks, more) = {
            let queue = self.queue.lock();
            let is_queued = |task: &&Arc<dyn Task>| task.is_waiting_to_start();
            let looked_at = most_queued.saturating_mul(10);
            let queued = queue.tasks.iter().take(looked_at).filter(is_queued);
            let mut tasks: Vec<_> = queued.cloned().collect();
            let shown = tasks.len().min(most_queued);
            let more = tasks.len() - shown + queue.tasks.len().saturating_sub(looked_at);
            tasks.truncate(shown);
            (tasks, more)
        };
        for seat in self.seats() {
            tasks.extend(seat.member_state().tasks());
        }
        tasks.extend(self.strays.lock().iter().cloned());
        // A member may have taken a task that a joiner has already run, and not found out yet.
        tasks.retain(|task| !task.is_over());
        (tasks, more)
    }

    pub(super) fn has_work(&self) -> bool {
        self.queued.load(Ordering::SeqCst) > 0 || self.has_other_work()
    }

    /// Returns true if there is any work other than tasks outside scopes.
    pub(super) fn has_other_work(&self) -> bool {
        self.scopes.has_tasks() || self.seating.has_offers()
    }

    /// Returns the label of a task that no thread has begun.
    pub(super) fn next_task(&self) -> Option<Label> {
        // Joiners may have run some tasks of the queue.
        let (begun, queued) = {
            let mut queue = self.queue.lock();
            let begun = queue.begun_at_the_front(usize::MAX);
            self.queued.store(queue.tasks.len(), Ordering::Relaxed);
            (begun, queue.tasks.front().cloned())
        };
        drop(begun);
        let in_scope = || {
            let scopes = std::iter::from_fn(|| self.scopes.find(None));
            let mut tasks = scopes.map(|scope| scope.next_task());
            tasks.find_map(|task| task)
        };
        let offered = || self.seating.with_offers().find_map(Seat::offered_by);
        let queued = queued.map(|task| task.label().clone());
        queued.or_else(in_scope).or_else(offered)
    }

    /// Returns the label of the work that the member at that seat runs; otherwise of the newest scope that it
    /// has opened; otherwise of its thread.
    pub(super) fn label_of_member(&self, seat: &'static Seat) -> Label {
        let member_state = seat.member_state();
        let of_scope = || {
            let number = Some(member_state.task_of_scope()).filter(|number| *number != 0)?;
            let scopes = self.scopes.all();
            scopes.iter().find_map(|scope| scope.running(number))
        };
        let item = || {
            let mut item = None;
            member_state.each_divided(|work| item = work.shown());
            item.map(|(_, record)| record.label.clone())
        };
        let opened = || {
            let scopes = self.scopes.all();
            let newest = scopes.iter().rev().find(|scope| scope.is_of(seat));
            newest.map(|scope| scope.label().clone())
        };
        let thread = || Label::new(LabelKind::Foreign, seat.thread_name(), Location::caller());
        let of_none = || Some(member_state.tasks().last()?.label().clone());
        let runs = of_scope().or_else(item).or_else(|| member_state.half());
        let runs = runs.or_else(of_none);
        runs.or_else(opened).unwrap_or_else(thread)
    }

    /// Returns all open scopes, and the halves of forks that members run for others, as the live tree shows
    /// them.
    pub(super) fn snapshots(&self) -> Vec<ScopeSnapshot> {
        let scopes = self.scopes.all();
        let mut pictures: Vec<_> = scopes.iter().map(|scope| scope.snapshot()).collect();
        for seat in self.seats() {
            seat.member_state().each_divided(|work| {
                let Some((scope, item)) = work.shown() else {
                    return;
                };
                let mut pictures = pictures.iter_mut();
                if let Some(picture) = pictures.find(|picture| picture.scope.id() == scope) {
                    picture.tasks.push(item);
                }
            });
            let halves = seat.member_state().halves();
            pictures.extend(halves.iter().map(|half| half.picture()));
        }
        pictures
    }
}
