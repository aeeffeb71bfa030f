//! The summary of a profile on one screen.

use std::fmt;
use std::panic::Location;

use super::model::{Hint, JoinSite, Profile, Step};
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
        show_figures(f, self)?;
        show_sites(f, &self.sites)?;
        show_critical_path(f, &self.critical_path)?;
        show_hints(f, &self.hints)
    }
}

fn show_figures(f: &mut fmt::Formatter<'_>, profile: &Profile) -> fmt::Result {
    writeln!(
        f,
        "wall {} · work {} · span {} ({} with spawn and wake-up costs)",
        time(profile.wall),
        time(profile.work),
        time(profile.span),
        time(profile.burdened_span)
    )?;
    writeln!(
        f,
        "parallelism {:.2} ({:.2} with those costs) · {:.0} % of {} used · tasks {} · threads {}",
        profile.parallelism(),
        profile.burdened_parallelism(),
        profile.utilisation() * 100.0,
        quantity(profile.cores, "core"),
        profile.tasks.len(),
        profile.threads.len()
    )?;
    if profile.forgotten > 0 {
        writeln!(
            f,
            "{} discarded, the oldest first: the figures cover the others",
            quantity(profile.forgotten, "event")
        )?;
    }
    Ok(())
}

fn show_sites(f: &mut fmt::Formatter<'_>, sites: &[JoinSite]) -> fmt::Result {
    if !sites.is_empty() {
        writeln!(
            f,
            "\nwaits for tasks        lost   not begun     running     waiting      waking  times"
        )?;
    }
    for site in sites.iter().take(LINES) {
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
    Ok(())
}

/// Shows the longest steps, in the order of the path.
fn show_critical_path(f: &mut fmt::Formatter<'_>, path: &[Step]) -> fmt::Result {
    const STEPS: usize = 2 * LINES;
    if !path.is_empty() {
        writeln!(f, "\ncritical path")?;
    }
    let mut longest: Vec<_> = path.iter().map(|step| step.lasts).collect();
    longest.sort_unstable_by(|a, b| b.cmp(a));
    let least = longest.get(STEPS - 1).copied().unwrap_or_default();
    for step in path.iter().filter(|step| step.lasts >= least).take(STEPS) {
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
    if path.len() > STEPS {
        writeln!(
            f,
            "              … and {} shorter steps",
            path.len() - STEPS
        )?;
    }
    Ok(())
}

fn show_hints(f: &mut fmt::Formatter<'_>, hints: &[Hint]) -> fmt::Result {
    if !hints.is_empty() {
        writeln!(f, "\nhints (guesses from this run)")?;
    }
    for hint in hints.iter().take(LINES) {
        writeln!(f, "- {}", hint.text)?;
    }
    Ok(())
}
