//! Standard output: JSON lines for programs, or a few lines for people.

use std::io::{ErrorKind, Write, stdout};

use reunite_base::escape::json;
use serde::Serialize;

use crate::complain::complain;
use crate::progress::aside;

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(super) enum ImageEvent<'a> {
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
        reason: &'a str,
    },
    /// A picture not started or not finished when the run stopped.
    Left {
        input: &'a str,
    },
    Planned {
        input: &'a str,
        output: &'a str,
    },
    Summary(&'a ImagesSummary),
}

#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct ImagesSummary {
    /// Results written by this run.
    pub(super) written: usize,
    /// Results that were already up to date.
    pub(super) current: usize,
    pub(super) failed: usize,
    /// Pictures not started or not finished.
    pub(super) left: usize,
    /// Files in folders that are not pictures.
    pub(super) ignored: usize,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) seconds: f64,
    pub(super) interrupted: bool,
    pub(super) timed_out: bool,
}

/// Standard output, which remembers whether a write failed.
#[derive(Debug, Default)]
pub(super) struct Lines {
    has_failed: bool,
}

impl Lines {
    pub(super) fn event(&mut self, event: &ImageEvent<'_>) {
        match serde_json::to_string(event) {
            Ok(line) => self.line(&json(&line)),
            Err(error) => self.failed(&error.to_string()),
        }
    }

    /// Writes a line. A reader that closed standard output neither stops the run nor is a failure; a full disk is a
    /// failure.
    pub(super) fn line(&mut self, line: &str) {
        if let Err(error) = aside(|| writeln!(stdout(), "{line}"))
            && error.kind() != ErrorKind::BrokenPipe
        {
            self.failed(&error.to_string());
        }
    }

    /// Reports the first failure only.
    fn failed(&mut self, why: &str) {
        if !std::mem::replace(&mut self.has_failed, true) {
            complain(&format!("cannot write to standard output: {why}"));
        }
    }

    pub(super) fn has_failed(&self) -> bool {
        self.has_failed
    }
}
