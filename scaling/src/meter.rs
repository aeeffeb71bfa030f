//! Marks the sections of the program whose instructions are counted.

use std::hint::black_box;
use std::io::{self, Write as _};

/// The number of sections of one size. The least counts, because other threads may do something meanwhile.
const ROUNDS: usize = 3;

/// Measures one operation at one size.
pub(crate) struct Meter {
    size: usize,
}

impl Meter {
    pub(crate) fn new(size: usize) -> Self {
        Self { size }
    }

    /// Runs `round` a few times. Each run performs the operation `count` times.
    pub(crate) fn rounds(&mut self, count: usize, mut round: impl FnMut()) {
        round();
        for _ in 0..ROUNDS {
            self.section(count, &mut round);
        }
    }

    /// Runs `section`, which performs the operation `count` times.
    pub(crate) fn section(&mut self, count: usize, section: impl FnOnce()) {
        boundary();
        section();
        boundary();
        // Outside any section.
        let told = writeln!(io::stdout(), "{} {count}", self.size);
        told.expect("standard output takes what was measured");
    }
}

/// Callgrind writes out its counts whenever this is called (`--dump-before`).
#[inline(never)]
fn boundary() {
    black_box(());
}
