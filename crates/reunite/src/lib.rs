//! Structured threads: every thread you start comes back, with its result or with its error, and you can
//! see why it hasn't yet.
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
//!
//! | you want to | use |
//! |---|---|
//! | do a few things at the same time, with borrowed data | [`scope`](scope()) |
//! | do the same, and let the first error stop the rest | [`try_scope`] |
//! | process many items, with results in order and bounded memory | [`map`](map()), [`try_map`], [`Scope::map`], [`for_each`] |
//! | try several ways to one result | [`race`](race()), [`quorum`] |
//! | start one task outside any scope | [`spawn`], [`Builder`] |
//! | set a deadline, a limit or a policy | [`ScopeBuilder`] |
//! | keep what was done in time although the scope failed | [`ScopeBuilder::scope_ended`], [`ScopeBuilder::try_scope_ended`] |
//! | split a computation in two, recursively | [`join`](join()), [`par_sort_unstable`] |
//! | compute on many items | [`par`](par()), [`PoolScope::map`] |
//! | run many small computing tasks | [`Pool::scope`] |
//! | run a recursion that needs a larger stack | [`Pool::install`] |
//! | make a computing loop cancellable | [`checkpoint`] |
//! | pass data between tasks | [`channel`] |
//! | share a budget between tasks | [`sync::Semaphore`] |
//!
//! There are two homes for work: *threads*, for work that may wait, and a *pool*, for work that computes. Each task of
//! a [`scope`](scope()) has a (recycled) thread of its own, so it may block. In a pool, wrap calls that block in
//! [`blocking`]. Every blocking call ends early when its task is cancelled, with an error that tells why and by which
//! task or scope. **A scope waits for its tasks even past its deadline**, because they borrow: at the deadline it
//! cancels them, and then reports those that do not stop, by name.
//!
//! # Thread-locals
//!
//! Threads are recycled: a task's thread may have run other tasks before, and after the task it waits ten seconds for
//! the next one. So a task finds in thread-locals what earlier tasks left there, and the destructors of thread-locals
//! run when the thread ends, long after the join. [`Builder::fresh_threads`] and [`ScopeBuilder::fresh_threads`] give
//! each task a new thread, as `std` does: nothing is left from other tasks, and the destructors have run when the join
//! returns. The threads of a pool keep their thread-locals until the pool ends. To pass ambient values, such as a
//! request's number, on to child tasks, use [`inherit`].
//!
//! # Partial results
//!
//! A partial result never passes for a whole one. A call that can return an error returns a cancellation or a refused
//! wait as that error. Where a call cannot return an error, the task *leaves*: it unwinds with the cancellation (or the
//! refusal), without a panic message, and completes [cancelled](JoinError::is_cancelled) (or
//! [deadlocked](JoinError::is_deadlock)), never with a value. The table shows what each operation does when its task is
//! cancelled, when the deadline of the operation or of its scope passes, or when its wait is refused because it would
//! never end or because its pool is starved:
//!
//! | operation | result |
//! |---|---|
//! | `recv`, `send`, `select`, `lock`, `wait`, `acquire`, `get_or_init`, `force`, `sleep`, a join | its error |
//! | [`Receiver::results`](channel::Receiver::results) | its error, as the last item |
//! | `for message in &rx`, [`Receiver::iter`](channel::Receiver::iter) | leaves the task |
//! | a channel one of whose senders was dropped before its task was done | [the same](channel#partial-results), for each receiver |
//! | [`map`](map()), [`try_map`], [`Scope::map`], [`PoolScope::map`] | an error, as the last outcome |
//! | [`for_each`], [`race`](race()), [`quorum`], [`Outcomes::collect_values`], the `try_` methods of [`par`](par()) | an error |
//! | [`join`](join()), [`par`](par()), [`par_sort_unstable`] | no error: they run to the end, so their results are whole |
//! | [`try_scope`], [`ScopeBuilder::scope`], [`ScopeBuilder::scope_ended`] | a [`ScopeError`] |
//! | [`scope`](scope()), [`Pool::scope`], if their body left | leave the task |
//! | [`scope`](scope()), [`Pool::scope`], if a cancellation from outside stopped tasks that were not joined, and the body was not told of it | leave the task |
//!
//! A task that leaves poisons no lock. Its scope counts it as cancelled, never as the root cause of a failure. On a
//! thread that this library did not start, outside any scope, no join would report the cancellation; there, leaving is
//! a panic whose message is the reason. A plain [`scope`](scope()) that would have to leave where no task or scope is
//! around it ends with such a panic, too.
//!
//! With `panic = "abort"` nothing can unwind, and a cancellation must not end the process. There the iterator ends and
//! the task is marked: its closure runs to its end, its value is thrown away, and the task completes cancelled (or
//! deadlocked) as if it had left. A closure that uses a result before it returns should use
//! [`results`](channel::Receiver::results) there. Where there is nothing to mark (outside any task and scope, and in a
//! half of a [`join`](join()) or [`par`](par()) that another thread runs), the process ends, with the reason on
//! standard error.

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
mod escape;
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
mod quantity;
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

/// Policies, which decide when a scope is done before all its tasks are; see [`ScopeBuilder::policy`].
pub mod policy {
    pub use crate::task::{FailFast, FirstSuccess, OnTimeout, Policy, Quorum, Verdict, WaitAll};
}

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
