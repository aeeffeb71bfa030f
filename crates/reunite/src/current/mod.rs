//! The task that a thread is running, and what that task waits for.
//!
//! A thread holds a stack of contexts, in *layers*: a worker may run one task inside another's wait, and a
//! shielded section or a scope's body replaces the cancel node for a while. A guard removes each layer again.
//! A layer also records the thread's newest fork at the time it was entered. From that it can be determined
//! afterwards in which context a fork was made, so that a fork need not record it.
//!
//! # Pieces of a pool's work
//! A thread of a pool may run many small tasks one after the other in one layer, whose context is what they
//! have in common: the node of their scope, and the task that opened it. The pool knows which of them the
//! thread is running ([`Pieces`]). Each has a context of its own, which is made on demand: when the piece
//! blocks, fails, opens a scope or offers a fork to others, or when it is inspected. Until then the
//! difference cannot be observed, and nothing is made.

mod checkpoint;
mod current_context;
mod cut_record;
mod fork_contexts;
mod layer_context;
mod layers;
mod lazy_context;
mod pieces;
mod shield;
mod task_record;

pub use checkpoint::checkpoint;
pub(crate) use checkpoint::{
    has_observed_cancellation, mark_cancellation_observed, tell_cancelled,
};
pub(crate) use current_context::{
    current, enclosing_tasks, held_by_others, holders, is_outside_tasks, outer_context, record,
    shared,
};
pub(crate) use cut_record::{cut_short, cut_short_epoch, mark_left, tell_current_task};
pub(crate) use fork_contexts::{make_contexts, publish_forks};
pub(crate) use layer_context::TasksOf;
pub(crate) use layers::{After, Entered, enter, enter_for_pieces, enter_scope};
pub(crate) use lazy_context::LazyContext;
pub(crate) use pieces::{ForkMark, Make, Pieces, tell_pieces_by};
pub use shield::{shield, shield_deadline, shield_timeout};
pub(crate) use task_record::{Context, SpawnTime, TaskContext, TaskRecord, Waiting};
