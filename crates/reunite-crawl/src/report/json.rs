//! For programs: the fields of [`Report`], and whether it is clean.

use std::io::{self, Write};

use serde::Serialize;

use super::findings::Report;

#[derive(Serialize)]
struct Whole<'a> {
    clean: bool,
    #[serde(flatten)]
    report: &'a Report,
}

pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let clean = report.is_clean();
    serde_json::to_writer_pretty(&mut *out, &Whole { clean, report })?;
    writeln!(out)
}
