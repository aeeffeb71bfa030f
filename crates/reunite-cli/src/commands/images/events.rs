//! What goes to standard output: JSON lines for programs, a line or two for people.

use std::io::{ErrorKind, Write, stdout};

use serde::Serialize;

use crate::complain::complain;
use crate::progress::aside;

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(super) enum Event<'a> {
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
    /// Not begun or not finished when everything stopped.
    Left {
        input: &'a str,
    },
    Planned {
        input: &'a str,
        output: &'a str,
    },
    Summary(&'a Summary),
}

#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Summary {
    /// Results that are in their place now.
    pub(super) written: usize,
    /// Results that were up to date.
    pub(super) current: usize,
    pub(super) failed: usize,
    /// Pictures that were not begun or not finished.
    pub(super) left: usize,
    /// Files in folders that are no pictures.
    pub(super) ignored: usize,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) seconds: f64,
    pub(super) interrupted: bool,
    pub(super) timed_out: bool,
}

/// Standard output, and whether what was said there arrived.
#[derive(Debug, Default)]
pub(super) struct Output {
    lost: bool,
}

impl Output {
    pub(super) fn event(&mut self, event: &Event<'_>) {
        match serde_json::to_string(event) {
            Ok(line) => self.line(&line),
            Err(error) => self.failed(&error.to_string()),
        }
    }

    /// A reader that went away is no reason to stop making pictures, nor a fault; a full disk is a fault.
    pub(super) fn line(&mut self, line: &str) {
        if let Err(error) = aside(|| writeln!(stdout(), "{line}"))
            && error.kind() != ErrorKind::BrokenPipe
        {
            self.failed(&error.to_string());
        }
    }

    /// Told once.
    fn failed(&mut self, why: &str) {
        if !std::mem::replace(&mut self.lost, true) {
            complain(&format!("standard output: {why}"));
        }
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }
}
