//! Where a thread's next step in a ring probably is: behind its last.
//!
//! A thread that puts one message after another reads a word of the ring that it has just exchanged. A processor ends
//! the exchange before it reads, and everything up to the next exchange waits for that: as long again as the exchange
//! itself. Where the thread remembers what it has written, nothing has to wait.
//!
//! What is remembered is a guess, and may be of another ring: whoever uses it has to see that it holds. It is the thread's
//! and not the channel's, as another word that all write would be fetched from core to core with each message.
//!
//! A thread guesses only while those at the other end share its core, as its last wait at a ring has told. One on another
//! core would have the slots ahead taken away too early: a processor that need not wait looks at several of them in advance,
//! and starts again where they are written meanwhile.

use std::cell::Cell;

use crate::primitive::thread_local;

thread_local! {
    static PUT: Next = const { Next::new() };
    static TAKEN: Next = const { Next::new() };
}

struct Next {
    position: Cell<usize>,
    /// Whether the last step was where this said. If not, others are at work on the ring as well, or the thread
    /// changes rings, and a look at the wrong slot would be a look at a cache line for nothing.
    held: Cell<bool>,
    /// Whether those at the other end ran on this core when the thread last waited for them.
    shares_core: Cell<bool>,
}

impl Next {
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
    fn went(&self, from: usize, to: usize) {
        self.held.set(self.position.get() == from);
        self.position.set(to);
    }
}

/// Which steps.
#[derive(Clone, Copy)]
pub(super) enum Steps {
    Puts,
    Takes,
}

impl Steps {
    /// Where the calling thread's next one may be.
    #[inline]
    pub(super) fn foresee(self) -> Option<usize> {
        self.with(Next::guess).flatten()
    }

    /// The calling thread has made one.
    #[inline]
    pub(super) fn went(self, from: usize, to: usize) {
        self.with(|next| next.went(from, to));
    }

    /// The calling thread has waited for one, and whoever made way for it ran on this core, or on another.
    pub(super) fn have_waited(self, shares_core: bool) {
        self.with(|next| next.shares_core.set(shares_core));
    }

    /// None for a thread that is ending: it has nothing to foresee.
    #[inline]
    fn with<R>(self, f: impl FnOnce(&Next) -> R) -> Option<R> {
        match self {
            Self::Puts => PUT.try_with(f),
            Self::Takes => TAKEN.try_with(f),
        }
        .ok()
    }
}
