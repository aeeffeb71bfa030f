//! One run at a time in an output folder, for the moment in which its ledger is read and replaced.

use std::fs::File;
use std::path::Path;

/// Held until dropped. `None` if that cannot be had: where folders cannot be locked, or somebody who was
/// stopped in the midst of it does not let go. Then two runs at the same moment may forget what one made.
#[cfg(unix)]
pub(super) fn turn(folder: &Path) -> Option<File> {
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
        // Whoever was cancelled writes down what it made, all the same.
        let _slept = reunite::shield(|| reunite::sleep(Duration::from_millis(5)));
    }
    None
}

#[cfg(not(unix))]
pub(super) fn turn(_folder: &Path) -> Option<File> {
    None
}
