//! The pool: threads for work that computes.
//!
//! | module | what it holds |
//! |---|---|
//! | `job` | a closure on its forker's stack, and who may touch it when |
//! | `lineage` | the links from a job or scope up to those that wait for it |
//! | `piece` | the identity of a piece of work, made on demand |
//! | `stolen_half` | the half of a fork that another thread runs |
//! | `member_state` | a member's state as others see it: whether it has a place, and what it runs |
//! | `seat_marks` | a bit for each seat of a pool, so that no thread has to visit all seats |
//! | `seat` | what a member offers to others, and the word by which they ask for work |
//! | `captured` | what forks inherit |
//! | `this_thread` | the calling thread's state: its seat, its private forks, the pieces that it runs |
//! | `execute` | running the half of a fork |
//! | `seating` | which seats are taken |
//! | `open_scopes` | which scopes are open, and which have tasks that can begin |
//! | `backlog` | the work there is, and where it lies |
//! | `members`, `sleeper` | which threads are awake, look for work or sleep, and which to wake |
//! | `shared` | what the members of a pool share |
//! | `watch` | noticing that work is queued while the threads that have the places sleep elsewhere |
//! | `unpublished_forks` | noticing that forks stay private to a member that sleeps elsewhere |
//! | `member` | the life of a worker, visits, and helping while waiting |
//! | `spawned`, `install` | tasks outside scopes; a closure that runs on a worker while its caller waits |
//! | `scope`, `handle` | what users hold of a scope and of its tasks |
//! | `scope_state`, `scope_work`, `scope_cache`, `parent` | the state of a scope, and how threads see and run its tasks |
//! | `task`, `task_closure`, `task_traits`, `cells` | a task of a scope, from its closure to its result; its memory |
//! | `queue`, `task_batch`, `spawn_clock` | the tasks of a scope that have not begun, and those that threads have taken |
//! | `claim`, `items`, `untaken_errors`, `stream` | maps: one thread takes the items one by one, others may cut off the rest |
//! | `builder`, `global` | the pool that users hold; the global pool of threads that take part in no other |
//! | `fork` | `join` |
//!
//! # Waiting rules
//! A joiner whose job no other thread has begun runs it itself. Otherwise it works on jobs that descend from
//! the one it waits for, to a bounded depth, and on nothing else. So nothing that runs inside a wait can need
//! what the waiter holds. Then it blocks in `wait`, gives up its place, and another worker, or a spare one,
//! takes it.

mod backlog;
mod builder;
mod captured;
#[allow(unsafe_code)]
mod cells;
#[allow(unsafe_code)]
mod claim;
#[allow(unsafe_code)]
mod execute;
#[allow(unsafe_code)]
mod fork;
mod global;
#[allow(unsafe_code)]
mod handle;
#[allow(unsafe_code)]
mod install;
mod items;
#[allow(unsafe_code)]
mod job;
#[allow(unsafe_code)]
mod lineage;
mod member;
#[allow(unsafe_code)]
mod member_state;
mod members;
mod open_scopes;
mod parent;
#[allow(unsafe_code)]
mod piece;
#[allow(unsafe_code)]
mod queue;
#[allow(unsafe_code)]
mod scope;
#[allow(unsafe_code)]
mod scope_cache;
#[allow(unsafe_code)]
mod scope_state;
#[allow(unsafe_code)]
mod scope_work;
#[allow(unsafe_code)]
mod seat;
mod seat_marks;
mod seating;
mod shared;
mod sleeper;
mod spawn_clock;
mod spawned;
mod stolen_half;
mod stream;
#[allow(unsafe_code)]
mod task;
#[allow(unsafe_code)]
mod task_batch;
mod task_closure;
#[allow(unsafe_code)]
mod task_traits;
#[allow(unsafe_code)]
mod this_thread;
mod unpublished_forks;
mod untaken_errors;
mod watch;

pub use builder::{Pool, PoolBuilder};
pub(crate) use fork::join_at;
pub use fork::{join, join3, join4};
pub use global::current_num_threads;
pub(crate) use global::take_part;
pub use handle::PoolTask;
pub use member::blocking;
pub(crate) use member::places;
pub use scope::PoolScope;
pub use stream::PoolMap;
#[cfg(all(test, not(reunite_model)))]
pub(crate) use this_thread::ask;
pub(crate) use this_thread::is_hungry;
