//! Removes what killed runs left in an output folder.

use std::path::Path;

use reunite_base::file::remove_leftover;
use walkdir::WalkDir;

/// Removes what killed runs left below `out`. Returns how many files that was.
pub fn sweep(out: &Path) -> usize {
    WalkDir::new(out)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| remove_leftover(entry.path()))
        .count()
}
