//! The text of a deadlock's error.

use std::panic::Location;

use super::records::{Graph, HeldLock, RecordPath, WaitRecord};
use super::resources::{self, Held, Resource};
use super::site::WaitObject;
use crate::error::{Deadlock, DeadlockLink};
use crate::observe::Verb;

/// The most waits that an error lists if it was found because every thread waits. There may be thousands of them, each
/// refused in turn with an error that lists the others.
pub(super) const LISTED: usize = 8;

/// Makes the error of a cycle. `path` has all of its records: each depends on the next, and the last on the first.
pub(super) fn of_cycle(graph: &Graph, path: &RecordPath) -> Deadlock {
    make(graph, path, 0, advice(graph, path))
}

/// Makes the error for the case that every thread waits. `more_waits` is the number of waits besides those of `path`.
pub(super) fn of_standstill(graph: &Graph, path: &RecordPath, more_waits: usize) -> Deadlock {
    let advice =
        "no other thread runs that could wake any of them: send, close or release before waiting";
    make(graph, path, more_waits, advice)
}

fn make(graph: &Graph, path: &RecordPath, more_waits: usize, advice: &'static str) -> Deadlock {
    let following = path.iter().cycle().skip(1);
    let links = path
        .iter()
        .zip(following)
        .map(|((ticket, resource), (next, _))| {
            let (record, next) = (&graph.records[ticket], &graph.records[next]);
            DeadlockLink {
                task: record.task.clone(),
                waits: record.site.to_string(),
                at: record.site.at,
                holds: record.own_holds().map(hold).collect(),
                kept: match resource {
                    Some(resource) => describe_link(graph, record, *resource, next),
                    None if more_waits > 0 || path.len() == 1 => String::new(),
                    None => format!("while {} also waits", next.task),
                },
            }
        });
    Deadlock::new(links.collect(), more_waits, advice)
}

/// Returns the source line, as `file:line`.
fn line(at: &Location<'_>) -> String {
    format!("{}:{}", at.file(), at.line())
}

/// Returns descriptions of the locks that the calling thread holds, without the oldest `but_for` of them.
pub(crate) fn describe_held(but_for: usize) -> Vec<String> {
    resources::held().iter().skip(but_for).map(hold).collect()
}

/// Returns the description of a lock that is held.
pub(super) fn hold(held: &Held) -> String {
    let what = match held.resource {
        Resource::Read(_) => "a lock, for reading,",
        Resource::Upgradable(_) => "a lock, for an upgradable read,",
        _ => "a lock",
    };
    format!("{what} since {}", line(held.since))
}

/// Returns why the wait of `record` depends on `next`: what `next` holds, or stands before. Empty if the text of the wait
/// names it already.
fn describe_link(
    graph: &Graph,
    record: &WaitRecord,
    resource: Resource,
    next: &WaitRecord,
) -> String {
    if let Some(leaked) = graph.leaked.get(&resource).and_then(|leaked| leaked.last()) {
        return format!(
            "held since {} by {}, which has completed and leaked its guard",
            line(leaked.since),
            leaked.by
        );
    }
    match resource {
        Resource::Lock(_) | Resource::Read(_) | Resource::Upgradable(_) => {
            match next.hold_of(resource) {
                Some(HeldLock { held, by }) if by.id() != next.task.id() => {
                    let (since, task) = (line(held.since), &next.task);
                    format!("held since {since} by {by}, in whose wait {task} runs")
                }
                Some(HeldLock { held, by }) => format!("held since {} by {by}", line(held.since)),
                None => format!("held by {}", next.task),
            }
        }
        Resource::Turn(..) => format!("for which {} waits to write first", next.task),
        Resource::Task(_) | Resource::Group(_) | Resource::Job(_) => match &record.site.object {
            WaitObject::Label(label) if label.id() == next.task.id() => String::new(),
            _ => format!("which depends on {}", next.task),
        },
    }
}

/// Returns the advice against a cycle.
fn advice(graph: &Graph, path: &RecordPath) -> &'static str {
    let resources = || path.iter().filter_map(|(_, resource)| *resource);
    let is_lock = |resource: Resource| {
        !matches!(
            resource,
            Resource::Task(_) | Resource::Group(_) | Resource::Job(_)
        )
    };
    if resources().any(|resource| graph.leaked.contains_key(&resource)) {
        return "drop the guard of every lock instead of forgetting it";
    }
    match (resources().any(is_lock), resources().all(is_lock)) {
        (false, _) => "join from a task for which none of them waits",
        (true, true) if is_held_around(graph, path) => {
            "release the lock before waiting for a task that wants it"
        }
        (true, false) => "release the lock before waiting for a task that wants it",
        (true, true) if path.len() == 1 && initialises(graph, path) => {
            "make the value without using it"
        }
        (true, true) if path.len() == 1 => "release the lock before taking it again",
        (true, true) => "take the locks in the same order everywhere",
    }
}

/// Returns true if a lock of the cycle was not taken by the task that waits, but by a task below it on the same stack.
fn is_held_around(graph: &Graph, path: &RecordPath) -> bool {
    let following = path.iter().cycle().skip(1);
    path.iter()
        .zip(following)
        .any(|((_, resource), (next, _))| {
            let next = &graph.records[next];
            let hold = resource.and_then(|resource| next.hold_of(resource));
            hold.is_some_and(|hold| hold.by.id() != next.task.id())
        })
}

/// Returns true if all waits of the path wait for the value of a cell to be made.
fn initialises(graph: &Graph, path: &RecordPath) -> bool {
    path.iter()
        .all(|(ticket, _)| graph.records[ticket].site.verb == Verb::Initialise)
}
