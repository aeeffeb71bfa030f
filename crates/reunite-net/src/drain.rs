//! The one signal that everybody hears: no more is to come.

use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;

pub(crate) struct Drain {
    since: OnceLock<Instant>,
    /// Closed to ring the bell.
    rope: Mutex<Option<PipeWriter>>,
    bell: PipeReader,
}

impl Drain {
    pub(crate) fn new() -> io::Result<Self> {
        let (bell, rope) = io::pipe()?;
        Ok(Self {
            since: OnceLock::new(),
            rope: Mutex::new(Some(rope)),
            bell,
        })
    }

    /// Rings, for all who listen now or will.
    pub(crate) fn begin(&self) {
        self.since.get_or_init(Instant::now);
        drop(
            self.rope
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }

    pub(crate) fn since(&self) -> Option<Instant> {
        self.since.get().copied()
    }
}

impl AsFd for Drain {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}
