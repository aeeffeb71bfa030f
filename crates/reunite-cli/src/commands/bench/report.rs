//! The table, for people and for machines.

use std::io::{ErrorKind, Write, stdout};
use std::time::Duration;

use reunite::profile::HintKind;
use reunite_base::escape::{html, json};
use serde::Serialize;

use super::error::BenchError;
use super::measure::Measured;
use crate::args::Table;

#[derive(Serialize)]
struct Row<'a> {
    way: &'a str,
    seconds: f64,
    /// The time divided by that of the first way.
    ratio: f64,
    essay_seconds: Option<f64>,
    essay_ratio: Option<f64>,
    work_seconds: f64,
    span_seconds: f64,
    parallelism: f64,
    in_order: bool,
    errors: &'a [String],
    /// The profiler's hints about joins that came too early.
    hints: Vec<&'a str>,
}

/// The time of the essay's first way, in seconds.
const ESSAY_SECONDS: f64 = 35.0;

/// Prints the table, and writes the page if one was asked for.
pub(super) fn print(args: &Table, measured: &[Measured]) -> Result<(), BenchError> {
    let first = measured
        .first()
        .map_or(1.0, |measured| median(&measured.walls).as_secs_f64());
    let rows: Vec<_> = measured
        .iter()
        .map(|measured| row(measured, first))
        .collect();
    let text = if args.json {
        let lines: Result<Vec<_>, _> = rows.iter().map(serde_json::to_string).collect();
        let lines = lines.map_err(BenchError::Json)?.join("\n") + "\n";
        json(&lines).into_owned()
    } else {
        table(args, &rows)
    };
    let mut out = stdout();
    let printed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    // After the table, which would be lost if the page cannot be written.
    if let Some(file) = &args.html {
        std::fs::write(file, page(measured))
            .map_err(|error| BenchError::WritePage(file.clone(), error))?;
    }
    match printed {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(BenchError::WriteTable(error)),
        _ => Ok(()),
    }
}

fn median(walls: &[Duration]) -> Duration {
    let mut sorted = walls.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn row(measured: &Measured, first: f64) -> Row<'_> {
    let seconds = median(&measured.walls).as_secs_f64();
    let hints = measured.profile.hints.iter();
    let premature = hints.filter(|hint| hint.kind == HintKind::PrematureJoin);
    Row {
        way: measured.name,
        seconds,
        ratio: seconds / first,
        essay_seconds: measured.essay,
        essay_ratio: measured.essay.map(|essay| essay / ESSAY_SECONDS),
        work_seconds: measured.profile.work.as_secs_f64(),
        span_seconds: measured.profile.span.as_secs_f64(),
        parallelism: measured.profile.parallelism(),
        in_order: measured.outcome.in_order,
        errors: &measured.outcome.errors,
        hints: premature.map(|hint| hint.text.as_str()).collect(),
    }
}

fn table(args: &Table, rows: &[Row<'_>]) -> String {
    let mut text = format!(
        "{} {}, each fetched in {} ms, resized, saved; median of {} {}\n\n\
         {:<32}{:>9}{:>8}{:>14}{:>9}{:>9}{:>13}{:>10}{:>14}\n",
        args.items,
        if args.items == 1 { "photo" } else { "photos" },
        args.pace.as_millis(),
        args.rounds,
        if args.rounds == 1 { "round" } else { "rounds" },
        "",
        "seconds",
        "ratio",
        "essay's",
        "work",
        "span",
        "parallelism",
        "in order",
        "errors known"
    );
    for row in rows {
        let essay = match (row.essay_seconds, row.essay_ratio) {
            (Some(seconds), Some(ratio)) => format!("{seconds:.0} s, {ratio:.2}"),
            _ => "–".to_owned(),
        };
        text += &format!(
            "{:<32}{:>9.2}{:>8.2}{:>14}{:>9.2}{:>9.2}{:>13.1}{:>10}{:>14}\n",
            row.way,
            row.seconds,
            row.ratio,
            essay,
            row.work_seconds,
            row.span_seconds,
            row.parallelism,
            if row.in_order { "yes" } else { "no" },
            row.errors.len()
        );
    }
    for row in rows.iter().filter(|row| !row.hints.is_empty()) {
        text += &format!("\nProfiler hints for “{}”:\n", row.way);
        row.hints
            .iter()
            .for_each(|hint| text += &format!("- {hint}\n"));
    }
    text
}

/// Returns a page with the timelines of all ways, each in a frame of its own.
fn page(measured: &[Measured]) -> String {
    let mut page = String::from(
        "<!doctype html><meta charset=\"utf-8\"><title>reunite bench table</title>\
         <style>:root{color-scheme:light dark}body{margin:1.5rem;font:16px/1.4 system-ui,sans-serif}\
         h2{margin:1.5rem 0 .5rem}iframe{width:100%;height:640px;border:1px solid #8886;border-radius:8px}</style>\
         <h1>One job, four ways</h1>",
    );
    for measured in measured {
        let seconds = median(&measured.walls).as_secs_f64();
        let timeline = measured.profile.to_html();
        let quoted = html(&timeline);
        page += &format!("<h2>{}: {seconds:.2} s</h2>", measured.name);
        page += &format!(
            "<iframe title=\"{}\" srcdoc=\"{quoted}\"></iframe>",
            measured.name
        );
    }
    page
}
