//! The live tree as JSON: a list of containers with parent, owner and threads, in the form of the thread dumps of
//! the JDK, so that tools for those need little change.

use std::fmt::Write;

use super::{Dump, DumpScope, DumpTask, DumpWait};
use crate::id::Label;

impl Dump {
    /// The tree as JSON: `{"threadDump":{"processId":…,"threadContainers":[…]}}`.
    ///
    /// Each container has `container` (its number), `name`, `openedAt`, `parent` (the number of the container around
    /// it, or null), `owner` (the number of the task that opened it, or null), `threads`, and `moreQueued` (the number
    /// of tasks that have not begun and are left out). Each thread has `tid`, `name`, `spawnedAt`, `state` (`NEW`,
    /// `RUNNABLE`, `WAITING`), `ageSeconds`, `detached`; if it waits, `waitsFor`, `waitsAt` and `waitedSeconds`; and
    /// `holds` where that is known.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        let _infallible = write!(
            out,
            r#"{{"threadDump":{{"processId":{},"threadContainers":["#,
            std::process::id()
        );
        let mut first = true;
        for scope in &self.scopes {
            container(&mut out, scope, None, &mut first);
        }
        out.push_str("]}}");
        out
    }
}

fn text(out: &mut String, name: &str, value: &str) {
    let _infallible = write!(out, r#""{name}":"#);
    out.push('"');
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c < ' ' => {
                let _infallible = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

fn number(out: &mut String, name: &str, value: Option<u64>) {
    let _infallible = match value {
        Some(value) => write!(out, r#""{name}":{value},"#),
        None => write!(out, r#""{name}":null,"#),
    };
}

/// Writes the number, the name and the line of a label.
fn label(out: &mut String, number_is: &str, line_is: &str, label: &Label) {
    number(out, number_is, Some(label.id().as_u64()));
    match label.name() {
        Some(name) => text(out, "name", name),
        None => out.push_str(r#""name":null"#),
    }
    out.push(',');
    let at = label.spawned_at();
    text(out, line_is, &format!("{}:{}", at.file(), at.line()));
    out.push(',');
}

fn container(out: &mut String, scope: &DumpScope, parent: Option<&DumpScope>, first: &mut bool) {
    if !std::mem::replace(first, false) {
        out.push(',');
    }
    out.push('{');
    label(out, "container", "openedAt", &scope.scope);
    number(
        out,
        "parent",
        parent.map(|parent| parent.scope.id().as_u64()),
    );
    number(
        out,
        "owner",
        scope.owner.as_ref().map(|owner| owner.id().as_u64()),
    );
    if let Some(cause) = &scope.cancelled {
        text(out, "cancelled", cause);
        out.push(',');
    }
    if let Some(waits) = &scope.owner_waits {
        out.push_str(r#""ownerWaits":{"#);
        wait(out, waits);
        out.push_str("},");
    }
    out.push_str(r#""threads":["#);
    for (place, task) in scope.tasks.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        thread(out, task);
    }
    let _infallible = write!(out, r#"],"moreQueued":{}}}"#, scope.more_queued);
    for inner in scope.tasks.iter().flat_map(|task| &task.scopes) {
        container(out, inner, Some(scope), first);
    }
}

fn thread(out: &mut String, task: &DumpTask) {
    out.push('{');
    label(out, "tid", "spawnedAt", &task.task);
    let state = match (&task.waits, task.has_begun) {
        (Some(_), _) => "WAITING",
        (None, true) => "RUNNABLE",
        (None, false) => "NEW",
    };
    text(out, "state", state);
    let _infallible = write!(
        out,
        r#","ageSeconds":{:.3},"detached":{}"#,
        task.age.as_secs_f64(),
        task.is_detached
    );
    if let Some(waits) = &task.waits {
        out.push(',');
        wait(out, waits);
    } else if !task.holds.is_empty() {
        out.push(',');
        holds(out, &task.holds);
    }
    out.push('}');
}

fn wait(out: &mut String, waits: &DumpWait) {
    text(out, "waitsFor", &waits.what);
    out.push(',');
    text(
        out,
        "waitsAt",
        &format!("{}:{}", waits.at.file(), waits.at.line()),
    );
    let _infallible = write!(
        out,
        r#","waitedSeconds":{:.3},"#,
        waits.lasted.as_secs_f64()
    );
    holds(out, &waits.holds);
}

fn holds(out: &mut String, holds: &[String]) {
    out.push_str(r#""holds":["#);
    for (place, held) in holds.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        out.push('{');
        text(out, "lock", held);
        out.push('}');
    }
    out.push(']');
}
