//! Structured threads: every thread you start comes back, with its result or with its error, and you can
//! see why it hasn't yet.
//!
//! | you have | use |
//! |---|---|
//! | a few things to do side by side, borrowing | [`scope`](scope()) |
//! | the same, and an error should stop the rest | [`try_scope`] |
//! | many items, results in order, bounded memory | [`map`](map()), [`try_map`], [`Scope::map`], [`for_each`] |
//! | several ways to one result | [`race`](race()), [`quorum`] |
//! | one task outside any scope | [`spawn`], [`Builder`] |
//! | a deadline, a limit, a policy | [`ScopeBuilder`] |
//! | what was done in time, though the scope failed | [`ScopeBuilder::scope_ended`], [`ScopeBuilder::try_scope_ended`] |
//! | a computation to split in two, and again | [`join`](join()), [`par_sort_unstable`] |
//! | many items to compute on | [`par`](par()), [`PoolScope::map`] |
//! | many small tasks that compute | [`Pool::scope`] |
//! | a recursion that needs a larger stack | [`Pool::install`] |
//! | a loop that computes | [`checkpoint`] |
//! | data that flows between tasks | [`channel`] |
//! | a budget shared by tasks | [`sync::Semaphore`] |
//!
//! Two homes for work: *threads*, for work that may wait, and a *pool*, for work that computes. A task of a
//! [`scope`](scope()) has a thread of its own, recycled, so it may block; in the pool, mark what blocks with
//! [`blocking`]. Every blocking call ends early when its task
//! is cancelled, with an error that says why and by whom. **A scope waits for its tasks even past its
//! deadline**, because they borrow: it cancels them, and names those that do not stop.
//!
//! # Thread-locals
//!
//! Threads are recycled: a task's thread may have run others before, and after the task it waits ten seconds for the next.
//! So thread-locals survive into the next task, which finds in them what the one before left, and their destructors run
//! when the thread ends, long after the join. Who needs what a thread of `std` does, nothing left from before and the
//! destructors run when the join returns, asks for it by [`Builder::fresh_threads`] or [`ScopeBuilder::fresh_threads`]. A
//! pool's threads keep their thread-locals until the pool ends. What is to reach children, ambient values such as a request's
//! number, is passed on by [`inherit`].
//!
//! # Partial results
//!
//! A partial result never passes for a whole one. Where a call can return an error, a cancellation or a refused wait is
//! that error. Where it cannot, the task *leaves*: it unwinds with the cancellation (or the refusal), without a panic
//! message, and completes [cancelled](JoinError::is_cancelled) (or [deadlocked](JoinError::is_deadlock)), never with a
//! value. This is what each ending says when its task is cancelled, when its deadline or its scope's passes, or when its
//! wait is refused because it would never end or its pool starves:
//!
//! | ending | says |
//! |---|---|
//! | `recv`, `send`, `select`, `lock`, `wait`, `acquire`, `get_or_init`, `force`, `sleep`, a join | its error |
//! | [`Receiver::results`](channel::Receiver::results) | its error, as the last item |
//! | `for message in &rx`, [`Receiver::iter`](channel::Receiver::iter) | leaves the task |
//! | a channel one of whose senders was dropped before its task was done | [the same](channel#partial-results), to each receiver |
//! | [`map`](map()), [`try_map`], [`Scope::map`], [`PoolScope::map`] | an error, as the last outcome |
//! | [`for_each`], [`race`](race()), [`quorum`], [`Outcomes::collect_values`], `try_` of [`par`](par()) | an error |
//! | [`join`](join()), [`par`](par()), [`par_sort_unstable`] | nothing: they go on to the end, so their results are whole |
//! | [`try_scope`], [`ScopeBuilder::scope`], [`ScopeBuilder::scope_ended`] | a [`ScopeError`] |
//! | [`scope`](scope()), [`Pool::scope`] | leave the task if their body was left, or if a cancellation from above, of which the body was not told, kept tasks from completing that nobody joined |
//!
//! A task that was left poisons no lock. Who gathers failures sees it as cancelled: it is nobody's root cause. On a thread
//! that this library did not start, outside any scope, nobody would be told, so there it is a panic with the reason as its
//! message; and a plain [`scope`](scope()) around which nothing is left ends with such a panic.
//!
//! With `panic = "abort"` nothing can unwind, and the process does not end because of a cancellation. There the iterator
//! ends and the task is marked: its closure goes on to its end, its value is thrown away, and it completes cancelled (or
//! deadlocked) as if it had been left. A closure that does something with a result before it returns should take
//! [`results`](channel::Receiver::results) there. Where nothing can be marked (outside any task and scope, and in a half of
//! a [`join`](join()) or [`par`](par()) that another thread runs), the process ends with the reason on standard error.
//!
//! ```
//! let numbers = [3, 1, 2];
//! let (sum, max) = reunite::scope(|s| {
//!     let sum = s.spawn(|| numbers.iter().sum::<i32>());
//!     let max = s.spawn(|| numbers.iter().copied().max());
//!     (sum.join().unwrap(), max.join().unwrap())
//! });
//! assert_eq!((sum, max), (6, Some(3)));
//! ```

mod cancel;
pub mod channel;
mod contain;
mod context;
mod current;
mod cut_short;
mod deadline;
mod deadlock;
mod dump;
mod error;
mod id;
mod map;
mod observe;
mod par;
mod park;
#[allow(unsafe_code)]
mod part;
mod pool;
mod primitive;
pub mod profile;
mod race;
mod scope;
mod spin;
pub mod sync;
mod task;
mod thread;
mod unwind;
mod wait;
mod wait_queue;

pub use cancel::Canceller;
pub use context::{Inherit, inherit};
pub use current::{checkpoint, shield, shield_deadline, shield_timeout};
pub use deadlock::refuse_deadlocks;
pub use dump::{Counters, Dump, DumpScope, DumpTask, DumpWait, counters, dump};
#[cfg(all(unix, feature = "signal"))]
pub use dump::{answer_dump_requests, request_dump};
pub use error::{
    Cancelled, Deadlock, DeadlockLink, Fallibility, Fallible, JoinError, ScopeError, WaitError,
};
pub use id::{Label, TaskId};
pub use map::{Free, Home, Map, Order, Ordered, Outcomes, Unordered, for_each, map, try_map};
pub use observe::{
    Completion, Event, Observer, Observing, Stall, Straggler, Stragglers, UnjoinedError, Verb,
    observe, on_stall, on_stragglers, on_unjoined_error, stall_after,
};
pub use par::{Chunks, IntoSource, Par, Source, par, par_sort_unstable, par_sort_unstable_by};
pub use pool::{Pool, PoolBuilder, PoolMap, PoolScope, PoolTask, blocking, join, join3, join4};
pub use race::{Contender, Contenders, quorum, race};
pub use scope::{Ended, Ready, Scope, ScopeBuilder, scope, try_scope};
pub use spin::yield_briefly;
pub use task::JoinHandle;
pub use thread::{Builder, detached, shutdown, shutdown_deadline, spawn};
pub use wait::{sleep, sleep_deadline};

/// When is a scope decided? Policies as values; see [`ScopeBuilder::policy`].
pub mod policy {
    pub use crate::task::{FailFast, FirstSuccess, OnTimeout, Policy, Quorum, Verdict, WaitAll};
}

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
