//! The summary of a profile on one screen.

use std::fmt;
use std::panic::Location;

use super::model::Profile;
use crate::primitive::Duration;
use crate::quantity::quantity;

/// The maximal number of lines of each table.
const LINES: usize = 6;

fn time(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds >= 1.0 {
        format!("{seconds:.2} s")
    } else if seconds >= 1e-3 {
        format!("{:.2} ms", seconds * 1e3)
    } else {
        format!("{:.1} µs", seconds * 1e6)
    }
}

fn line(at: &Location<'_>) -> String {
    format!("{}:{}", at.file(), at.line())
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "wall {} · work {} · span {} ({} with spawn and wake-up costs)",
            time(self.wall),
            time(self.work),
            time(self.span),
            time(self.burdened_span)
        )?;
        writeln!(
            f,
            "parallelism {:.2} ({:.2} with those costs) · {:.0} % of {} used · tasks {} · threads {}",
            self.parallelism(),
            self.burdened_parallelism(),
            self.utilisation() * 100.0,
            quantity(self.cores, "core"),
            self.tasks.len(),
            self.threads.len()
        )?;
        if self.forgotten > 0 {
            writeln!(
                f,
                "{} discarded, the oldest first: the figures cover the others",
                quantity(self.forgotten, "event")
            )?;
        }
        if !self.sites.is_empty() {
            writeln!(
                f,
                "\nwaits for tasks        lost   not begun     running     waiting      waking  times"
            )?;
        }
        for site in self.sites.iter().take(LINES) {
            writeln!(
                f,
                "{:<14} {:>12}{:>12}{:>12}{:>12}{:>12}{:>7}  {}",
                site.verb,
                time(site.lost),
                time(site.not_started),
                time(site.running),
                time(site.blocked),
                time(site.waking),
                site.waits,
                line(site.at)
            )?;
        }
        if !self.critical_path.is_empty() {
            writeln!(f, "\ncritical path")?;
        }
        let mut longest: Vec<_> = self.critical_path.iter().map(|step| step.lasts).collect();
        longest.sort_unstable_by(|a, b| b.cmp(a));
        let least = longest.get(2 * LINES - 1).copied().unwrap_or_default();
        let shown = self
            .critical_path
            .iter()
            .filter(|step| step.lasts >= least)
            .take(2 * LINES);
        for step in shown {
            let came = if step.is_join {
                "after the join at"
            } else {
                "from"
            };
            writeln!(
                f,
                "{:>12}  {}, {came} {}",
                time(step.lasts),
                step.task,
                line(step.at)
            )?;
        }
        if self.critical_path.len() > 2 * LINES {
            writeln!(
                f,
                "              … and {} shorter steps",
                self.critical_path.len() - 2 * LINES
            )?;
        }
        if !self.hints.is_empty() {
            writeln!(f, "\nhints (guesses from this run)")?;
        }
        for hint in self.hints.iter().take(LINES) {
            writeln!(f, "- {}", hint.text)?;
        }
        Ok(())
    }
}
