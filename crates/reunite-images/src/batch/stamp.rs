//! The state of a file, to tell whether it changed.

use std::fs::Metadata;
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

/// Enough of a file's state to notice a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    bytes: u64,
    /// Nanoseconds since 1970, or before.
    changed: i128,
}

impl Stamp {
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
