//! The state of a file, to detect changes.

use std::fs::Metadata;
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

/// The length and modification time of a file, to detect changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    bytes: u64,
    /// Nanoseconds since 1970; negative before.
    changed: i128,
}

impl Stamp {
    /// Reads the state of a file. Returns `None` if the file or its time cannot be read.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let meta = std::fs::metadata(path).ok()?;
        Some(Self {
            bytes: meta.len(),
            changed: nanoseconds(&meta)?,
        })
    }
}

fn nanoseconds(meta: &Metadata) -> Option<i128> {
    let (time, sign) = match meta.modified().ok()?.duration_since(UNIX_EPOCH) {
        Ok(after) => (after, 1),
        Err(before) => (before.duration(), -1),
    };
    Some(sign * i128::try_from(time.as_nanos()).ok()?)
}
