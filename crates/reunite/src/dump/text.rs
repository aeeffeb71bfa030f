//! The live tree as text. Names and reasons are escaped: the tree is shown on terminals.

use std::fmt;

use super::{Dump, DumpScope, DumpTask, DumpWait};
use crate::error::NOT_STARTED;
use crate::escape::Escaped;

impl fmt::Display for Dump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let busy = self
            .scopes
            .iter()
            .filter(|scope| !scope.tasks.is_empty() || scope.owner.is_some());
        let mut any = false;
        for scope in busy {
            any = true;
            show_scope(f, scope, 0)?;
        }
        if any {
            Ok(())
        } else {
            writeln!(f, "no scope is open, and no task runs")
        }
    }
}

fn indent(f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
    write!(f, "{:1$}", "", 2 * depth)
}

fn show_scope(f: &mut fmt::Formatter<'_>, scope: &DumpScope, depth: usize) -> fmt::Result {
    indent(f, depth)?;
    write!(f, "{}", scope.scope)?;
    if let (Some(owner), 0) = (&scope.owner, depth) {
        write!(f, ", opened by {owner}")?;
    }
    if let Some(cause) = &scope.cancelled {
        write!(f, ", {}", Escaped(cause))?;
    }
    writeln!(f)?;
    if let Some(waits) = &scope.owner_waits {
        indent(f, depth + 1)?;
        write!(f, "its opener ")?;
        show_wait(f, waits)?;
        writeln!(f)?;
    }
    for task in &scope.tasks {
        show_task(f, task, depth + 1)?;
    }
    if scope.more_queued > 0 {
        indent(f, depth + 1)?;
        writeln!(f, "and {} more that have not started", scope.more_queued)?;
    }
    Ok(())
}

fn show_task(f: &mut fmt::Formatter<'_>, task: &DumpTask, depth: usize) -> fmt::Result {
    indent(f, depth)?;
    write!(f, "{}, {:.1} s old, ", task.task, task.age.as_secs_f64())?;
    if task.is_detached {
        write!(f, "detached, ")?;
    }
    match &task.waits {
        Some(waits) => show_wait(f, waits)?,
        None if task.has_begun => {
            write!(f, "running")?;
            show_holds(f, &task.holds)?;
        }
        None => write!(f, "{NOT_STARTED}")?,
    }
    writeln!(f)?;
    task.scopes
        .iter()
        .try_for_each(|scope| show_scope(f, scope, depth + 1))
}

fn show_wait(f: &mut fmt::Formatter<'_>, waits: &DumpWait) -> fmt::Result {
    let (file, line) = (waits.at.file(), waits.at.line());
    write!(
        f,
        "{} at {file}:{line} for {:.1} s",
        Escaped(&waits.what),
        waits.lasted.as_secs_f64()
    )?;
    show_holds(f, &waits.holds)
}

fn show_holds(f: &mut fmt::Formatter<'_>, holds: &[String]) -> fmt::Result {
    holds
        .iter()
        .try_for_each(|held| write!(f, ", holding {}", Escaped(held)))
}
