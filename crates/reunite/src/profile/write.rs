//! Writing a profile to a file, in the format that the file's extension tells.

use std::io;
use std::path::Path;

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
        let mut beside = file.as_os_str().to_owned();
        beside.push(format!(".{}-part", std::process::id()));
        let written = std::fs::write(&beside, bytes);
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
