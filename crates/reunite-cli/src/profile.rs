//! The option `--profile FILE`, which every command has.

use std::path::PathBuf;

use reunite::profile::{Profiling, start};

use crate::complain::complain;
use crate::exit::Exit;

/// The profile of this run, if `--profile` was given.
pub(crate) struct PendingProfile(Option<(PathBuf, Profiling)>);

/// Starts profiling if a file is given.
pub(crate) fn begin(file: Option<PathBuf>) -> PendingProfile {
    PendingProfile(file.map(|file| (file, start())))
}

impl PendingProfile {
    /// Writes the profile. Returns `exit`, or [`Exit::SomeFailed`] if only the profile cannot be written.
    pub(crate) fn write(self, exit: Exit) -> Exit {
        let Some((file, profiling)) = self.0 else {
            return exit;
        };
        match profiling.finish().write(&file) {
            Ok(()) => exit,
            Err(error) => {
                complain(&format!(
                    "cannot write the profile to {}: {error}",
                    file.display()
                ));
                if exit == Exit::Done {
                    Exit::SomeFailed
                } else {
                    exit
                }
            }
        }
    }
}
