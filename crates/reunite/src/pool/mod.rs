//! The pool: threads for work that computes.
//!
//! | room | what it knows |
//! |---|---|
//! | `job` | a closure on its forker's stack, and who may touch it when |
//! | `piece` | who a piece of work is, made when somebody asks |
//! | `half` | the half of a fork that another thread runs |
//! | `life` | whether a member has a place, and what it is at, as others see it |
//! | `marks` | a bit for each seat of a pool, so that nobody looks at all seats |
//! | `seat` | what a member offers to others, and the word by which they ask |
//! | `captured` | what forks inherit |
//! | `here` | what the calling thread is at: its seat, its private forks, the pieces that it runs |
//! | `execute` | running the half of a fork |
//! | `seating` | which seats are taken |
//! | `open_scopes` | which scopes are open, and which have tasks that can begin |
//! | `backlog` | what there is to do, and where it lies |
//! | `roster`, `sleeper` | who is awake, who looks for work, who sleeps, who is woken |
//! | `shared` | what the members of a pool share |
//! | `watch` | that work lies there while those who have the places sleep elsewhere |
//! | `unshared` | that forks stay private to a member that sleeps elsewhere |
//! | `member` | the life of a worker, visits, and helping while waiting |
//! | `spawned`, `install` | tasks of no scope; a closure that runs on a worker while its caller waits |
//! | `cells`, `parent`, `run`, `task`, `queue`, `scope_state`, `spares`, `handle`, `scope` | scopes and their tasks |
//! | `claim`, `items`, `untaken`, `stream` | maps, whose items one thread takes one by one, and others may cut off |
//! | `builder`, `global` | a pool as its users hold it, and the one of every thread that takes part in no other |
//! | `fork` | `join` |
//!
//! # Waiting rules
//! A joiner whose job nobody has begun runs it itself. Otherwise it works on jobs that descend from the one
//! it waits for, to a bounded depth, and on nothing else: so nothing runs inside a wait that could want
//! what the waiter holds. Then it blocks at the one door, gives up its place, and another worker, or a
//! spare one, takes it.

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
mod half;
#[allow(unsafe_code)]
mod handle;
#[allow(unsafe_code)]
mod here;
#[allow(unsafe_code)]
mod install;
mod items;
#[allow(unsafe_code)]
mod job;
#[allow(unsafe_code)]
mod life;
mod marks;
mod member;
mod open_scopes;
mod parent;
#[allow(unsafe_code)]
mod piece;
#[allow(unsafe_code)]
mod queue;
mod roster;
#[allow(unsafe_code)]
mod run;
#[allow(unsafe_code)]
mod scope;
#[allow(unsafe_code)]
mod scope_state;
#[allow(unsafe_code)]
mod seat;
mod seating;
mod shared;
mod sleeper;
#[allow(unsafe_code)]
mod spares;
mod spawned;
mod stream;
#[allow(unsafe_code)]
mod task;
mod unshared;
mod untaken;
mod watch;

pub use builder::{Pool, PoolBuilder};
pub(crate) use fork::join_at;
pub use fork::{join, join3, join4};
pub(crate) use global::take_part;
pub use handle::PoolTask;
#[cfg(all(test, not(reunite_model)))]
pub(crate) use here::ask;
pub(crate) use here::is_hungry;
pub use member::blocking;
pub use scope::PoolScope;
pub use stream::PoolMap;
