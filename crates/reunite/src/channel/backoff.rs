//! Waiting for another thread that is in the middle of a few instructions.

use crate::park::spin_loop;
use crate::primitive::yield_now;

/// The number of rounds in which the thread pauses, each twice as long as the one before. After that it yields its
/// processor, because the other thread may have lost its own.
const ROUNDS: u32 = 6;

pub(super) struct Backoff(u32);

impl Backoff {
    pub(super) fn new() -> Self {
        Self(0)
    }

    pub(super) fn pause(&mut self) {
        if self.0 < ROUNDS && cfg!(not(reunite_model)) {
            (0..1 << self.0).for_each(|_| spin_loop());
            self.0 += 1;
        } else {
            yield_now();
        }
    }
}
