//! The lock on an output folder, held while its ledger is read and replaced.

use std::fs::File;
use std::path::Path;

/// Locks the folder for as long as the returned file is open. Returns `None` if the system cannot lock folders, or if
/// another process holds the lock for longer than a second, as a stopped one does. Two runs that save at the same moment
/// may then lose what one of them recorded.
#[cfg(unix)]
pub(super) fn ledger_lock(folder: &Path) -> Option<File> {
    use std::time::Duration;

    use rustix::fs::{FlockOperation, flock};
    use rustix::io::Errno;

    const TRIES: u32 = 200;
    let folder = File::open(folder).ok()?;
    for _ in 0..TRIES {
        match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Some(folder),
            Err(Errno::WOULDBLOCK | Errno::INTR) => {}
            Err(_) => return None,
        }
        // Shielded, because a cancelled run still records its results.
        let _slept = reunite::shield(|| reunite::sleep(Duration::from_millis(5)));
    }
    None
}

#[cfg(not(unix))]
pub(super) fn ledger_lock(_folder: &Path) -> Option<File> {
    None
}
