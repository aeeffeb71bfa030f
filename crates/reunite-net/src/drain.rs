//! The signal that the server shuts down.

use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;

/// A signal that is given once. Its descriptor becomes readable then and stays so: tasks that poll it at that time or
/// later notice.
pub(crate) struct Drain {
    since: OnceLock<Instant>,
    /// The write end of the pipe; closing it gives the signal.
    writer: Mutex<Option<PipeWriter>>,
    reader: PipeReader,
}

impl Drain {
    pub(crate) fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        Ok(Self {
            since: OnceLock::new(),
            writer: Mutex::new(Some(writer)),
            reader,
        })
    }

    /// Gives the signal.
    pub(crate) fn begin(&self) {
        self.since.get_or_init(Instant::now);
        drop(
            self.writer
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }

    /// Returns when the signal was given.
    pub(crate) fn since(&self) -> Option<Instant> {
        self.since.get().copied()
    }
}

impl AsFd for Drain {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}
