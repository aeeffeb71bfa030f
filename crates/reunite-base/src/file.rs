//! Files that are whole or not there.
//!
//! A file is written under a temporary name in the folder of its target, then renamed. The temporary name is
//! `.PID-RANDOM-TARGET.reunite-part`. The process id tells a person who writes it. The random part makes the name new:
//! a file that a killed process of the same id left behind, which is common in containers, does not block the next run.
//! The name of the target tells a person what the file is, and [`replace`] which leftovers to remove; a long one is
//! cut.
//!
//! # Protocol
//! The writer holds an advisory lock on its temporary file, which the system releases when the process ends, however it
//! ends. So a file that can be locked is a leftover. A process id would not tell that: a container that shares the
//! folder has ids of its own.
//!
//! 1. A writer creates the file, locks it, and then checks that the file still has its name. If it cannot be locked or
//!    has lost its name, another process took it for a leftover, and the writer begins again with another name.
//! 2. A file is removed as a leftover only while the remover holds its lock.
//!
//! By 2, a file that its writer has locked is not removed. By 1, a file that was removed before that is not used.
//!
//! Where the system cannot lock files, a file is a leftover when it is a day old. So are files whose names have no
//! target: earlier versions of this program named them so, and did not lock them.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

use tempfile::NamedTempFile;

const SUFFIX: &str = ".reunite-part";

/// The most bytes of a target's name in the name of its temporary file, which has up to 32 bytes more. Some file
/// systems allow names of 143 bytes only, most of 255.
const LONGEST_TARGET: usize = 100;

/// The most names that are tried until a file can be locked.
const MAX_ATTEMPTS: u32 = 100;

/// The longest time that a run is assumed to take where files cannot be locked.
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
    let target = target_part(path);
    if durability == Durability::PowerFailure {
        remove_leftovers(folder, &target);
    }
    let temporary = temporary_in(folder, &target, lock_own)?;
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

/// Returns the part of a temporary file's name that names its target.
fn target_part(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut end = name.len().min(LONGEST_TARGET);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].to_owned()
}

/// Removes what killed runs left of this target, and of targets that the names of the leftovers do not tell. What
/// cannot be removed stays: it blocks nothing.
fn remove_leftovers(folder: &Path, target: &str) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_str().and_then(TemporaryName::parse);
        if name.is_some_and(|name| name.target.is_none_or(|of| of == target)) {
            let _stays = remove_leftover(&entry.path());
        }
    }
}

/// Creates a file and locks it by `lock`, which returns false if that fails. Its drop removes it.
fn temporary_in(
    folder: &Path,
    target: &str,
    lock: impl Fn(&NamedTempFile<File>) -> bool,
) -> io::Result<NamedTempFile<File>> {
    for _ in 0..MAX_ATTEMPTS {
        let temporary = create_in(folder, target)?;
        if lock(&temporary) {
            return Ok(temporary);
        }
    }
    // No sweep has so much luck: the system says of each file that another process holds its lock. Then no other process
    // can lock this one, either.
    create_in(folder, target)
}

fn create_in(folder: &Path, target: &str) -> io::Result<NamedTempFile<File>> {
    // A plain open: the file gets the permissions of any new file, and an error names no temporary file.
    let open = |name: &Path| OpenOptions::new().write(true).create_new(true).open(name);
    tempfile::Builder::new()
        .prefix(&format!(".{}-", std::process::id()))
        .suffix(&format!("-{target}{SUFFIX}"))
        .make_in(folder, open)
}

/// Locks a new file, if the system can lock it. Returns false if another process took it for a leftover before.
fn lock_own(temporary: &NamedTempFile<File>) -> bool {
    match lock(temporary.as_file()) {
        Lock::Taken => fs::symlink_metadata(temporary.path()).is_ok(),
        Lock::HeldByOther => false,
        Lock::Unsupported => true,
    }
}

/// The outcome of an attempt to lock a file.
enum Lock {
    /// The file is locked until it is closed.
    Taken,
    HeldByOther,
    Unsupported,
}

#[cfg(unix)]
fn lock(file: &File) -> Lock {
    use rustix::fs::{FlockOperation, flock};
    use rustix::io::{Errno, retry_on_intr};

    match retry_on_intr(|| flock(file, FlockOperation::NonBlockingLockExclusive)) {
        Ok(()) => Lock::Taken,
        Err(Errno::WOULDBLOCK) => Lock::HeldByOther,
        Err(_) => Lock::Unsupported,
    }
}

#[cfg(not(unix))]
fn lock(_: &File) -> Lock {
    Lock::Unsupported
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

/// The parts of a temporary file's name.
struct TemporaryName<'a> {
    /// The name of the target, which may be cut; `None` if an earlier version of this program named the file.
    target: Option<&'a str>,
}

impl<'a> TemporaryName<'a> {
    fn parse(name: &'a str) -> Option<Self> {
        let parts = name.strip_prefix('.')?.strip_suffix(SUFFIX)?;
        // The process id, the random part, and the target, which may contain hyphens.
        let mut parts = parts.splitn(3, '-');
        let id = parts.next().and_then(|id| id.parse::<u32>().ok());
        let target = parts.nth(1).filter(|_| id.is_some());
        Some(Self { target })
    }
}

/// Returns true if `path` has the name of a file that [`replace`] has not finished.
pub fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    TemporaryName::parse(&name).is_some()
}

/// Removes the file if a run of [`replace`] that was killed left it behind. Returns true if it was removed.
///
/// ```
/// use reunite_base::file::{Durability, remove_leftover, replace};
///
/// # let dir = tempfile::tempdir()?;
/// let path = dir.path().join("out.txt");
/// replace(&path, Durability::Process, |out| out.write_all(b"all of it"))?;
/// assert!(!remove_leftover(&path), "it is whole");
/// # Ok::<_, std::io::Error>(())
/// ```
pub fn remove_leftover(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let Some(name) = TemporaryName::parse(&name) else {
        return false;
    };
    let Some(metadata) = fs::symlink_metadata(path).ok().filter(Metadata::is_file) else {
        return false;
    };
    if name.target.is_none() {
        return is_old(&metadata) && fs::remove_file(path).is_ok();
    }
    // Network file systems lock a file only if it may be written to.
    let file = OpenOptions::new().write(true).open(path);
    let is_leftover = match file.as_ref().map_or(Lock::Unsupported, lock) {
        Lock::Taken => true,
        Lock::HeldByOther => false,
        Lock::Unsupported => is_old(&metadata),
    };
    // The file is open, and so locked, until it is removed.
    is_leftover && fs::remove_file(path).is_ok()
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

    #[cfg(unix)]
    #[test]
    fn a_file_that_was_taken_for_a_leftover_before_it_was_locked_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let removed = create_in(dir.path(), "a").unwrap();
        assert!(remove_leftover(removed.path()));
        assert!(!lock_own(&removed));

        let held = create_in(dir.path(), "a").unwrap();
        let other = File::open(held.path()).unwrap();
        assert!(matches!(lock(&other), Lock::Taken));
        assert!(!lock_own(&held));
        drop(other);
        assert!(lock_own(&held) && !remove_leftover(held.path()));
    }

    #[test]
    fn a_system_that_locks_no_file_delays_no_write_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let temporary = temporary_in(dir.path(), "a", |_| false).unwrap();
        assert!(temporary.path().exists());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

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
