//! What people and programs are told, while it runs and at the end.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use reunite_images::batch::{FileError, Job, Written};
use serde::Serialize;

use super::plan::Plan;
use crate::args::Images;
use crate::complain::complain;
use crate::exit::Exit;
use crate::units::readable;

/// Counts the outcomes and tells of them: failures at once, the rest as a bar, a summary, or JSON lines.
pub(super) struct Report {
    json: bool,
    quiet: bool,
    bar: ProgressBar,
    started: Instant,
    summary: Summary,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Event<'a> {
    Written {
        input: &'a str,
        output: &'a str,
        width: u32,
        height: u32,
        bytes_in: u64,
        bytes_out: u64,
    },
    Failed {
        input: &'a str,
        reason: String,
    },
    Planned {
        input: &'a str,
        output: &'a str,
    },
    Summary(&'a Summary),
}

#[derive(Clone, Debug, Default, Serialize)]
struct Summary {
    /// Results that are in their place now.
    written: usize,
    /// Results that were up to date.
    current: usize,
    failed: usize,
    /// Pictures that were not begun or not finished.
    left: usize,
    /// Files in folders that are no pictures.
    ignored: usize,
    bytes_in: u64,
    bytes_out: u64,
    seconds: f64,
    interrupted: bool,
    timed_out: bool,
}

impl Report {
    pub(super) fn new(args: &Images, plan: &Plan) -> Self {
        let watched = stderr().is_terminal() && !args.json && !args.quiet && !args.dry_run;
        let target = if watched {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(plan.jobs.len() as u64), target);
        let style = "{bar:30.cyan/blue} {pos}/{len} {rate} {eta} left";
        let style = ProgressStyle::with_template(style)
            .unwrap_or(ProgressStyle::default_bar())
            .with_key(
                "rate",
                |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                    let _never_fails = write!(out, "{:.1} a second,", state.per_sec());
                },
            );
        bar.set_style(style);
        let summary = Summary {
            current: plan.current,
            left: plan.jobs.len(),
            ignored: plan.ignored,
            ..Summary::default()
        };
        let (json, quiet) = (args.json, args.quiet);
        let mut report = Self {
            json,
            quiet,
            bar,
            started: Instant::now(),
            summary,
        };
        for failed in &plan.failed {
            report.failure(&failed.path.to_string_lossy(), &failed.reason);
        }
        report
    }

    pub(super) fn has_failures(&self) -> bool {
        self.summary.failed > 0
    }

    /// The outcome of one picture; true if it failed. One that was only stopped counts as left.
    pub(super) fn one(&mut self, job: &Job, outcome: Result<Written, FileError>) -> bool {
        match outcome {
            Ok(written) => {
                self.summary.left -= 1;
                self.summary.written += 1;
                self.summary.bytes_in += written.bytes_in;
                self.summary.bytes_out += written.bytes_out;
                self.emit(&Event::Written {
                    input: &job.input.to_string_lossy(),
                    output: &job.output.to_string_lossy(),
                    width: written.size.width,
                    height: written.size.height,
                    bytes_in: written.bytes_in,
                    bytes_out: written.bytes_out,
                });
                self.bar.inc(1);
                false
            }
            Err(error) if error.is_cancelled() => false,
            Err(error) => {
                self.summary.left -= 1;
                self.failure(&job.input.to_string_lossy(), &error.to_string());
                self.bar.inc(1);
                true
            }
        }
    }

    fn failure(&mut self, input: &str, reason: &str) {
        self.summary.failed += 1;
        self.emit(&Event::Failed {
            input,
            reason: reason.to_owned(),
        });
        self.warn(&format!("{input}: {reason}"));
    }

    pub(super) fn warn(&self, message: &str) {
        self.bar.suspend(|| complain(message));
    }

    /// A reader that went away is no reason to stop making pictures.
    fn emit(&self, event: &Event<'_>) {
        if self.json
            && let Ok(line) = serde_json::to_string(event)
        {
            let _closed = writeln!(stdout(), "{line}");
        }
    }

    pub(super) fn dry_run(&mut self, plan: &Plan) -> Exit {
        for job in &plan.jobs {
            let (input, output) = (job.input.to_string_lossy(), job.output.to_string_lossy());
            if self.json {
                self.emit(&Event::Planned {
                    input: &input,
                    output: &output,
                });
            } else if !self.quiet {
                let _closed = writeln!(stdout(), "{input} -> {output}");
            }
        }
        self.summary.seconds = self.started.elapsed().as_secs_f64();
        self.emit(&Event::Summary(&self.summary));
        if !self.json && !self.quiet {
            let Summary {
                current,
                failed,
                left,
                ignored,
                ..
            } = self.summary;
            let counts = [(current, UP_TO_DATE), (failed, FAILED), (ignored, IGNORED)];
            let _closed = writeln!(stdout(), "{}", list(format!("{left} to write"), &counts));
        }
        if self.has_failures() {
            Exit::SomeFailed
        } else {
            Exit::Done
        }
    }

    pub(super) fn end(&mut self, timed_out: bool, interrupted: bool) -> Exit {
        self.bar.finish_and_clear();
        let elapsed = self.started.elapsed();
        self.summary.seconds = elapsed.as_secs_f64();
        self.summary.timed_out = timed_out;
        self.summary.interrupted = interrupted;
        self.emit(&Event::Summary(&self.summary));
        if !self.json && !self.quiet {
            let _closed = writeln!(stdout(), "{}", self.sentence(elapsed));
        }
        if interrupted {
            Exit::Interrupted
        } else if timed_out {
            Exit::TimedOut
        } else if self.has_failures() {
            Exit::SomeFailed
        } else {
            Exit::Done
        }
    }

    fn sentence(&self, elapsed: Duration) -> String {
        let Summary {
            written,
            current,
            failed,
            left,
            ignored,
            bytes_in,
            bytes_out,
            ..
        } = self.summary;
        let head = if written > 0 {
            let (before, after) = (readable(bytes_in), readable(bytes_out));
            format!(
                "{written} written ({before} -> {after}) in {:.1} s",
                elapsed.as_secs_f64()
            )
        } else {
            "0 written".to_owned()
        };
        let counts = [
            (current, UP_TO_DATE),
            (failed, FAILED),
            (left, "not done"),
            (ignored, IGNORED),
        ];
        list(head, &counts)
    }
}

const UP_TO_DATE: &str = "up to date";
const FAILED: &str = "failed";
const IGNORED: &str = "other files ignored";

fn list(head: String, counts: &[(usize, &str)]) -> String {
    let present = counts.iter().filter(|(count, _)| *count > 0);
    let parts = present.map(|(count, what)| format!("{count} {what}"));
    std::iter::once(head)
        .chain(parts)
        .collect::<Vec<_>>()
        .join(", ")
}
