//! `REUNITE_PROFILE`: a profile without recompiling.

use std::io::{Write, stderr};
use std::path::PathBuf;

use super::{Profiling, start};
use crate::primitive::OnceLock;

struct Asked {
    file: PathBuf,
    profiling: Profiling,
}

static ASKED: OnceLock<Option<Asked>> = OnceLock::new();

/// Begins a profile if the environment asks for one. Cheap after the first time.
pub(crate) fn begin_if_asked() {
    ASKED.get_or_init(|| {
        let file = std::env::var_os("REUNITE_PROFILE").filter(|file| !file.is_empty())?;
        Some(Asked {
            file: file.into(),
            profiling: start(),
        })
    });
}

/// Writes what it holds by now: an outermost scope has ended.
pub(crate) fn write_if_asked() {
    if let Some(Some(asked)) = ASKED.get()
        && let Err(error) = asked.profiling.look().write(&asked.file)
    {
        let file = asked.file.display();
        let _closed = writeln!(
            stderr(),
            "reunite: the profile cannot be written to {file}: {error}"
        );
    }
}
