//! Files that are whole or not there.
//!
//! A file is written under a temporary name in the folder of its target, then renamed. The temporary name is
//! `.PID-RANDOM.reunite-part`, so that [`is_abandoned`] can tell the file of a killed run from that of a live one.
//! The random part makes the name new: a file that a killed process of the same id left behind, which is common in
//! containers, does not block the next run.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

use tempfile::NamedTempFile;

const SUFFIX: &str = ".reunite-part";

/// The longest time that a run is assumed to take.
const LONGEST_RUN: Duration = Duration::from_secs(24 * 60 * 60);

/// The events that a written file survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The end of the program, however it ends. The system writes the data to the disk when it likes.
    Process,
    /// A power failure as well: the file and the entry in its folder are on the disk when the call returns.
    PowerFailure,
}

/// Writes a file under a temporary name and renames it to `path` when it is whole.
///
/// If anything fails, the temporary file is removed and `path` is what it was before. The file has the permissions
/// of any new file. If `path` is a symbolic link, the link is replaced, not the file it leads to.
///
/// # Errors
/// Returns the error of `write`, or of the file system.
///
/// ```
/// use reunite_base::file::{Durability, replace};
///
/// # let dir = tempfile::tempdir()?;
/// let path = dir.path().join("out.txt");
/// replace(&path, Durability::PowerFailure, |out| out.write_all(b"all of it"))?;
/// let failed = replace(&path, Durability::Process, |_| Err(std::io::Error::other("no")));
/// assert!(failed.is_err());
/// assert_eq!(std::fs::read(&path)?, b"all of it");
/// assert_eq!(std::fs::read_dir(dir.path())?.count(), 1);
/// # Ok::<_, std::io::Error>(())
/// ```
pub fn replace<E: From<io::Error>>(
    path: &Path,
    durability: Durability,
    write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(), E> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let temporary = temporary_in(folder)?;
    let mut out = BufWriter::new(temporary.as_file());
    write(&mut out)?;
    out.flush()?;
    drop(out);
    if durability == Durability::PowerFailure {
        temporary.as_file().sync_all()?;
    }
    temporary.persist(path).map_err(|failed| failed.error)?;
    if durability == Durability::PowerFailure {
        sync_folder(folder)?;
    }
    Ok(())
}

/// A new file; its drop removes it.
fn temporary_in(folder: &Path) -> io::Result<NamedTempFile<File>> {
    // A plain open: the file gets the permissions of any new file, and an error names no temporary file.
    let open = |name: &Path| OpenOptions::new().write(true).create_new(true).open(name);
    tempfile::Builder::new()
        .prefix(&format!(".{}-", std::process::id()))
        .suffix(SUFFIX)
        .make_in(folder, open)
}

/// Writes the folder's entries to the disk, where the system can do that.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    // A folder that may be written to but not read cannot be opened.
    let Ok(folder) = File::open(folder) else {
        return Ok(());
    };
    match folder.sync_all() {
        // Some file systems cannot sync a folder.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::InvalidInput | ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        synced => synced,
    }
}

/// Is this the name of a file that [`replace`] has not finished?
pub fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy());
    name.is_some_and(|name| name.starts_with('.') && name.ends_with(SUFFIX))
}

/// Is this file left behind by a run of [`replace`] that was killed?
///
/// The process id in the name decides where the system can be asked for it. The file's age decides elsewhere, and
/// where the id is that of this process: in a container an earlier process may have had the same one.
pub fn is_abandoned(path: &Path) -> bool {
    if !is_temporary(path) {
        return false;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let id = name.trim_start_matches('.').split('-').next();
    match id.and_then(|id| id.parse::<u32>().ok()) {
        Some(id) if cfg!(target_os = "linux") && id != std::process::id() => {
            !Path::new("/proc").join(id.to_string()).exists()
        }
        _ => fs::symlink_metadata(path).is_ok_and(|metadata| is_old(&metadata)),
    }
}

fn is_old(metadata: &Metadata) -> bool {
    let modified = metadata.modified().ok();
    modified
        .and_then(|modified| modified.elapsed().ok())
        .is_some_and(|age| age >= LONGEST_RUN)
}
