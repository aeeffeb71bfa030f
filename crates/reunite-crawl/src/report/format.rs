//! The forms of a report.

use std::io::{self, Write};

use super::findings::Report;
use super::{html, json, junit, text};

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people, in a terminal.
    Text,
    /// For programs.
    Json,
    /// For build servers: a test case for each address, failed where it is broken.
    Junit,
    /// For people, in a browser: one page that needs nothing else.
    Html,
}

impl Report {
    /// Writes it.
    ///
    /// # Errors
    /// What `out` says.
    pub fn write(&self, format: Format, out: &mut dyn Write) -> io::Result<()> {
        match format {
            Format::Text => text::write(self, out),
            Format::Json => json::write(self, out),
            Format::Junit => junit::write(self, out),
            Format::Html => html::write(self, out),
        }
    }
}
