//! What people and programs are told, while it runs and at the end.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use reunite_base::escape::terminal;
use reunite_images::batch::{FileError, FindError, Job, Written};

use super::events::{Event, Output, Summary};
use super::plan::{Plan, Refusal};
use crate::args::Images;
use crate::complain::complain;
use crate::exit::Exit;
use crate::progress::bar_target;
use crate::units::readable;

/// How many names of what was left are told.
const NAMES: usize = 5;

/// Counts the outcomes and tells of them: failures at once, the rest as a bar, a summary, or JSON lines.
pub(super) struct Report {
    json: bool,
    quiet: bool,
    bar: ProgressBar,
    output: Output,
    started: Instant,
    summary: Summary,
    /// Which of the jobs were told of.
    told: Vec<bool>,
}

/// All there is to say to a program if the arguments make no sense.
pub(crate) fn nothing_began() {
    Output::default().event(&Event::Summary(&Summary::default()));
}

impl Report {
    pub(super) fn new(args: &Images, jobs: usize) -> Self {
        let target = bar_target(!args.json && !args.quiet && !args.dry_run);
        let bar = ProgressBar::with_draw_target(Some(jobs as u64), target);
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
        // Before the first picture is done there is something to see, too.
        bar.tick();
        Self {
            json: args.json,
            quiet: args.quiet,
            bar,
            output: Output::default(),
            started: Instant::now(),
            summary: Summary {
                left: jobs,
                ..Summary::default()
            },
            told: vec![false; jobs],
        }
    }

    /// Nothing can begin.
    pub(super) fn refuse(mut self, refusal: &Refusal) -> Exit {
        self.summary.ignored = refusal.ignored;
        self.failures(&refusal.failed);
        if let Some(message) = &refusal.message {
            self.warn(message);
        }
        self.summarize();
        Exit::CouldNotBegin
    }

    /// What is known before anything is done.
    pub(super) fn planned(&mut self, plan: &Plan) {
        self.summary.current = plan.current;
        self.summary.ignored = plan.ignored;
        if let Some(why) = plan.ledger.unreadable() {
            self.warn(&format!(
                "what was made earlier is not remembered any more: {why}"
            ));
        }
        self.failures(&plan.failed);
    }

    pub(super) fn has_failures(&self) -> bool {
        self.summary.failed > 0
    }

    /// The outcome of one picture; true if it failed. One that was only stopped counts as left.
    pub(super) fn one(
        &mut self,
        place: usize,
        job: &Job,
        outcome: Result<Written, FileError>,
    ) -> bool {
        let failed = match outcome {
            Err(error) if error.is_cancelled() => return false,
            Ok(written) => {
                self.summary.written += 1;
                self.summary.bytes_in += written.bytes_in;
                self.summary.bytes_out += written.bytes_out;
                self.event(&Event::Written {
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
        self.told[place] = true;
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
        self.event(&Event::Failed { input, reason });
        self.warn(&format!("{input}: {reason}"));
    }

    pub(super) fn warn(&self, message: &str) {
        self.bar.suspend(|| complain(message));
    }

    /// For programs.
    fn event(&mut self, event: &Event<'_>) {
        if self.json {
            self.output.event(event);
        }
    }

    fn summarize(&mut self) {
        if self.json {
            self.output.event(&Event::Summary(&self.summary));
        }
    }

    /// For people.
    fn line(&mut self, line: &str) {
        if !self.json && !self.quiet {
            self.output.line(&terminal(line));
        }
    }

    pub(super) fn dry_run(&mut self, plan: &Plan) -> Exit {
        for job in &plan.jobs {
            let (input, output) = (job.input.to_string_lossy(), job.output.to_string_lossy());
            self.event(&Event::Planned {
                input: &input,
                output: &output,
            });
            self.line(&format!("{input} -> {output}"));
        }
        self.summary.seconds = self.started.elapsed().as_secs_f64();
        self.summarize();
        let Summary {
            current,
            failed,
            left,
            ignored,
            ..
        } = self.summary;
        let counts = [(current, UP_TO_DATE), (failed, FAILED), (ignored, IGNORED)];
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
        if self.has_failures() || self.output.is_lost() {
            Exit::SomeFailed
        } else {
            Exit::Done
        }
    }

    /// Names what was not begun or not finished: all of it to programs, the first of it to people.
    fn left(&mut self, jobs: &[Job]) {
        let told = std::mem::take(&mut self.told);
        let left: Vec<_> = jobs
            .iter()
            .zip(told)
            .filter(|(_, told)| !told)
            .map(|(job, _)| job.input.to_string_lossy())
            .collect();
        for input in &left {
            self.event(&Event::Left { input });
        }
        if left.is_empty() || self.json || self.quiet {
            return;
        }
        let more = match left.len().saturating_sub(NAMES) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let names = left[..left.len().min(NAMES)].join(", ");
        self.warn(&format!("not done: {names}{more}"));
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

/// What happened, and which option allows more.
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
const IGNORED: &str = "other files ignored";

fn list(head: String, counts: &[(usize, &str)]) -> String {
    let present = counts.iter().filter(|(count, _)| *count > 0);
    let parts = present.map(|(count, what)| format!("{count} {what}"));
    std::iter::once(head)
        .chain(parts)
        .collect::<Vec<_>>()
        .join(", ")
}
