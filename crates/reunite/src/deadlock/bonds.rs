//! What the calling thread bears: the tasks and jobs it runs, the locks it holds. Nobody else sees this list;
//! a copy of it is filed while the thread is blocked.

use std::cell::{Cell, RefCell};
use std::panic::Location;

use crate::id::TaskId;
use crate::primitive::thread_local;

/// Something that cannot come before its bearer goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bond {
    /// The completion of a task.
    Task(TaskId),
    /// The completion of a pool's job, or the end of one of its scopes; by address.
    Job(usize),
    /// The release of a lock that is held for writing, or by one alone; by address.
    Lock(usize),
    /// The release of a lock that is held for reading.
    Read(usize),
    /// That a writer, for whom readers wait, has had its turn.
    Turn(usize),
}

/// A lock that is held, and since which line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) bond: Bond,
    pub(crate) since: &'static Location<'static>,
}

/// As many locks as a thread usually holds at most; more are kept in a list that costs more. Those are the
/// newest: while there are any, there is no room among the few.
const FEW: usize = 8;

/// Two words each, as every lock writes one: the address, odd if it is held for reading, and the line.
struct Few {
    len: Cell<usize>,
    slots: [Cell<(usize, Option<&'static Location<'static>>)>; FEW],
}

/// A lock's bond in one word; locks lie at even addresses.
#[inline]
fn word(bond: Bond) -> usize {
    match bond {
        Bond::Read(address) => address | 1,
        Bond::Lock(address) | Bond::Job(address) | Bond::Turn(address) => address,
        Bond::Task(_) => 0,
    }
}

fn unpack((word, since): (usize, Option<&'static Location<'static>>)) -> Option<Held> {
    let bond = if word & 1 == 1 {
        Bond::Read(word & !1)
    } else {
        Bond::Lock(word)
    };
    since.map(|since| Held { bond, since })
}

/// Tells the jobs that the calling thread works on, and all that wait for them, by address.
type Jobs = fn(&mut dyn FnMut(usize));

thread_local! {
    // Without a destructor, so that looking at it is all that it costs.
    static FEW_HELD: Few = const { Few { len: Cell::new(0), slots: [const { Cell::new((0, None)) }; FEW] } };
    static JOBS: Cell<Jobs> = const { Cell::new(|_| {}) };
    static MORE_HELD: RefCell<Vec<Held>> = const { RefCell::new(Vec::new()) };
    static TASKS: RefCell<Vec<TaskId>> = const { RefCell::new(Vec::new()) };
}

/// The calling thread holds a lock from now on.
#[inline]
pub(crate) fn hold(bond: Bond, since: &'static Location<'static>) {
    let fits = FEW_HELD.with(|few| {
        let len = few.len.get();
        let Some(slot) = few.slots.get(len) else {
            return false;
        };
        slot.set((word(bond), Some(since)));
        few.len.set(len + 1);
        true
    });
    if !fits {
        hold_more(Held { bond, since });
    }
}

#[cold]
fn hold_more(held: Held) {
    // A thread that is ending holds what it holds unseen.
    let _ending = MORE_HELD.try_with(|more| more.borrow_mut().push(held));
}

/// The calling thread released the lock. Whether it had it in its list.
#[inline]
pub(crate) fn let_go(bond: Bond) -> bool {
    let newest = FEW_HELD.with(|few| {
        let len = few.len.get();
        let last = len.wrapping_sub(1);
        let slot = few.slots.get(last);
        // If there is no room, more may have to move up.
        let found = len < FEW && slot.is_some_and(|slot| slot.get().0 == word(bond));
        if found {
            few.len.set(last);
        }
        found
    });
    newest || let_go_older(bond)
}

#[cold]
fn let_go_older(bond: Bond) -> bool {
    let more = MORE_HELD.try_with(|more| {
        let mut more = more.borrow_mut();
        let at = more.iter().rposition(|held| held.bond == bond)?;
        more.remove(at);
        Some(())
    });
    if let Ok(Some(())) = more {
        return true;
    }
    FEW_HELD.with(|few| {
        let len = few.len.get();
        let at = (0..len.min(FEW)).rfind(|&at| few.slots[at].get().0 == word(bond));
        let Some(at) = at else {
            return false;
        };
        (at + 1..len).for_each(|next| few.slots[next - 1].set(few.slots[next].get()));
        few.len.set(len - 1);
        if let Some(held) = oldest_of_more() {
            few.slots[len - 1].set((word(held.bond), Some(held.since)));
            few.len.set(len);
        }
        true
    })
}

fn oldest_of_more() -> Option<Held> {
    let taken = MORE_HELD.try_with(|more| {
        let mut more = more.borrow_mut();
        (!more.is_empty()).then(|| more.remove(0))
    });
    taken.ok().flatten()
}

/// The locks that the calling thread holds, oldest first.
pub(crate) fn held() -> Vec<Held> {
    let mut held: Vec<_> = FEW_HELD.with(|few| {
        let slots = &few.slots[..few.len.get()];
        slots.iter().filter_map(|slot| unpack(slot.get())).collect()
    });
    let _ending = MORE_HELD.try_with(|more| held.extend_from_slice(&more.borrow()));
    held
}

/// From now on `jobs` tells what pool jobs this thread works on.
pub(crate) fn list_jobs_by(jobs: Jobs) {
    JOBS.with(|here| here.set(jobs));
}

/// The calling thread runs a task until this is dropped.
pub(crate) struct Running {
    task: TaskId,
    before: Holding,
}

/// How many locks the calling thread held at some time.
pub(crate) struct Holding(usize);

pub(crate) fn run(task: TaskId) -> Running {
    let _ending = TASKS.try_with(|tasks| tasks.borrow_mut().push(task));
    Running {
        task,
        before: holding(),
    }
}

pub(crate) fn holding() -> Holding {
    Holding(held_count())
}

/// How many locks the calling thread holds.
pub(crate) fn held_count() -> usize {
    let more = MORE_HELD.try_with(|more| more.borrow().len());
    FEW_HELD.with(|few| few.len.get()) + more.unwrap_or(0)
}

impl Running {
    /// The locks that the task took and did not release: their guards were leaked. They are forgotten here.
    pub(crate) fn leaked(&self) -> Vec<Held> {
        self.before.leaked()
    }
}

impl Holding {
    /// The locks that the calling thread has taken since then and not released, although what took them is over:
    /// their guards were leaked. They are forgotten here.
    pub(crate) fn leaked(&self) -> Vec<Held> {
        if held_count() <= self.0 {
            return Vec::new();
        }
        let leaked = held().split_off(self.0);
        for held in &leaked {
            let_go(held.bond);
        }
        leaked
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ending = TASKS.try_with(|tasks| {
            let mut tasks = tasks.borrow_mut();
            if let Some(at) = tasks.iter().rposition(|task| *task == self.task) {
                tasks.remove(at);
            }
        });
    }
}

/// All that the calling thread bears, and the locks among it.
pub(super) fn all() -> (Vec<Bond>, Vec<Held>) {
    let held = held();
    let mut bonds: Vec<_> = held.iter().map(|held| held.bond).collect();
    let _ending =
        TASKS.try_with(|tasks| bonds.extend(tasks.borrow().iter().copied().map(Bond::Task)));
    JOBS.with(Cell::get)(&mut |address| bonds.push(Bond::Job(address)));
    (bonds, held)
}
