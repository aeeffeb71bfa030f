//! Whole files or none: written beside their place under another name, then renamed.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const MARK: &str = ".reunite-part";

/// Writes `bytes` to `path`. Whatever happens on the way, `path` is what it was or what it should be.
pub(super) fn save(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = temporary(path)?;
    let written = fs::File::create(&temporary)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // It may never have been made; either way the first error is the one to tell.
        let _gone = fs::remove_file(&temporary);
    }
    written
}

/// One name for each place: a run that was killed leaves at most this behind, and the next run to the
/// same place replaces it.
fn temporary(path: &Path) -> io::Result<PathBuf> {
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::other("the path has no file name"))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(MARK);
    Ok(path.with_file_name(hidden))
}

/// Whether this is what a killed run left behind.
pub(super) fn is_leftover(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy());
    name.is_some_and(|name| name.starts_with('.') && name.ends_with(MARK))
}
