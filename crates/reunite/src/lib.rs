//! Structured threads: every thread that you start is joined, with its result or its error. While a thread runs, you
//! can see what it waits for.
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
//! | process many items, with results in order and bounded memory | [`map`](map()), [`try_map`], [`Scope::map`] |
//! | call a closure with many items, for its effects | [`for_each`], [`try_for_each`] |
//! | take the first of several results | [`race`](race()), [`quorum`] |
//! | start one task outside any scope | [`spawn`], [`Builder`] |
//! | set a deadline, a limit or a policy | [`ScopeBuilder`] |
//! | keep what was done in time although the scope failed | [`ScopeBuilder::scope_ended`], [`ScopeBuilder::try_scope_ended`] |
//! | split a computation in two, recursively | [`join`](join()) |
//! | sort a slice in parallel | [`ParallelSliceMut`](iter::ParallelSliceMut) |
//! | compute on many items | [`par`](par()), [`PoolScope::map`] |
//! | run many small computing tasks | [`Pool::scope`] |
//! | run a recursion that needs a larger stack | [`Pool::install`] |
//! | make a computing loop cancellable | [`checkpoint`] |
//! | pass data between tasks | [`channel`] |
//! | wait for the first of several channels | [`select!`] |
//! | share a budget between tasks | [`sync::Semaphore`] |
//! | end in order at Ctrl-C | `on_interrupt`, with the feature `signal` |
//!
//! Work that may wait runs on *threads*; work that only computes runs in a *pool*. Each task of a [`scope`](scope())
//! has a (recycled) thread of its own, so it may block. In a pool, wrap calls that block in [`blocking`]. Every
//! blocking call of this library ends early when its task is cancelled. The error tells why, and which task or scope
//! was cancelled first. **A scope waits for its tasks even past its deadline**, because the tasks may borrow from the
//! caller's stack. At the deadline the scope cancels them, and then reports those that do not stop, by name.
//!
//! # Ctrl-C
//!
//! With the feature `signal`, `on_interrupt` makes Ctrl-C cancel a scope, so that all of its tasks end in order; a second
//! Ctrl-C ends the process at once:
//!
//! ```
//! # #[cfg(feature = "signal")]
//! let ended = reunite::ScopeBuilder::new().scope(|s| {
//!     let canceller = s.canceller();
//!     let _guard = reunite::on_interrupt(move || canceller.cancel("interrupted"))?;
//!     s.spawn(|| "all work of the program").join().map_err(std::io::Error::from)
//! });
//! # #[cfg(feature = "signal")]
//! assert_eq!(ended.unwrap().unwrap(), "all work of the program");
//! ```
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
//! [deadlocked](JoinError::is_deadlock), or [starved](JoinError::is_starved)), never with a value. The table shows what
//! each operation does when its task is cancelled, when the deadline of the operation or of its scope passes, or when
//! its wait is refused. A wait is refused if it would never end, or if its pool is starved: each thread that the pool
//! may have would block while work is queued.
//!
//! | operation | result |
//! |---|---|
//! | `recv`, `send`, `select`, `lock`, `wait`, `acquire`, `get_or_init`, `force`, `sleep`, [`JoinHandle::join`] | its error |
//! | [`select!`], if an arm names its result | its error, as the result of the first such arm |
//! | [`select!`], if all arms ignore their results | leaves the task |
//! | [`Receiver::results`](channel::Receiver::results) | its error, as the last item |
//! | `for message in &rx` or `in rx`, [`Receiver::iter`](channel::Receiver::iter) | leaves the task |
//! | a receive from a channel that was [cut short](channel#partial-results) | as the operations above |
//! | [`map`](map()), [`try_map`], [`Scope::map`], [`PoolScope::map`] | an error, as the last outcome |
//! | [`for_each`], [`try_for_each`], [`race`](race()), [`quorum`], [`Map::collect_values`], the `try_` methods of [`par`](par()) | an error |
//! | [`join`](join()), [`par`](par()), the sorts of [`ParallelSliceMut`](iter::ParallelSliceMut) | no error: they run to the end, so their results are whole |
//! | [`try_scope`], [`ScopeBuilder::scope`], [`ScopeBuilder::scope_ended`] | a [`ScopeError`] |
//! | [`scope`](scope()), [`Pool::scope`], if their body left | leave the task, too |
//! | [`scope`](scope()), [`Pool::scope`], if a cancellation from outside the scope stopped tasks that were not joined, and no wait or checkpoint of the body returned that cancellation | leave the task |
//!
//! A task that leaves poisons no lock. Its scope counts it as cancelled, never as the root cause of a failure. On a
//! thread that this library did not start, outside any scope, no join would report the cancellation. There, an
//! operation that would leave panics instead, with the reason as the message.
//!
//! With `panic = "abort"` nothing can unwind, and a cancellation must not end the process. There, an operation that
//! would leave returns instead (an iterator over messages ends, a scope returns the value of its body), and its task is
//! marked: the closure runs to its end, its value is dropped, and the task completes as if it had left. A closure that
//! uses a result before it returns should use [`results`](channel::Receiver::results) there. Where there is nothing to
//! mark (outside any task and scope, and in a part of a [`join`](join()) or [`par`](par()) that another thread runs),
//! the process ends, with the reason on standard error.

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
#[cfg(feature = "signal")]
mod interrupt;
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
#[cfg(feature = "signal")]
pub use interrupt::{InterruptGuard, on_interrupt};
pub use map::{
    Free, Home, Map, Order, Ordered, Outcomes, Unordered, for_each, map, try_for_each, try_map,
};
pub use observe::{
    Completion, Event, Observer, Observing, Stall, Straggler, Stragglers, UnjoinedError, Verb,
    observe, on_stall, on_stragglers, on_unjoined_error, stall_after,
};
pub use par::{iter, par};
pub use pool::{
    Pool, PoolBuilder, PoolMap, PoolScope, PoolTask, blocking, current_num_threads, join, join3,
    join4,
};
pub use race::{Contender, Contenders, quorum, race};
pub use scope::{Ended, Ready, Scope, ScopeBuilder, scope, try_scope};
pub use spin::yield_briefly;
pub use task::JoinHandle;
pub use thread::{Builder, detached, shutdown, shutdown_deadline, spawn};
pub use wait::{sleep, sleep_deadline};

/// Policies, which decide when the rest of a scope is cancelled: at the first error, at the first value, or never; see
/// [`ScopeBuilder::policy`].
pub mod policy {
    pub use crate::task::{FailFast, FirstSuccess, OnTimeout, Policy, Quorum, Verdict, WaitAll};
}

/// The traits of parallel iterators and sorts, to be imported together: `use reunite::prelude::*`.
///
/// ```
/// use reunite::prelude::*;
/// let mut numbers = vec![3, 1, 2];
/// numbers.par_sort();
/// assert_eq!(numbers, [1, 2, 3]);
/// ```
pub mod prelude {
    pub use crate::par::iter::{
        FromParallelIterator, IndexedParallelIterator, IntoParallelIterator,
        IntoParallelRefIterator, IntoParallelRefMutIterator, ParallelBridge, ParallelDrainFull,
        ParallelDrainRange, ParallelExtend, ParallelIterator, ParallelSlice, ParallelSliceMut,
        ParallelString,
    };
}

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// The examples of the guide for programs that come from other libraries, as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/coming-over.md")]
struct ComingOver;
