//! The wait-for graph: which blocked thread waits for what, and which other waits cannot end before it goes on.
//!
//! # What it holds
//! A *resource* is an event for which threads wait: the completion of a task or of a pool's job, the release of a lock.
//! A blocked thread *owns* resources: the tasks it runs (one inside the wait of another), the jobs it works on, and the
//! locks it holds. None of these events can happen before the thread goes on. And the thread *awaits* what its
//! [`WaitsOn`] names. The graph holds a record for each blocked thread, under one lock, and two indexes: from resources
//! to the records that own them, and from resources to the waits that may depend on them. A thread that runs has no
//! record: when it takes a lock or runs a task, it changes only a list of its own (`resources`). Filing and withdrawing
//! a record costs in proportion to what the record owns and awaits, however many other records there are.
//!
//! # Protocol
//! A wait that only another thread can end (no deadline, not even up the tree)
//! 1. lowers the mark of its parker, which every wake-up raises,
//! 2. checks its condition: whether what it awaits has happened,
//! 3. files its record and, in the same critical section, looks for a deadlock,
//! 4. parks,
//! 5. withdraws its record, and starts again with 1, until the condition is true or the wait was picked as a victim.
//!
//! *A filed record is exact.* While it is filed, its thread neither takes nor releases anything: it owns exactly what
//! the record lists. The condition was false at step 2; if it has become true since, the thread that made it true has
//! raised the mark (every wake-up goes through the parker), and a record with a raised mark counts as *going on*. The
//! mark is raised in time: a thread that makes the condition true unparks the waiter before it waits, ends or goes idle
//! itself; until then that thread is not blocked, and no wait for what it owns is dead.
//!
//! *No deadlock is missed*, although each wait looks only when it is filed. The critical sections of step 3 follow each
//! other, so the last thread of a cycle that files its record finds all the others filed. None of their marks is
//! raised: a raised mark means that its thread will go on, and file its record again later. Three other events can
//! close a cycle, and the thread that causes one of them looks for a deadlock at once: a guard is leaked ([`leak`]); in
//! a group with a limit, a thread gives its place up and so cannot begin a queued task any more ([`look_at`]); and, for
//! waits for anyone, a thread goes idle or ends ([`look_again`]). Only the end of a thread that this library did not
//! start goes unnoticed. Therefore some of the waits for anyone check again from time to time (see `graph`).
//!
//! *Dead* records are the largest set of records that keep each other from going on; a *deadlock* is some of them. A
//! wait for one of several resources is dead if each of them has a dead owner (a queued task, which any of several
//! threads may begin); a wait for all of several resources is dead if one of them has a dead owner (the end of a
//! scope). See `region` for how the set is found. Any thread may send a message or release a permit, so a wait for
//! [`WaitsOn::Anyone`] is dead only if every thread of the process is accounted for: each of them waits without being
//! about to go on, is idle, or has ended (`live_threads`). Then no thread is left to end any wait of any kind: the
//! graph need not be searched, and the answer costs the same however many threads wait.
//!
//! *Exactly one victim.* It is picked in the critical section: the newest wait of a cycle that can return an error; or,
//! if there is none, the wait of a dropped handle, which then detaches its task. The victim counts as going on from
//! then on, and further victims are picked until the record of the filing thread is not dead. The victim checks its
//! condition once more before it gives up. If every thread waits, one victim is picked at a time. The next one is
//! picked only when the thread of the previous victim has filed another wait, gone idle or ended: until then it may end
//! other waits.
//!
//! # Who holds a lock
//! A thread may run a task while another of its tasks waits. The thread then owns the resources of both tasks, and its
//! only record is that of the inner task. Each lock is attributed to the task that has taken it ([`Holder`]): the locks
//! that the thread held when the inner task was begun (see `current`) are not the inner task's.
//!
//! # The identity of resources
//! Tasks and groups have numbers, and so have locks (`lock_number`). A leaked lock is listed until its guard is
//! released after all, or until the lock is dropped. Jobs have addresses; see [`Resource::Job`] for why an address
//! suffices.
//!
//! # Sources
//! The order of waits (the tickets) comes from a single critical section on the blocking path, as in Armus
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

/// 1 if waits that would never end are not refused, otherwise 0.
static IS_OFF: Counter = Counter::new(0);

/// Sets whether waits that would never end are refused. By default they are. The setting may be changed at any time.
/// While such waits are not refused, no wait enters the wait-for graph, and a deadlock lasts until a timeout or a
/// cancellation ends it. The stall report still reports it.
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
