//! What there is to do in a pool, and where it lies: what members offer at their seats, the queues of open scopes, and the queue of
//! the tasks that belong to no scope.

use std::collections::VecDeque;
use std::panic::Location;

use super::job::Ancestor;
use super::life::Life;
use super::open_scopes::OpenScopes;
use super::seat::{Parcel, Seat};
use super::seating::Seating;
use crate::id::{Kind, Label};
use crate::observe::count_stolen;
use crate::primitive::{Arc, AtomicUsize, Mutex, Ordering};
use crate::task::{Picture, Task};

/// How many tasks that joiners have begun a worker takes away under one lock of the queue.
const AT_ONCE: usize = 64;

/// The tasks of no scope, those that joiners have begun among them.
#[derive(Default)]
struct Queue {
    tasks: VecDeque<Arc<dyn Task>>,
    /// How many joiners have begun since those were last taken away everywhere.
    begun: usize,
}

impl Queue {
    /// Takes those at the front away that were begun, at most so many.
    fn begun_at_the_front(&mut self, most: usize) -> Vec<Arc<dyn Task>> {
        let front = self.tasks.iter().take(most);
        let count = front.take_while(|task| !task.is_waiting_to_start()).count();
        self.tasks.drain(..count).collect()
    }

    /// A joiner has begun one. Takes two away from the front, and all that lie elsewhere once there are more of these than of
    /// others: so a queue is at most twice as long as what is to be done, and a few, at the cost of a look at two tasks each.
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
    queue: Mutex<Queue>,
    /// How many lie there; changes under the lock. Whoever enqueues passes a fence before it looks who searches, as whoever stops to
    /// search does before it looks here (see `roster`).
    queued: AtomicUsize,
    /// What joiners run that have no seat here.
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
        queue.tasks.push_back(entry);
        self.queued.store(queue.tasks.len(), Ordering::Relaxed);
    }

    /// The next task, for a member that has that life, and is the task's from here on.
    pub(super) fn dequeue(&self, life: &Life) -> Option<Arc<dyn Task>> {
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
                // Before the queue is unlocked: whoever looks there first, and then at the seats, finds it.
                life.begin_task(Arc::clone(task));
            }
            drop(queue);
            drop(begun);
            if task.is_some() {
                return task;
            }
        }
        None
    }

    /// A joiner has run a task: the queue does not grow, whoever runs what lies there.
    fn clear(&self) {
        let mut queue = self.queue.lock();
        let begun = queue.clear();
        self.queued.store(queue.tasks.len(), Ordering::Relaxed);
        drop(queue);
        drop(begun);
    }

    /// Calls `run`, which runs the task on the thread of a joiner that has that life, or none here.
    pub(super) fn run_aside(&self, task: &Arc<dyn Task>, life: Option<&Life>, run: impl FnOnce()) {
        // Before it is begun, as above. To run it does not unwind.
        match life {
            Some(life) => life.begin_task(Arc::clone(task)),
            None => self.strays.lock().push(Arc::clone(task)),
        }
        run();
        match life {
            Some(life) => life.end_task(),
            None => self.end_stray(task),
        }
        self.clear();
    }

    fn end_stray(&self, task: &Arc<dyn Task>) {
        let mut strays = self.strays.lock();
        let at = strays.iter().position(|other| Arc::ptr_eq(other, task));
        let stray = at.map(|at| strays.swap_remove(at));
        drop(strays);
        drop(stray);
    }

    /// The tasks of no scope that have not completed, of those that nobody has begun at most so many; and how many more of these
    /// there may be: joiners may have run some.
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
            tasks.extend(seat.life().tasks());
        }
        tasks.extend(self.strays.lock().iter().cloned());
        // A member that has taken a task which a joiner had run is about to find that.
        tasks.retain(|task| !task.is_over());
        (tasks, more)
    }

    pub(super) fn has_work(&self) -> bool {
        self.queued.load(Ordering::SeqCst) > 0 || self.has_other_work()
    }

    /// Whether there is anything to do but tasks of no scope.
    pub(super) fn has_other_work(&self) -> bool {
        self.scopes.has_tasks() || self.seating.has_offers()
    }

    /// A task that nobody has begun.
    pub(super) fn next_task(&self) -> Option<Label> {
        // A joiner may have run some.
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

    /// What the member runs that sits there, or else who it is.
    pub(super) fn who_sits(&self, seat: &'static Seat) -> Label {
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
        let of_none = || Some(life.tasks().last()?.label().clone());
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
