//! `--profile FILE`, of every command.

use std::path::PathBuf;

use reunite::profile::{Profiling, start};

use crate::complain::complain;
use crate::exit::Exit;

/// A profile of this run, if one was asked for.
pub(crate) struct Asked(Option<(PathBuf, Profiling)>);

pub(crate) fn begin(file: Option<PathBuf>) -> Asked {
    Asked(file.map(|file| (file, start())))
}

impl Asked {
    /// Writes it. What else went wrong matters more than a profile that cannot be written.
    pub(crate) fn write(self, exit: Exit) -> Exit {
        let Some((file, profiling)) = self.0 else {
            return exit;
        };
        match profiling.finish().write(&file) {
            Ok(()) => exit,
            Err(error) => {
                complain(&format!(
                    "the profile cannot be written to {}: {error}",
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
