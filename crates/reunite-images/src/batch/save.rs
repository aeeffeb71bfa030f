//! Whole files or none: written beside their place under another name, then renamed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use walkdir::{DirEntry, WalkDir};

/// A run does not last as long.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MARK: &str = ".reunite-part";

/// Writes `bytes` to `path`. Whatever happens on the way, `path` is what it was or what it should be.
pub(super) fn save(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (temporary, file) = temporary(path)?;
    let written = write(file, bytes).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // It may never have been made; either way the first error is the one to tell.
        let _gone = fs::remove_file(&temporary);
    }
    written
}

fn write(mut file: File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)
}

/// A new file beside `path`, with a name that no other has: neither another run's, nor a link that leads
/// elsewhere. A run that was killed leaves it behind; the next one sweeps it away.
fn temporary(path: &Path) -> io::Result<(PathBuf, File)> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = path.with_file_name(format!(".{}-{number}{MARK}", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).open(&name) {
            Ok(file) => return Ok((name, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether this is what a killed run left behind.
pub(super) fn is_leftover(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy());
    name.is_some_and(|name| name.starts_with('.') && name.ends_with(MARK))
}

/// Removes what killed runs left below `out`. Returns how many files that was.
pub fn sweep(out: &Path) -> usize {
    WalkDir::new(out)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file() && is_leftover(entry.path()))
        .filter(|entry| !may_be_alive(entry))
        .filter(|entry| fs::remove_file(entry.path()).is_ok())
        .count()
}

/// Whether the run that writes this may still be going on: by its number where that can be asked for, else
/// by the file's age.
fn may_be_alive(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    let number = name.trim_start_matches('.').split('-').next();
    let number = number.and_then(|number| number.parse::<u32>().ok());
    match number {
        Some(number) if cfg!(target_os = "linux") => {
            Path::new("/proc").join(number.to_string()).exists()
        }
        _ => entry
            .metadata()
            .ok()
            .and_then(|meta| meta.modified().ok()?.elapsed().ok())
            .is_none_or(|age| age < DAY),
    }
}
