//! Output of a running crawl: a progress line or JSON lines, and the summary.

use std::collections::BTreeMap;
use std::io::{Write, stdout};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use reunite_base::escape::json;
use reunite_base::units::{bytes, counted};
use reunite_crawl::address::Skipped;
use reunite_crawl::store::Store;
use reunite_crawl::{CrawlEnd, CrawlEvent, Limit, Progress};
use serde::Serialize;

use super::args::Run;
use super::hints::with_option;
use super::output::Output;
use crate::complain::complain;
use crate::exit::Exit;
use crate::progress::{aside, bar_target};

pub(super) struct RunOutput {
    json: bool,
    quiet: bool,
    bar: ProgressBar,
    started: Instant,
    /// Pages stored in this run.
    stored: u64,
    output: Output,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Line<'a> {
    Page {
        url: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        #[serde(skip_serializing_if = "Option::is_none")]
        failure: Option<String>,
        bytes: u64,
        milliseconds: u64,
    },
    Progress {
        done: u64,
        failed: u64,
        queued: u64,
        in_flight: usize,
        rate: f64,
        hosts: BTreeMap<&'a str, u64>,
    },
    Warning {
        message: &'a str,
    },
    Summary(Summary),
}

#[derive(Default, Serialize)]
struct Summary {
    /// Pages stored in this run.
    stored: u64,
    /// Pages in the store.
    done: u64,
    /// Pages in the store that failed.
    failed: u64,
    /// Pages in the store that were answered with a status of 400 or above.
    refused: u64,
    /// Addresses still queued.
    left: u64,
    /// Addresses not fetched, by reason.
    skipped: BTreeMap<String, u64>,
    /// Bytes over the wire.
    bytes: u64,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<&'static str>,
    interrupted: bool,
    timed_out: bool,
    /// The reason why the crawl could not start or continue.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl RunOutput {
    pub(super) fn new(args: &Run) -> Self {
        let target = bar_target(!args.json && !args.quiet);
        let bar = ProgressBar::with_draw_target(None, target);
        let style = ProgressStyle::with_template("{spinner:.cyan} {wide_msg}");
        bar.set_style(style.unwrap_or(ProgressStyle::default_spinner()));
        Self {
            json: args.json,
            quiet: args.quiet,
            bar,
            started: Instant::now(),
            stored: 0,
            output: Output::default(),
        }
    }

    pub(super) fn event(&mut self, event: CrawlEvent) {
        match event {
            CrawlEvent::Page(page) => {
                self.stored += 1;
                self.emit(&Line::Page {
                    url: &page.url,
                    status: page.status,
                    failure: page
                        .failure
                        .as_ref()
                        .map(|failure| with_option(failure.kind(), &failure.to_string())),
                    bytes: page.bytes,
                    milliseconds: page.milliseconds,
                });
            }
            CrawlEvent::Progress(progress) => {
                self.bar.set_message(sentence(&progress));
                self.bar.tick();
                let hosts = progress.hosts.iter();
                self.emit(&Line::Progress {
                    done: progress.done,
                    failed: progress.failed,
                    queued: progress.queued,
                    in_flight: progress.in_flight,
                    rate: progress.rate,
                    hosts: hosts
                        .map(|host| (host.origin.as_str(), host.queued))
                        .collect(),
                });
            }
            CrawlEvent::Warning(message) => {
                self.emit(&Line::Warning { message: &message });
                self.bar.suspend(|| complain(&message));
            }
        }
    }

    fn emit(&mut self, line: &Line<'_>) {
        if self.json {
            let line = serde_json::to_string(line).map_err(std::io::Error::from);
            let said = line.and_then(|line| aside(|| writeln!(stdout(), "{}", json(&line))));
            self.output.said(said);
        }
    }

