//! A profile in a file, in the form that the file's name asks for.

use std::io;
use std::path::Path;

use super::model::Profile;

impl Profile {
    /// Writes it to a file, beside its place first, then renamed. The extension decides the form: anything else than
    /// those known is the text of one screen.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, file: &Path) -> io::Result<()> {
        let bytes = self.in_form_of(file);
        let mut beside = file.as_os_str().to_owned();
        beside.push(format!(".{}-part", std::process::id()));
        std::fs::write(&beside, bytes)?;
        std::fs::rename(&beside, file).inspect_err(|_| {
            // The first error is the one to tell.
            let _left = std::fs::remove_file(&beside);
        })
    }

    fn in_form_of(&self, _file: &Path) -> Vec<u8> {
        self.to_string().into_bytes()
    }
}
