//! The resources that the calling thread owns: the tasks and jobs it runs, the locks it holds. Only the thread itself
//! sees this list; a copy of it is in the wait-for graph while the thread is blocked.

use std::cell::{Cell, RefCell};
use std::panic::Location;

use super::lock_overflow::LockOverflow;
use crate::id::{Label, TaskId};
use crate::primitive::thread_local;

/// An event that cannot happen before the thread that owns it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Resource {
    /// The completion of a task.
    Task(TaskId),
    /// The end of a group of tasks, or a free place in it. The group itself knows on which of its tasks that depends
    /// ([`TaskSet`](super::TaskSet)); this resource only serves to find the waits for the group.
    Group(TaskId),
    /// The completion of a pool's job, or the end of one of a pool's scopes; by address. The job or scope is in a frame
    /// of the waiting thread, or kept by it, and outlives all work that is done for it. So while a record contains the
    /// address, as awaited or as owned, nothing else can have that address. The graph keeps no address of a job after
    /// the record is withdrawn.
    Job(usize),
    /// The release of a lock that is held for writing, or that one thread holds alone; by number.
    Lock(u64),
    /// The release of a lock that is held for reading; by number.
    Read(u64),
    /// The release of a lock that is held for an upgradable read; by number.
    Upgradable(u64),
    /// The end of the turn of a writer for which readers wait: the lock's number, and the writer's place in the order
    /// in which threads came. A reader waits for the turns of the writers before its own place. The turn of a reader that
    /// upgrades has place 0, before all others.
    Turn(u64, u64),
}

impl Resource {
    /// Returns the resource as two words, which are faster to compare: its kind and number, and, for a turn, the place
    /// in the order of its lock.
    pub(super) fn words(self) -> (u64, u64) {
        let (kind, which, place) = match self {
            Self::Task(task) => (0, task.as_u64(), 0),
            Self::Group(group) => (1, group.as_u64(), 0),
            Self::Job(address) => (2, address as u64, 0),
            Self::Lock(lock) => (3, lock, 0),
            Self::Read(lock) => (4, lock, 0),
            Self::Turn(lock, place) => (5, lock, place),
            Self::Upgradable(lock) => (6, lock, 0),
        };
        // No number and no address needs the upper three bits.
        (which << 3 | kind, place)
    }
}

/// A lock that is held, with the line that took it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) resource: Resource,
    pub(crate) since: &'static Location<'static>,
}

/// The task that has taken a run of locks in its thread's list: from place `from` up to that of the next holder.
pub(crate) struct Holder {
    pub(crate) from: usize,
    pub(crate) taken_by: Label,
}

/// The greatest number of locks of a thread that are kept inline. If a thread holds more, the newest are kept in a list
/// that costs more. While that list is not empty, exactly `FEW` locks are inline.
const FEW: usize = 8;

/// The oldest locks that a thread holds. Each has only two words, because every lock operation writes them: the number
/// of the lock (with a bit that says whether it is held for reading, or upgradably), and the line. They are in two separate arrays, which costs the
/// fewest instructions.
struct InlineLocks {
    len: Cell<usize>,
    words: [Cell<u64>; FEW],
    lines: [Cell<Option<&'static Location<'static>>>; FEW],
}

impl InlineLocks {
    const fn new() -> Self {
        Self {
            len: Cell::new(0),
            words: [const { Cell::new(0) }; FEW],
            lines: [const { Cell::new(None) }; FEW],
        }
    }

    /// Stores a lock at this place, if there is room.
    #[inline]
    fn set(&self, at: usize, word: u64, since: &'static Location<'static>) -> bool {
        let fits = at < FEW;
        if fits {
            self.words[at].set(word);
            self.lines[at].set(Some(since));
        }
        fits
    }

    fn get(&self, at: usize) -> Option<Held> {
        let word = self.words[at].get();
        let number = word & !(READ | UPGRADABLE);
        let resource = match word & (READ | UPGRADABLE) {
            READ => Resource::Read(number),
            UPGRADABLE => Resource::Upgradable(number),
            _ => Resource::Lock(number),
        };
        let since = self.lines[at].get()?;
        Some(Held { resource, since })
    }
}

