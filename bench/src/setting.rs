//! The settings of a run, which are written beside each of its results.

use std::path::PathBuf;

/// The settings of a run, and the load of the machine meanwhile.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// The folder for results.
    pub(crate) out: PathBuf,
    pub(crate) load: Load,
    pub(crate) length: Length,
    /// ` on one core`, or empty.
    pub(crate) on: &'static str,
}

/// The use of the cores by anything but the measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// The number of processes that compute all the time.
    pub(crate) busy: usize,
    /// The system's load average of the minute before the run, if the system tells it.
    pub(crate) average: Option<f64>,
}

/// The number of rounds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Length {
    Full,
    /// A third of the full number.
    Short,
}

impl Load {
    /// The load at this moment. To be called before the busy processes are started.
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
            // Fewer than five samples have no useful median; measurements with fewer at full length take long.
            Self::Short => rounds.div_ceil(3).max(rounds.min(5)),
        }
    }
}
