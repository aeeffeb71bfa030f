//! Files that are whole or not there.

use std::fs::{self, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::Path;

/// Writes a file beside its place and moves it there when it is whole. Whatever goes wrong, what was in the
/// place before is still there.
///
/// # Errors
/// What `write` says, or the file system.
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// let path = dir.path().join("out.txt");
/// reunite_crawl::save(&path, |out| out.write_all(b"all of it")).unwrap();
/// let failed = reunite_crawl::save(&path, |_| Err(std::io::Error::other("no")));
/// assert!(failed.is_err());
/// assert_eq!(std::fs::read(&path).unwrap(), b"all of it");
/// assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
/// ```
pub fn save<E: From<std::io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(), E> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.reunite-part", std::process::id()));
    let part = path.with_file_name(name);
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&part)?;
    let mut out = BufWriter::new(file);
    let written = write(&mut out)
        .and_then(|()| Ok(out.flush()?))
        .and_then(|()| Ok(fs::rename(&part, path)?));
    if written.is_err() {
        // The first error is the one to tell.
        let _gone = fs::remove_file(&part);
    }
    written
}