/// The bits of a lock's word beside its number: it is held for reading, or for an upgradable read.
const READ: u64 = 1;
const UPGRADABLE: u64 = 2;

/// Returns the resource of a lock as one word; lock numbers have room for two bits.
#[inline]
fn word(resource: Resource) -> u64 {
    match resource {
        Resource::Read(number) => number | READ,
        Resource::Upgradable(number) => number | UPGRADABLE,
        Resource::Lock(number) | Resource::Turn(number, _) => number,
        Resource::Task(_) | Resource::Group(_) | Resource::Job(_) => 0,
    }
}

/// A task and the group that it belongs to.
type TaskAndGroup = (TaskId, Option<TaskId>);

/// A function that lists, by address, the jobs that the calling thread works on and all that wait for them.
type Jobs = fn(&mut dyn FnMut(usize));

thread_local! {
    // Without a destructor, so that an access costs no more than the access itself.
    static FEW_HELD: InlineLocks = const { InlineLocks::new() };
    static JOBS: Cell<Jobs> = const { Cell::new(|_| {}) };
    static MORE_HELD: RefCell<LockOverflow<Held>> = const { RefCell::new(LockOverflow::new()) };
    static TASKS: RefCell<Vec<TaskAndGroup>> = const { RefCell::new(Vec::new()) };
}

/// Records that the calling thread holds a lock from now on.
#[inline]
pub(crate) fn hold(resource: Resource, since: &'static Location<'static>) {
    let fits = FEW_HELD.with(|few| {
        let len = few.len.get();
        let fits = few.set(len, word(resource), since);
        if fits {
            few.len.set(len + 1);
        }
        fits
    });
    if !fits {
        hold_more(Held { resource, since });
    }
}

#[cold]
fn hold_more(held: Held) {
    // A thread that is ending has lost the list: these locks are not recorded.
    let _ending = MORE_HELD.try_with(|more| more.borrow_mut().push(word(held.resource), held));
}

/// Removes a lock that the calling thread has released from its list, if it is the newest there. Returns false if it is
/// not; then [`let_go_older`] must remove it.
#[inline]
pub(super) fn let_go_newest(resource: Resource) -> bool {
    FEW_HELD.with(|few| {
        // If the list is empty, `last` is beyond all entries. If it is full, entries of the longer list may have to
        // move up, which `let_go_older` does.
        let last = few.len.get().wrapping_sub(1);
        let found = last < FEW - 1 && few.words[last].get() == word(resource);
        if found {
            few.len.set(last);
        }
        found
    })
}

/// Removes a lock that is not the newest from the list. Returns false if it was not in the list.
#[cold]
pub(super) fn let_go_older(resource: Resource) -> bool {
    let more = MORE_HELD.try_with(|more| more.borrow_mut().remove(word(resource)));
    if more == Ok(true) {
        return true;
    }
    FEW_HELD.with(|few| {
        let len = few.len.get();
        let at = (0..len.min(FEW)).rfind(|&at| few.words[at].get() == word(resource));
        let Some(at) = at else {
            return false;
        };
        for next in at + 1..len {
            few.words[next - 1].set(few.words[next].get());
            few.lines[next - 1].set(few.lines[next].get());
        }
        few.len.set(len - 1);
        if let Some(held) = oldest_of_more() {
            few.set(len - 1, word(held.resource), held.since);
            few.len.set(len);
        }
        true
    })
}

fn oldest_of_more() -> Option<Held> {
    let taken = MORE_HELD.try_with(|more| more.borrow_mut().pop_oldest());
    taken.ok().flatten()
}

/// Returns the locks that the calling thread holds, oldest first.
pub(crate) fn held() -> Vec<Held> {
    let mut held: Vec<_> =
        FEW_HELD.with(|few| (0..few.len.get()).filter_map(|at| few.get(at)).collect());
    let _ending = MORE_HELD.try_with(|more| held.extend(more.borrow().iter()));
    held
}

