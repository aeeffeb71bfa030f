//! What is the same for all that one run measures, and is written beside each result.

use std::path::PathBuf;

/// How a run measures, and what else the machine does meanwhile.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// Where results are written.
    pub(crate) out: PathBuf,
    pub(crate) load: Load,
    pub(crate) length: Length,
    /// ` on one core`, or nothing.
    pub(crate) on: &'static str,
}

/// What used the cores besides the measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Processes that compute all the time.
    pub(crate) busy: usize,
    /// The system's load average of the minute before the run, where the system tells it.
    pub(crate) average: Option<f64>,
}

/// How many rounds are made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Length {
    Full,
    /// A third of them.
    Short,
}

impl Load {
    /// Call it before there are the busy processes.
    pub(crate) fn now(busy: usize) -> Self {
        let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let average = text.split(' ').next().and_then(|first| first.parse().ok());
        Self { busy, average }
    }
}

impl Length {
    pub(crate) fn of(self, rounds: usize) -> usize {
        match self {
            Self::Full => rounds,
            // A median of fewer than five is none; what has fewer at full length lasts long.
            Self::Short => rounds.div_ceil(3).max(rounds.min(5)),
        }
    }
}
