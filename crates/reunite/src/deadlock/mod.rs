//! The wait-for graph: which blocked thread waits for what, and what it keeps from coming while it waits.
//!
//! # What it holds
//! A blocked thread *bears* bonds: the tasks it runs (one inside the wait of another), the pool jobs it works on, and
//! the locks it holds. None of these can complete before the thread goes on. And it *awaits* one thing, its
//! [`WaitsOn`]. The graph holds a record for each blocked thread, under one lock, and two indexes: from bonds to
//! their bearers, and from bonds to the waits that may depend on them. A thread that runs has no record and needs none:
//! taking a lock or running a task touches only a list of the thread's own (`resources`). Filing and withdrawing a
//! record costs in proportion to what it bears and awaits, however many other records there are.
//!
//! # Protocol
//! A wait that only another thread can end (no deadline, not even up the tree)
//! 1. lowers its parker's mark,
//! 2. checks whether what it awaits is there,
//! 3. *stands*: files its record and, in the same critical section, looks for a dead end,
//! 4. parks,
//! 5. withdraws its record, and starts again with 1 until the awaited thing is there, or the wait was picked as a
//!    victim.
//!
//! *A record tells the truth.* While it is filed, its thread neither takes nor releases anything: it bears exactly what
//! the record says. What it awaits was not there at step 2; if it has come since, the thread that brought it has raised
//! the mark (every wake-up goes through the parker), so a record with a raised mark counts as going on. No mark is
//! raised too late: a thread that brings something unparks the waiter before it waits, ends or goes idle itself; until
//! then that thread is not blocked, and what it bears is not dead.
//!
//! *No dead end is missed*, though each is looked for once. The critical sections of step 3 follow each other, so the
//! last thread of a cycle to file its record finds all the others filed; none of their marks is raised, because a
//! raised mark means that its thread will come and file again. Three other events can close a cycle, and each of them
//! looks at once: a guard is leaked ([`leak`]); in a group with a limit, a thread is gone that could have let a queued
//! task begin ([`look_at`]); and, for waits for anyone, a thread goes idle or ends ([`look_again`]). Only the end of a
//! thread outside this library is not reported to it: because of that, some waits for anyone look again now and then.
//!
//! *Dead* is the largest set of records that keep each other from going on. A wait for one of several things is dead if
//! all of them are dead (a queued task and the threads that may get to it); a wait for all of several things, if one is
//! dead (the end of a scope). See `region` for how the set is found. A queue or a semaphore may be served by any
//! thread, so a wait for [`WaitsOn::Anyone`] is dead only if every thread of the process is accounted for, and each of them
//! waits without being about to go on, is idle, or has ended (`live_threads`). Then no thread is left to end any wait,
//! whatever it is for: the graph need not be searched, and the answer costs the same however many wait.
//!
//! *Exactly one victim.* It is picked in the critical section: the newest wait of a cycle that can return an error; or,
//! if there is none, the wait of a dropped handle, which then lets go of its task. The victim counts as going on from
//! then on, and the search is repeated until the filing thread is in no dead end. The victim checks once more for what
//! it awaits before it gives up. If no thread is left that does anything, the next victim is not picked before the
//! previous one has filed another wait, gone idle or ended: it may help the others.
//!
//! # Who holds a lock
//! A thread may run a task inside the wait of another. The thread bears what both bear, and its one record is that of
//! the inner task, which waits. Each lock is attributed to the task that has taken it ([`Holder`]): the locks that the
//! thread held when the inner task was begun (see `current`) are not the inner task's.
//!
//! # The identity of bonds
//! Tasks and groups have numbers, and so have locks (`lock_number`). The record of a leaked lock ends when the guard is
//! released after all, or with the lock. Jobs have addresses; see [`Resource::Job`] for why an address suffices.
//!
//! The reduction of the order of waits (the tickets) to one critical section on the blocking path follows Armus
//! (Cogumbreiro, Hu, Martins, Yoshida, PPoPP 2015: "Dynamic deadlock verification for general
//! barrier synchronisation"); the reduction of the graph is Holt's (1972, "Some deadlock properties
//! of computer systems"); the search from both ends is the one by which cycles are found in growing graphs (Bender,
//! Fineman, Gilbert, Tarjan, 2015: "A new approach to incremental cycle detection and related problems").

mod graph;
mod live_threads;
mod lock_number;
mod lock_overflow;
#[cfg(all(test, reunite_model))]
mod model;
mod records;
mod region;
mod report;
mod resources;
mod site;
mod thread_guard;

use crate::primitive::{Counter, Ordering};

/// 1 while waits that would never end are not refused, otherwise 0.
static IS_OFF: Counter = Counter::new(0);

/// Sets whether waits that would never end are refused. They are by default; may be changed at any time in the same
/// program. While they are not refused, waits that last do not enter the wait-for graph, and a deadlock hangs
/// until something else ends it: a timeout or a cancellation. The stall report still reports it.
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

pub(crate) use graph::{
    between_looks, explain, forget_leaked, leak, let_go, locks_of_pending_waits, look_again,
    look_at, wait_as_pending,
};
pub(crate) use live_threads::{count_idle, uncount_idle};
pub(crate) use lock_number::LockNumber;
pub(crate) use records::{PendingWait, Ticket, VictimPriority};
pub(crate) use report::describe_held;
#[cfg(not(reunite_model))]
pub(crate) use resources::RunningTask;
pub(crate) use resources::{
    Holder, Holding, Resource, begin_task, held_count, hold, holding, set_job_lister,
};
pub(crate) use site::{Need, TaskSet, WaitObject, WaitSite, WaitsOn};
pub(crate) use thread_guard::ThreadGuard;