/// Sets the function that lists the pool jobs this thread works on.
pub(crate) fn set_job_lister(jobs: Jobs) {
    JOBS.with(|here| here.set(jobs));
}

/// A guard: until it is dropped, the calling thread runs a task, and so owns the completion of the task.
pub(crate) struct RunningTask {
    task: TaskAndGroup,
    before: Holding,
}

/// The number of locks that the calling thread held when this was made.
pub(crate) struct Holding(usize);

/// Begins to run `task`. `group` is the group whose end waits for the task, or whose places it may hold, if there is
/// one.
pub(crate) fn begin_task(task: TaskId, group: Option<TaskId>) -> RunningTask {
    let task = (task, group);
    let _ending = TASKS.try_with(|tasks| tasks.borrow_mut().push(task));
    RunningTask {
        task,
        before: holding(),
    }
}

#[inline]
pub(crate) fn holding() -> Holding {
    Holding(held_count())
}

/// Returns the number of locks that the calling thread holds.
#[inline]
pub(crate) fn held_count() -> usize {
    let few = FEW_HELD.with(|few| few.len.get());
    if few < FEW {
        return few;
    }
    few + more_held_count()
}

#[cold]
fn more_held_count() -> usize {
    let more = MORE_HELD.try_with(|more| more.borrow().len());
    more.unwrap_or(0)
}

impl RunningTask {
    /// Removes and returns the locks that the task took and did not release: their guards were leaked.
    pub(crate) fn leaked(&self) -> Vec<Held> {
        self.before.leaked()
    }

    /// Returns true if there are [leaked](Self::leaked) locks.
    #[inline]
    pub(crate) fn has_leaked(&self) -> bool {
        self.before.has_leaked()
    }
}

impl Holding {
    /// Returns true if there are [leaked](Self::leaked) locks.
    #[inline]
    pub(crate) fn has_leaked(&self) -> bool {
        held_count() > self.0
    }

    /// Removes and returns the locks that the calling thread has taken since this was made and has not released. The
    /// code that took them is over, so their guards were leaked.
    pub(crate) fn leaked(&self) -> Vec<Held> {
        if !self.has_leaked() {
            return Vec::new();
        }
        let leaked = held().split_off(self.0);
        for held in &leaked {
            let_go_older(held.resource);
        }
        leaked
    }
}

impl Drop for RunningTask {
    fn drop(&mut self) {
        let _ending = TASKS.try_with(|tasks| {
            let mut tasks = tasks.borrow_mut();
            if tasks.pop_if(|last| *last == self.task).is_some() {
                return;
            }
            if let Some(at) = tasks.iter().rposition(|task| *task == self.task) {
                tasks.remove(at);
            }
        });
    }
}

/// Returns all resources that the calling thread owns, and the locks among them.
pub(super) fn all() -> (Vec<Resource>, Vec<Held>) {
    let held = held();
    let mut resources: Vec<_> = held.iter().map(|held| held.resource).collect();
    let _ending = TASKS.try_with(|tasks| {
        for (task, group) in tasks.borrow().iter() {
            resources.push(Resource::Task(*task));
            resources.extend(group.map(Resource::Group));
        }
    });
    JOBS.with(Cell::get)(&mut |address| resources.push(Resource::Job(address)));
    (resources, held)
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_owns_the_tasks_that_it_runs_and_no_more_when_they_are_over() {
        let [outer, inner, group] = [1, 2, 3].map(TaskId::of_block);
        let owns = |expected: &[Resource]| assert_eq!(all().0, expected);
        let first = begin_task(outer, Some(group));
        owns(&[Resource::Task(outer), Resource::Group(group)]);
        let second = begin_task(inner, None);
        drop(first);
        owns(&[Resource::Task(inner)]);
        drop(second);
        owns(&[]);
    }
}
