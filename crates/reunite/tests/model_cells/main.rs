//! The cells below the locks, channels and jobs under a model checker that knows the memory model.
//!
//! The checker of `model.rs` runs one thread after the other: there every atomic operation is sequentially
//! consistent, whatever its ordering says. Here the files that depend on orderings are compiled once more, above
//! [`primitive`], whose atomics return what the C11 memory model permits, and whose cells notice a race. Everything
//! else that those files use is replaced by as little as they need.
//!
//! `RUSTFLAGS="--cfg reunite_model" cargo test -p reunite --release --test model_cells`

#![cfg(reunite_model)]
#![allow(dead_code, reason = "each model uses a part of its file")]
#![allow(unsafe_code, reason = "the files that are checked here have it")]

mod around;
mod channel;
mod pool;
mod primitive;
mod sync;

pub(crate) use around::{contain, current, cut_short, deadlock, error, observe, wait};

#[path = "../../src/park.rs"]
mod park;
#[path = "../../src/wait_queue.rs"]
mod wait_queue;

use primitive::Fences;

/// Every schedule with at most so many preemptions, and each value that an atomic may return there.
fn check(preemptions: usize, program: impl Fn() + Send + Sync + 'static) {
    check_with(Fences::Nowhere, preemptions, program);
}

/// The same of what rests on sequential consistency.
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

/// What the checker watches: it panics if two threads use it at the same time, for all that they can tell.
struct Watched(loom::cell::UnsafeCell<usize>);

// SAFETY: the checker runs one thread at a time, and fails where the threads of a program could meet here.
unsafe impl Sync for Watched {}

impl Watched {
    fn new() -> Self {
        Self(loom::cell::UnsafeCell::new(0))
    }

    /// Returns how often this was called before.
    fn touch(&self) -> usize {
        self.0.with_mut(|count| {
            // SAFETY: nobody else has it now; the checker fails otherwise.
            let count = unsafe { &mut *count };
            *count += 1;
            *count - 1
        })
    }
    /// As others may do at the same time.
    fn look(&self) -> usize {
        // SAFETY: nobody writes it now; the checker fails otherwise.
        self.0.with(|count| unsafe { *count })
    }
}
