//! The pool: threads for work that computes.
//!
//! | room | what it knows |
//! |---|---|
//! | `job` | a closure on its forker's stack, and who may touch it when |
//! | `seat` | what a member offers to others, and the word by which they ask |
//! | `fork` | a thread's private list of forks; `join` |
//! | `half` | the half of a fork that another thread runs |
//! | `captured` | what forks inherit |
//! | `piece` | who a piece of work is, made when somebody asks |
//! | `life` | whether a member has a place, and what it is at, as others see it |
//! | `roster` | who is awake, who looks for work, who sleeps, who is woken |
//! | `watch` | that work lies there while those who have the places sleep elsewhere |
//! | `unshared` | that forks stay private to a member that sleeps elsewhere |
//! | `claim` | items that one thread takes one by one, and others may cut off |
//! | `items` | batches of a map's items |
//! | `install` | a closure that runs on a worker while its caller waits |
//! | `member` | the life of a worker, visits, and helping while waiting |
//!
//! # Waiting rules
//! A joiner whose job nobody has begun runs it itself. Otherwise it works on jobs that descend from the one
//! it waits for, to a bounded depth, and on nothing else: so nothing runs inside a wait that could want
//! what the waiter holds. Then it blocks at the one door, gives up its place, and another worker, or a
//! spare one, takes it.

mod builder;
mod captured;
#[allow(unsafe_code)]
mod claim;
#[allow(unsafe_code)]
mod fork;
#[allow(unsafe_code)]
mod half;
#[allow(unsafe_code)]
mod handle;
#[allow(unsafe_code)]
mod install;
mod items;
#[allow(unsafe_code)]
mod job;
#[allow(unsafe_code)]
mod life;
mod member;
#[allow(unsafe_code)]
mod piece;
mod queue;
mod roster;
#[allow(unsafe_code)]
mod scope;
#[allow(unsafe_code)]
mod scope_state;
#[allow(unsafe_code)]
mod seat;
mod stream;
#[allow(unsafe_code)]
mod task;
mod unshared;
mod watch;

pub use builder::{Pool, PoolBuilder};
pub(crate) use fork::is_hungry;
pub(crate) use fork::join_at;
pub use fork::{join, join3, join4};
pub use handle::PoolTask;
pub use member::blocking;
pub(crate) use member::take_part;
pub use scope::PoolScope;
pub use stream::PoolMap;

use builder::Shared;
