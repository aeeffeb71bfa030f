//! A report as JSON: the fields of [`SiteReport`], and `clean`.

use std::io::{self, Write};

use reunite_base::escape::json;
use serde::Serialize;

use super::findings::SiteReport;

#[derive(Serialize)]
struct JsonReport<'a> {
    clean: bool,
    #[serde(flatten)]
    report: &'a SiteReport,
}

pub(super) fn write(report: &SiteReport, out: &mut dyn Write) -> io::Result<()> {
    let clean = report.is_clean();
    let text = serde_json::to_string_pretty(&JsonReport { clean, report })?;
    writeln!(out, "{}", json(&text))
}
