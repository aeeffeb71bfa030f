//! The cells below the locks, channels and jobs under a model checker that implements the memory model.
//!
//! The checker of `model.rs` runs one thread after the other; there every atomic operation is sequentially
//! consistent, whatever its ordering is. Here the files that depend on orderings are compiled once more, with
//! another [`primitive`], whose atomics return any value that the C11 memory model permits, and whose cells detect a
//! race. Everything else that those files use is replaced by as little as they need.
//!
//! `RUSTFLAGS="--cfg reunite_model" cargo test -p reunite --release --test model_cells`

#![cfg(reunite_model)]
#![allow(dead_code, reason = "each model uses a part of its file")]
#![allow(unsafe_code, reason = "the files that are checked here have it")]

mod channel;
mod pool;
mod primitive;
mod stubs;
mod sync;

pub(crate) use stubs::{contain, current, cut_short, deadlock, error, observe, wait};

#[path = "../../src/park.rs"]
mod park;
#[path = "../../src/wait_queue.rs"]
mod wait_queue;

use primitive::Fences;

/// Checks every schedule with at most this many preemptions, and every value that an atomic may return in it.
fn check(preemptions: usize, program: impl Fn() + Send + Sync + 'static) {
    check_with(Fences::Nowhere, preemptions, program);
}

/// Does the same for code that relies on sequential consistency.
fn check_in_one_order(preemptions: usize, program: impl Fn() + Send + Sync + Clone + 'static) {
    for fences in [Fences::BeforeLoads, Fences::AfterStores] {
        check_with(fences, preemptions, program.clone());
    }
}

fn check_with(fences: Fences, preemptions: usize, program: impl Fn() + Send + Sync + 'static) {
    fences.choose();
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.check(program);
}

/// A value that the checker watches: it panics if two threads may use it at the same time.
struct Watched(loom::cell::UnsafeCell<usize>);

// SAFETY: the checker runs one thread at a time, and fails if two threads of a program could use it at the same time.
unsafe impl Sync for Watched {}

impl Watched {
    fn new() -> Self {
        Self(loom::cell::UnsafeCell::new(0))
    }

    /// Returns the number of earlier calls.
    fn touch(&self) -> usize {
        self.0.with_mut(|count| {
            // SAFETY: no other thread uses it now; the checker fails otherwise.
            let count = unsafe { &mut *count };
            *count += 1;
            *count - 1
        })
    }
    /// Reads it; other threads may read it at the same time.
    fn look(&self) -> usize {
        // SAFETY: no thread writes it now; the checker fails otherwise.
        self.0.with(|count| unsafe { *count })
    }
}
