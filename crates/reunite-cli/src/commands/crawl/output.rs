//! Standard output, and whether what was said there arrived.

use std::io::{self, ErrorKind};

use crate::complain::complain;
use crate::exit::Exit;

#[derive(Debug, Default)]
pub(super) struct Output {
    lost: bool,
}

impl Output {
    /// A reader that went away is no reason to stop crawling, nor a fault; a full disk is a fault, told once.
    pub(super) fn said(&mut self, outcome: io::Result<()>) {
        if let Err(error) = outcome
            && error.kind() != ErrorKind::BrokenPipe
            && !std::mem::replace(&mut self.lost, true)
        {
            complain(&format!("standard output: {error}"));
        }
    }

    /// What the program ends with if it would end well.
    pub(super) fn exit(&self, exit: Exit) -> Exit {
        match exit {
            Exit::Done if self.lost => Exit::SomeFailed,
            exit => exit,
        }
    }
}
