//! Files that are whole or not there.
//!
//! A file is written under a temporary name in the folder of its target, then renamed. The temporary name is
//! `.PID-RANDOM-TARGET.reunite-part`. By the process id [`is_abandoned`] tells the file of a killed run from that of a
//! live one. The random part makes the name new: a file that a killed process of the same id left behind, which is
//! common in containers, does not block the next run. The name of the target tells a person what the file is, and
//! [`replace`] which leftovers to remove; a long one is cut.

use std::fs::{self, DirEntry, File, Metadata, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

use tempfile::NamedTempFile;

const SUFFIX: &str = ".reunite-part";

/// The most bytes of a target's name in the name of its temporary file, which has up to 32 bytes more. Some file
/// systems allow names of 143 bytes only, most of 255.
const LONGEST_TARGET: usize = 100;

/// The longest time that a run is assumed to take.
const LONGEST_RUN: Duration = Duration::from_secs(24 * 60 * 60);

/// The events that a written file survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The end of the program, however it ends. The system writes the data to the disk when it likes. Made for many
    /// files in one folder.
    Process,
    /// A power failure as well: the file and the entry in its folder are on the disk when the call returns.
    PowerFailure,
}

/// Writes a file under a temporary name and renames it to `path` when it is whole.
///
/// If anything fails before the rename, the temporary file is removed and `path` is what it was before. The file has
/// the permissions of any new file. If `path` is a symbolic link, the link is replaced, not the file it leads to.
///
/// With [`Durability::PowerFailure`], the temporary files that killed runs left of the same target are removed first.
/// With [`Durability::Process`] the caller removes them: to read the folder for each of its many files takes long.
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
    let ending = ending_for(path);
    if durability == Durability::PowerFailure {
        remove_leftovers(folder, &ending);
    }
    let temporary = temporary_in(folder, &ending)?;
    let mut out = BufWriter::new(temporary.as_file());
    write(&mut out)?;
    out.flush()?;
    drop(out);
    if durability == Durability::PowerFailure {
        sync_file(temporary.as_file())?;
    }
    temporary.persist(path).map_err(|failed| failed.error)?;
    if durability == Durability::PowerFailure {
        sync_folder(folder)?;
    }
    Ok(())
}

/// Returns the end of the name of each temporary file for `path`, behind the process id and the random part.
fn ending_for(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut end = name.len().min(LONGEST_TARGET);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{SUFFIX}", &name[..end])
}

/// Removes the files that killed runs left of the target with this ending. What cannot be removed stays: it blocks
/// nothing.
fn remove_leftovers(folder: &Path, ending: &str) {
    let is_leftover = |entry: &DirEntry| {
        let name = entry.file_name();
        let end = name.to_str().and_then(|name| name.splitn(3, '-').nth(2));
        end == Some(ending)
            && entry.file_type().is_ok_and(|kind| kind.is_file())
            && is_abandoned(&entry.path())
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for leftover in entries.filter(is_leftover) {
        let _stays = fs::remove_file(leftover.path());
    }
}

/// A new file; its drop removes it.
fn temporary_in(folder: &Path, ending: &str) -> io::Result<NamedTempFile<File>> {
    // A plain open: the file gets the permissions of any new file, and an error names no temporary file.
    let open = |name: &Path| OpenOptions::new().write(true).create_new(true).open(name);
    tempfile::Builder::new()
        .prefix(&format!(".{}-", std::process::id()))
        .suffix(&format!("-{ending}"))
        .make_in(folder, open)
}

/// Writes the data of a file to the disk, on file systems that can do that.
fn sync_file(file: &File) -> io::Result<()> {
    match file.sync_all() {
        Err(error) if is_unable(&error) => Ok(()),
        synced => synced,
    }
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
        // The new file is in place already. Network file systems refuse to sync a folder in several ways, so only an
        // error that means loss counts.
        Err(error) if is_loss(&error) => Err(error),
        _ => Ok(()),
    }
}

fn is_unable(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::InvalidInput | ErrorKind::Unsupported
    )
}

/// Returns true if the error says that data did not reach the disk.
fn is_loss(error: &io::Error) -> bool {
    // EIO has no kind of its own.
    const EIO: i32 = 5;
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded
    ) || error.raw_os_error() == Some(EIO)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_cannot_be_synced_is_no_loss_and_a_failing_disk_is() {
        let raw = io::Error::from_raw_os_error;
        // EBADF, EINVAL, ENOTTY.
        for code in [9, 22, 25] {
            assert!(!is_loss(&raw(code)), "{code}");
        }
        assert!(is_loss(&raw(5)) && is_loss(&ErrorKind::StorageFull.into()));
        assert!(is_unable(&raw(22)) && !is_unable(&raw(5)));
    }
}
