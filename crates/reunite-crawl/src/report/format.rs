//! The formats of a report.

use std::io::{self, Write};

use super::findings::SiteReport;
use super::{html, json, junit, text};

/// The format of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text for a terminal.
    Text,
    /// JSON: the fields of [`SiteReport`], and `clean`.
    Json,
    /// JUnit XML for build servers: a failed test case per fault.
    Junit,
    /// An HTML page without external resources.
    Html,
}

impl SiteReport {
    /// Writes the report in this format.
    ///
    /// # Errors
    /// `out` cannot be written.
    pub fn write(&self, format: Format, out: &mut dyn Write) -> io::Result<()> {
        match format {
            Format::Text => text::write(self, out),
            Format::Json => json::write(self, out),
            Format::Junit => junit::write(self, out),
            Format::Html => html::write(self, out),
        }
    }
}
