//! Writing to standard output, and noting whether it failed.

use std::io::{self, ErrorKind};

use crate::complain::complain;
use crate::exit::Exit;

#[derive(Debug, Default)]
pub(super) struct Output {
    lost: bool,
}

impl Output {
    /// Notes the result of a write. A closed pipe is not an error; any other error is reported once.
    pub(super) fn said(&mut self, outcome: io::Result<()>) {
        if let Err(error) = outcome
            && error.kind() != ErrorKind::BrokenPipe
            && !std::mem::replace(&mut self.lost, true)
        {
            complain(&format!("cannot write to standard output: {error}"));
        }
    }

    /// Returns the exit code: that of a failed write if the program would otherwise end with success.
    pub(super) fn exit(&self, exit: Exit) -> Exit {
        match exit {
            Exit::Done if self.lost => Exit::SomeFailed,
            exit => exit,
        }
    }
}
