//! The wait-for graph: which blocked thread waits for what, and what it keeps from coming meanwhile.
//!
//! # What it holds
//! A blocked thread *bears* bonds: the tasks it runs, one inside the other's wait, the pool jobs it works on,
//! the locks it holds. None of these can come before the thread goes on. And it *awaits* one thing, its
//! [`On`]. The graph holds a record for each blocked thread, under one lock, and two indexes: from bonds to
//! their bearers, and to those who may wait for them. A thread that runs has no record and needs none: taking a
//! lock or running a task touches nothing but a list of the thread's own (`bonds`). To file and to withdraw a
//! record costs what it bears and awaits, however many others there are.
//!
//! # Protocol
//! A wait of which nothing but another thread can be the end (no deadline, not even up the tree)
//! 1. lowers its parker's mark,
//! 2. asks whether what it waits for is there,
//! 3. *stands*: files its record and, in the same critical section, looks for a dead end,
//! 4. parks,
//! 5. withdraws its record, and goes on with 1 until it is there, or the thread was picked as a victim.
//!
//! *A record tells the truth.* While it is filed, its thread neither takes nor releases anything: what it
//! bears, it bears. And what it awaits was not there at 2; if it has come since, whoever brought it has
//! raised the mark (every wake-up goes through the parker), so a record with a raised mark counts as going
//! on. Nobody raises a mark too late: whoever brings something unparks before it waits, ends or goes idle
//! itself, and until then it is not blocked, and what it bears is not dead.
//!
//! *No dead end is missed*, though each is looked for once. The critical sections of step 3 follow each other, so
//! the last thread of a cycle to file its record finds all the others filed; none of their marks is raised, for a
//! raised mark means that its thread will come and file again. Three other things can close a cycle, and look
//! there and then: a guard is leaked ([`leak`]); in a group with a limit somebody is gone who could have let a
//! queued task begin ([`look_at`]); and, for waits for anyone, a thread goes idle or ends ([`look_again`]). Only
//! the end of a thread of somebody else is told by nobody: for that, some waits for anyone look up now and then.
//!
//! *Dead* is the largest set of records that keep each other: of a wait for one of several, all must be dead
//! (a queued task and the threads that may get to it); of a wait for all, one (the end of a scope). `region` tells
//! how it is found. A queue or a semaphore may be served by anyone, so a wait for [`On::Anyone`] is dead only if
//! every thread of the process is accounted for, and each of them waits without being about to go on, is idle, or
//! has ended (`quiet`). Then nobody is left to end any wait, whatever it is for: the graph need not be asked, and
//! the question costs the same however many wait.
//!
//! *Exactly one victim.* It is picked in the critical section: the newest wait of a cycle that can return an
//! error; or, if there is none, that of a dropped handle, which then lets go of its
//! task. It counts as going on from then on, and the search is repeated until the filing thread is free. The
//! victim asks once more for what it awaits before it gives up. Where nobody is left, the next victim is not picked
//! before the one before it has filed another wait, gone idle or ended: it may help the others.
//!
//! # Who holds a lock
//! A thread may run a task inside the wait of another. It bears what both bear, and its one record is that of the inner
//! task, which waits. A lock is told of the task that has taken it ([`Holder`]): what the thread held when the inner
//! task was begun (see `current`) is not the inner one's.
//!
//! # The identity of what is borne
//! Tasks and groups have numbers, and so have locks (`number`). A leaked lock's record ends when the guard is
//! released after all, or with the lock. Jobs have addresses; see [`Bond::Job`] for why that does.
//!
//! The step from one order of waiting (the ticket) to one critical section is what the essay literature
//! calls Armus (Cogumbreiro, Hu, Martins, Yoshida, PPoPP 2015: "Dynamic deadlock verification for general
//! barrier synchronisation") on the blocking path; the reduction is Holt's (1972, "Some deadlock properties
//! of computer systems"); the search from both ends is how cycles are found in graphs that grow (Bender, Fineman,
//! Gilbert, Tarjan, 2015: "A new approach to incremental cycle detection and related problems").

mod alive;
mod bonds;
mod graph;
mod many;
#[cfg(all(test, reunite_model))]
mod model;
mod number;
mod quiet;
mod records;
mod region;
mod report;
mod site;

use crate::primitive::{Counter, Ordering};

/// Not zero while nobody looks for deadlocks.
static IS_OFF: Counter = Counter::new(0);

/// Whether waits that would never end are refused, at any time, in the same program: they are unless this was told
/// otherwise. While they are not, waits that begin to last do not enter the wait-for graph, and a deadlock hangs
/// until something else ends it: a timeout, a cancellation. The stall report tells of it all the same.
///
/// ```standalone_crate
/// use std::time::Duration;
/// reunite::refuse_deadlocks(false);
/// let lock = reunite::sync::Mutex::new(());
/// let _guard = lock.lock().unwrap();
/// let scope = reunite::ScopeBuilder::new().timeout(Duration::from_millis(50));
/// let refused = scope.scope(|s| s.spawn(|| lock.lock().unwrap_err().is_cancelled()).join());
/// assert!(refused.is_err(), "only the time limit ended it");
/// ```
pub fn refuse_deadlocks(refuse: bool) {
    IS_OFF.store(u64::from(!refuse), Ordering::Relaxed);
}

pub(crate) fn is_looked_for() -> bool {
    IS_OFF.load(Ordering::Relaxed) == 0
}

pub(crate) use alive::Alive;
#[cfg(not(reunite_model))]
pub(crate) use bonds::Running;
pub(crate) use bonds::{Bond, Holder, Holding, held_count, hold, holding, list_jobs_by, run};
pub(crate) use graph::{
    between_looks, bury, explain, leak, let_go, look_again, look_at, stand, standing,
};
pub(crate) use number::Number;
pub(crate) use quiet::{idle_one_less, idle_one_more};
pub(crate) use records::{Standing, Ticket, Yields};
pub(crate) use report::held_in_words;
pub(crate) use site::{Crew, Need, Object, On, Site};
