//! Removes what killed runs left in an output folder.

use std::fs;
use std::path::Path;

use reunite_base::file::is_abandoned;
use walkdir::WalkDir;

/// Removes what killed runs left below `out`. Returns how many files that was.
pub fn sweep(out: &Path) -> usize {
    WalkDir::new(out)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file() && is_abandoned(entry.path()))
        .filter(|entry| fs::remove_file(entry.path()).is_ok())
        .count()
}
