//! Writing a profile to a file, in the format that the file's extension tells.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::model::Profile;

impl Profile {
    /// Writes the profile to a file: first under another name beside it, then renamed. When this returns, the file and
    /// its entry in the folder are on the disk, where the system can do that. The extension determines the format:
    ///
    /// | extension | format |
    /// |---|---|
    /// | `.html` | a page with a timeline to zoom into; needs only a browser |
    /// | `.pftrace`, `.perfetto-trace` | a trace for Perfetto |
    /// | `.json` | a trace for Chrome and most other viewers |
    /// | `.folded` | collapsed stacks for flame graphs |
    /// | any other | the summary of one screen |
    ///
    /// # Errors
    /// The file cannot be written.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let profiling = reunite::profile::start();
    /// reunite::scope(|s| drop(s.spawn(|| ())));
    /// let file = std::env::temp_dir().join(format!("profile-{}.html", std::process::id()));
    /// profiling.finish().write(&file)?;
    /// # std::fs::remove_file(&file)
    /// # }
    /// ```
    pub fn write(&self, file: &Path) -> io::Result<()> {
        let bytes = self.in_form_of(file);
        let (beside, mut temporary) = new_beside(file)?;
        let written = temporary
            .write_all(&bytes)
            .and_then(|()| sync_file(&temporary));
        let written = written.and_then(|()| std::fs::rename(&beside, file));
        written.inspect_err(|_| {
            // The first error is the one to return.
            let _left = std::fs::remove_file(&beside);
        })?;
        sync_folder(folder_of(file))
    }

    fn in_form_of(&self, file: &Path) -> Vec<u8> {
        let extension = file.extension().and_then(|extension| extension.to_str());
        match extension {
            Some("html") => self.to_html().into_bytes(),
            Some("pftrace" | "perfetto-trace") => self.to_perfetto(),
            Some("json") => self.to_chrome_json().into_bytes(),
            Some("folded") => self.to_folded().into_bytes(),
            _ => self.to_string().into_bytes(),
        }
    }
}

/// Creates a file beside `file`. It is new: neither a killed run's, whose process may have had the same id, nor a
/// link that leads elsewhere.
fn new_beside(file: &Path) -> io::Result<(PathBuf, File)> {
    let id = std::process::id();
    let mut number = 0_u64;
    loop {
        let path = file.with_file_name(format!(".{id}-{number}.reunite-part"));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            opened => return opened.map(|opened| (path, opened)),
        }
    }
}

fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_folder_in_its_name_is_in_the_current_one() {
        assert_eq!(folder_of(Path::new("profile.txt")), Path::new("."));
        assert_eq!(folder_of(Path::new("a/profile.txt")), Path::new("a"));
        assert_eq!(folder_of(Path::new("/profile.txt")), Path::new("/"));
    }

    #[test]
    fn a_folder_that_cannot_be_synced_is_no_failure_and_a_failing_disk_is() {
        assert!(sync_folder(Path::new("/no/such/folder")).is_ok());
        // It refuses to be synced, by EINVAL.
        #[cfg(target_os = "linux")]
        assert!(sync_folder(Path::new("/proc")).is_ok());
        let raw = io::Error::from_raw_os_error;
        // EBADF, EINVAL, ENOTTY.
        for code in [9, 22, 25] {
            assert!(!is_loss(&raw(code)), "{code}");
        }
        assert!(is_loss(&raw(5)) && is_loss(&ErrorKind::StorageFull.into()));
        assert!(is_unable(&raw(22)) && !is_unable(&raw(5)));
    }

    #[test]
    fn a_file_of_a_killed_run_is_left_alone_and_does_not_block() {
        let name = format!("reunite-write-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        let file = folder.join("profile.txt");
        let (left, _) = new_beside(&file).unwrap();
        let (next, _) = new_beside(&file).unwrap();
        assert_ne!(left, next);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
