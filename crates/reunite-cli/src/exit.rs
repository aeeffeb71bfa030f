//! The exit codes of the program.

use std::process::ExitCode;

/// The exit codes, the same for every command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything succeeded.
    Done,
    /// Some items failed; each failure was reported.
    SomeFailed,
    /// The command did not start: the arguments, the inputs or the output cannot be used.
    CouldNotBegin,
    /// `--timeout` passed.
    TimedOut,
    /// Stopped by Ctrl-C or a termination signal.
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
