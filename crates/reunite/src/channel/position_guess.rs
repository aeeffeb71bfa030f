//! A guess of where a thread's next step in a ring is: right behind its last step.
//!
//! A thread that puts one message after another reads a word of the ring that it has just exchanged. A processor
//! completes the exchange before it reads, and the next exchange waits for that read. That takes as long again as the
//! exchange itself. If the thread remembers the value that it has written, nothing has to wait.
//!
//! The remembered value is a guess, and may belong to another ring: its user must check that it holds. It is kept per
//! thread and not per channel, because another word that all threads write would move from core to core with each
//! message.
//!
//! A thread guesses only while the other end shares its core, as its last wait at a ring has shown. A guess would let a
//! thread on another core fetch the slots ahead too early: a processor that need not wait looks at several of them in
//! advance, and starts again if they are written in the meantime.

use std::cell::Cell;

use crate::primitive::thread_local;

thread_local! {
    static PUT: NextPosition = const { NextPosition::new() };
    static TAKEN: NextPosition = const { NextPosition::new() };
}

struct NextPosition {
    position: Cell<usize>,
    /// True if the guess for the last step was right. If not, other threads work on the ring as well, or the thread
    /// changes rings, and a look at the wrong slot would fetch a cache line for nothing.
    held: Cell<bool>,
    /// True if the threads at the other end ran on this core when the thread last waited for them.
    shares_core: Cell<bool>,
}

impl NextPosition {
    const fn new() -> Self {
        Self {
            position: Cell::new(0),
            held: Cell::new(false),
            shares_core: Cell::new(false),
        }
    }

    #[inline]
    fn guess(&self) -> Option<usize> {
        (self.shares_core.get() && self.held.get()).then(|| self.position.get())
    }

    #[inline]
    fn record(&self, from: usize, to: usize) {
        self.held.set(self.position.get() == from);
        self.position.set(to);
    }
}

/// The kind of step.
#[derive(Clone, Copy)]
pub(super) enum RingSide {
    Put,
    Take,
}

impl RingSide {
    /// Returns the guessed position of the calling thread's next step; `None` if it should read the word instead.
    #[inline]
    pub(super) fn guess(self) -> Option<usize> {
        self.with(NextPosition::guess).flatten()
    }

    /// Records a step that the calling thread has made.
    #[inline]
    pub(super) fn record_step(self, from: usize, to: usize) {
        self.with(|next| next.record(from, to));
    }

    /// Records, after a wait of the calling thread, whether the thread that ended the wait ran on this core.
    pub(super) fn set_shares_core(self, shares_core: bool) {
        self.with(|next| next.shares_core.set(shares_core));
    }

    /// Returns `None` on a thread that is ending: it needs no guesses.
    #[inline]
    fn with<R>(self, f: impl FnOnce(&NextPosition) -> R) -> Option<R> {
        match self {
            Self::Put => PUT.try_with(f),
            Self::Take => TAKEN.try_with(f),
        }
        .ok()
    }
}
