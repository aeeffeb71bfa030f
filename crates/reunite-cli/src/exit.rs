//! How the program ends, as other programs see it.

use std::process::ExitCode;

/// The exit codes, the same for every command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All was done.
    Done,
    /// Some of it failed; each failure was told.
    SomeFailed,
    /// Nothing was done: wrong arguments, nothing to do it with, nowhere to put it.
    CouldNotBegin,
    /// `--timeout` cut it short.
    TimedOut,
    /// Ctrl-C, or asked to terminate.
    Interrupted,
}

impl Exit {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::SomeFailed => 1,
            Self::CouldNotBegin => 2,
            Self::TimedOut => 124,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}