    /// Reports that the crawl could not start or continue: as a message, and in the JSON summary.
    pub(super) fn failed(&mut self, message: &str) -> Exit {
        self.bar.finish_and_clear();
        complain(message);
        self.emit(&Line::Summary(Summary {
            stored: self.stored,
            seconds: self.started.elapsed().as_secs_f64(),
            error: Some(message.to_owned()),
            ..Summary::default()
        }));
        if self.stored > 0 {
            Exit::SomeFailed
        } else {
            Exit::CouldNotBegin
        }
    }

    pub(super) fn end(
        &mut self,
        store: &Store,
        end: CrawlEnd,
        timed_out: bool,
        interrupted: bool,
    ) -> Exit {
        self.bar.finish_and_clear();
        let (counts, skipped) = match (store.counts(), store.skipped()) {
            (Ok(counts), Ok(skipped)) => (counts, skipped),
            (Err(error), _) | (_, Err(error)) => {
                return self.failed(&error.to_string());
            }
        };
        let stopped = end == CrawlEnd::Stopped;
        let elapsed = self.started.elapsed();
        let summary = Summary {
            stored: self.stored,
            done: counts.done,
            failed: counts.failed,
            refused: counts.refused,
            left: counts.queued,
            skipped: skipped.into_iter().collect(),
            bytes: counts.wire,
            seconds: elapsed.as_secs_f64(),
            limit: match end {
                CrawlEnd::Limit(limit) => Some(limit_flag(limit)),
                _ => None,
            },
            interrupted: stopped && interrupted,
            timed_out: stopped && timed_out,
            error: None,
        };
        if !self.json && !self.quiet {
            let said = writeln!(stdout(), "{}", summary.sentence(elapsed));
            self.output.said(said);
        }
        let failed = summary.failed > 0;
        let (interrupted, timed_out) = (summary.interrupted, summary.timed_out);
        self.emit(&Line::Summary(summary));
        if interrupted {
            Exit::Interrupted
        } else if timed_out {
            Exit::TimedOut
        } else if failed {
            Exit::SomeFailed
        } else {
            self.output.exit(Exit::Done)
        }
    }
}

/// Returns the flag that sets a limit.
fn limit_flag(limit: Limit) -> &'static str {
    match limit {
        Limit::Pages => "--max-pages",
        Limit::Bytes => "--max-bytes",
    }
}

/// Returns the reason for skipping addresses, with the flag that sets the limit.
fn skip_reason(reason: Skipped) -> String {
    match reason {
        Skipped::Depth => "deeper than --depth".to_owned(),
        Skipped::Variants => "beyond --max-variants".to_owned(),
        _ => reason.to_string(),
    }
}

/// Returns the text of the progress line.
fn sentence(progress: &Progress) -> String {
    let Progress {
        done,
        failed,
        queued,
        rate,
        ..
    } = progress;
    let mut text = format!("{done} done, {queued} queued, {failed} failed, {rate:.0}/s");
    for host in progress.hosts.iter().take(3) {
        text.push_str(&format!("  {} {}", host.origin, host.queued));
    }
    text
}

impl Summary {
    fn sentence(&self, elapsed: Duration) -> String {
        let seconds = elapsed.as_secs_f64();
        let mut parts = vec![format!(
            "{} stored in {seconds:.1} s",
            counted(self.stored, "page")
        )];
        if self.done > self.stored {
            parts.push(format!("{} in total", self.done));
        }
        parts.push(bytes(self.bytes));
        let counts = [
            (self.failed, "failed"),
            (self.refused, "answered with status 400 or above"),
        ];
        for (count, what) in counts {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        if self.left > 0 {
            let advice = match self.limit {
                Some(limit) => format!("raise {limit} to continue"),
                None => "run the same command to continue".to_owned(),
            };
            parts.push(format!("{} left: {advice}", self.left));
        }
        let mut text = parts.join(", ");
        let reasons = Skipped::ALL.iter().filter_map(|reason| {
            let count = self.skipped.get(reason.word())?;
            Some(format!("{count} {}", skip_reason(*reason)))
        });
        let reasons: Vec<String> = reasons.collect();
        if !reasons.is_empty() {
            text.push_str(&format!("\nnot fetched: {}", reasons.join(", ")));
        }
        text
    }
}
