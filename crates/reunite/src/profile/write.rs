//! Writing a profile to a file, in the format that the file's extension tells.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::model::Profile;

impl Profile {
    /// Writes the profile to a file: first under another name beside it, then renamed. The extension determines the
    /// format:
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
            .and_then(|()| temporary.sync_all());
        let written = written.and_then(|()| std::fs::rename(&beside, file));
        written.inspect_err(|_| {
            // The first error is the one to return.
            let _left = std::fs::remove_file(&beside);
        })
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

#[cfg(test)]
mod tests {
    use super::*;

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
