//! Progress, failures and the summary of a run, for people and for programs.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use reunite_base::escape::terminal;
use reunite_base::units::bytes;
use reunite_images::batch::{FileError, FindError, Job, Written};

use super::events::{ImageEvent, ImagesSummary, Lines};
use super::plan::{ImagesPlan, Refusal};
use crate::args::Images;
use crate::complain::complain;
use crate::exit::Exit;
use crate::progress::bar_target;

/// The most names of unfinished pictures that are printed.
const MAX_NAMES: usize = 5;

/// Counts the outcomes and reports them: failures at once, the rest as a bar, a summary, or JSON lines.
pub(super) struct ImagesReport {
    json: bool,
    quiet: bool,
    bar: ProgressBar,
    output: Lines,
    started: Instant,
    summary: ImagesSummary,
    /// For each job, true if its outcome was reported.
    reported: Vec<bool>,
}

/// Prints the JSON summary of a run that could not start because its arguments are wrong.
pub(crate) fn nothing_started() {
    Lines::default().event(&ImageEvent::Summary(&ImagesSummary::default()));
}

impl ImagesReport {
    pub(super) fn new(args: &Images, jobs: usize) -> Self {
        let target = bar_target(!args.json && !args.quiet && !args.dry_run);
        let bar = ProgressBar::with_draw_target(Some(jobs as u64), target);
        let style = "{bar:30.cyan/blue} {pos}/{len} {rate} {eta} left";
        let style = ProgressStyle::with_template(style)
            .unwrap_or(ProgressStyle::default_bar())
            .with_key(
                "rate",
                |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                    let _never_fails = write!(out, "{:.1}/s,", state.per_sec());
                },
            );
        bar.set_style(style);
        // Draws the bar before the first picture is done.
        bar.tick();
        Self {
            json: args.json,
            quiet: args.quiet,
            bar,
            output: Lines::default(),
            started: Instant::now(),
            summary: ImagesSummary {
                left: jobs,
                ..ImagesSummary::default()
            },
            reported: vec![false; jobs],
        }
    }

    /// Reports why the run cannot start.
    pub(super) fn refuse(mut self, refusal: &Refusal) -> Exit {
        self.summary.ignored = refusal.ignored;
        self.failures(&refusal.failed);
        if let Some(error) = &refusal.error {
            self.warn(&error.to_string());
        }
        self.summarize();
        Exit::CouldNotBegin
    }

    /// Reports what is known before the run starts.
    pub(super) fn planned(&mut self, plan: &ImagesPlan) {
        self.summary.current = plan.current;
        self.summary.ignored = plan.ignored;
        if let Some(why) = plan.ledger.unreadable() {
            self.warn(&format!(
                "the record of earlier results cannot be read and is ignored: {why}"
            ));
        }
        self.failures(&plan.failed);
    }

    pub(super) fn has_failures(&self) -> bool {
        self.summary.failed > 0
    }

    /// Reports the outcome of one picture. Returns true if the picture failed; one that was cancelled counts as left.
    pub(super) fn one(
        &mut self,
        index: usize,
        job: &Job,
        outcome: Result<Written, FileError>,
    ) -> bool {
        let failed = match outcome {
            Err(error) if error.is_cancelled() => return false,
            Ok(written) => {
                self.summary.written += 1;
                self.summary.bytes_in += written.bytes_in;
                self.summary.bytes_out += written.bytes_out;
                self.event(&ImageEvent::Written {
                    input: &job.input.to_string_lossy(),
                    output: &job.output.to_string_lossy(),
                    width: written.size.width,
                    height: written.size.height,
                    bytes_in: written.bytes_in,
                    bytes_out: written.bytes_out,
                });
                false
            }
            Err(error) => {
                self.failure(&job.input.to_string_lossy(), &explained(&error));
                true
            }
        };
        self.reported[index] = true;
        self.summary.left -= 1;
        self.bar.inc(1);
        failed
    }

    fn failures(&mut self, failed: &[FindError]) {
        for failed in failed {
            self.failure(&failed.path.to_string_lossy(), &failed.reason);
        }
    }

    fn failure(&mut self, input: &str, reason: &str) {
        self.summary.failed += 1;
        self.event(&ImageEvent::Failed { input, reason });
        self.warn(&format!("{input}: {reason}"));
    }

    pub(super) fn warn(&self, message: &str) {
        self.bar.suspend(|| complain(message));
    }

    /// Prints an event for programs.
    fn event(&mut self, event: &ImageEvent<'_>) {
        if self.json {
            self.output.event(event);
        }
    }

    fn summarize(&mut self) {
        if self.json {
            self.output.event(&ImageEvent::Summary(&self.summary));
        }
    }

    /// Prints a line for people.
    fn line(&mut self, line: &str) {
        if !self.json && !self.quiet {
            self.output.line(&terminal(line));
        }
    }

    pub(super) fn dry_run(&mut self, plan: &ImagesPlan) -> Exit {
        for job in &plan.jobs {
            let (input, output) = (job.input.to_string_lossy(), job.output.to_string_lossy());
            self.event(&ImageEvent::Planned {
                input: &input,
                output: &output,
            });
            self.line(&format!("{input} -> {output}"));
        }
        self.summary.seconds = self.started.elapsed().as_secs_f64();
        self.summarize();
        let ImagesSummary {
            current,
            failed,
            left,
            ignored,
            ..
        } = self.summary;
        let counts = [
            (current, UP_TO_DATE),
            (failed, FAILED),
            (ignored, ignored_files(ignored)),
        ];
        self.line(&list(format!("{left} to write"), &counts));
        self.exit()
    }

    pub(super) fn end(&mut self, jobs: &[Job], timed_out: bool, interrupted: bool) -> Exit {
        self.bar.finish_and_clear();
        self.left(jobs);
        let elapsed = self.started.elapsed();
        self.summary.seconds = elapsed.as_secs_f64();
        self.summary.timed_out = timed_out;
        self.summary.interrupted = interrupted;
        self.summarize();
        self.line(&self.sentence(elapsed));
        if interrupted {
            Exit::Interrupted
        } else if timed_out {
            Exit::TimedOut
        } else {
            self.exit()
        }
    }

    fn exit(&self) -> Exit {
        if self.has_failures() || self.output.has_failed() {
            Exit::SomeFailed
        } else {
            Exit::Done
        }
    }

    /// Names the pictures not started or not finished: all of them for programs, the first few for people.
    fn left(&mut self, jobs: &[Job]) {
        let reported = std::mem::take(&mut self.reported);
        let left: Vec<_> = jobs
            .iter()
            .zip(reported)
            .filter(|(_, reported)| !reported)
            .map(|(job, _)| job.input.to_string_lossy())
            .collect();
        for input in &left {
            self.event(&ImageEvent::Left { input });
        }
        if left.is_empty() || self.json || self.quiet {
            return;
        }
        let more = match left.len().saturating_sub(MAX_NAMES) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let names = left[..left.len().min(MAX_NAMES)].join(", ");
        self.warn(&format!("not done: {names}{more}"));
    }

    fn sentence(&self, elapsed: Duration) -> String {
        let ImagesSummary {
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
            let (before, after) = (bytes(bytes_in), bytes(bytes_out));
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
            (ignored, ignored_files(ignored)),
        ];
        list(head, &counts)
    }
}

/// Returns the error's message and the option that raises the limit, if there is one.
fn explained(error: &FileError) -> String {
    match error {
        FileError::Image(image) if image.is_too_large() => {
            format!("{error}; raise it with --max-pixels if you trust the file")
        }
        FileError::Memory { .. } => format!("{error}; raise it with --memory"),
        FileError::TimedOut => format!("{error}; raise it with --item-timeout"),
        _ => error.to_string(),
    }
}

const UP_TO_DATE: &str = "up to date";
const FAILED: &str = "failed";

fn ignored_files(count: usize) -> &'static str {
    match count {
        1 => "other file ignored",
        _ => "other files ignored",
    }
}

/// Joins `head` and the counts that are not zero.
fn list(head: String, counts: &[(usize, &str)]) -> String {
    let present = counts.iter().filter(|(count, _)| *count > 0);
    let parts = present.map(|(count, what)| format!("{count} {what}"));
    std::iter::once(head)
        .chain(parts)
        .collect::<Vec<_>>()
        .join(", ")
}
