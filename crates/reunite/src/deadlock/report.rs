//! The text of a deadlock's error.

use std::panic::Location;

use super::bonds::{self, Bond, Held};
use super::records::{Graph, Hold, Path, Record};
use super::site::Object;
use crate::error::{Deadlock, DeadlockLink};
use crate::observe::Verb;

/// The number of waits that are listed where all waits are for anyone: thousands of tasks may be refused one after the
/// other, and each error lists other waits.
pub(super) const TOLD: usize = 8;

/// Makes the error from the records of `path`. `untold` more are not listed. In a cycle, all records are listed,
/// because each depends on the next and the last on the first.
pub(super) fn of(graph: &Graph, path: &Path, untold: usize, is_cycle: bool) -> Deadlock {
    let following = path.iter().cycle().skip(1);
    let links = path
        .iter()
        .zip(following)
        .map(|((ticket, bond), (next, _))| {
            let (record, next) = (&graph.records[ticket], &graph.records[next]);
            DeadlockLink {
                task: record.task.clone(),
                waits: record.site.to_string(),
                at: record.site.at,
                holds: record.own_holds().map(hold).collect(),
                kept: match bond {
                    Some(bond) => kept(graph, record, *bond, next),
                    None if untold > 0 || path.len() == 1 => String::new(),
                    None => format!("while {} also waits", next.task),
                },
            }
        });
    Deadlock::new(links.collect(), untold, advice(graph, path, is_cycle))
}

fn line(at: &Location<'_>) -> String {
    format!("{}:{}", at.file(), at.line())
}

/// The locks that the calling thread holds, without the oldest `but_for`.
pub(crate) fn held_in_words(but_for: usize) -> Vec<String> {
    bonds::held().iter().skip(but_for).map(hold).collect()
}

pub(super) fn hold(held: &Held) -> String {
    let what = match held.bond {
        Bond::Read(_) => "a lock, for reading,",
        _ => "a lock",
    };
    format!("{what} since {}", line(held.since))
}

fn kept(graph: &Graph, record: &Record, bond: Bond, next: &Record) -> String {
    if let Some(leaked) = graph.leaked.get(&bond).and_then(|leaked| leaked.last()) {
        return format!(
            "held since {} by {}, which has completed and leaked its guard",
            line(leaked.since),
            leaked.by
        );
    }
    match bond {
        Bond::Lock(_) | Bond::Read(_) => match next.hold_of(bond) {
            Some(Hold { held, by }) if by.id() != next.task.id() => {
                let (since, task) = (line(held.since), &next.task);
                format!("held since {since} by {by}, in whose wait {task} runs")
            }
            Some(Hold { held, by }) => format!("held since {} by {by}", line(held.since)),
            None => format!("held by {}", next.task),
        },
        Bond::Turn(..) => format!("for which {} waits to write first", next.task),
        Bond::Task(_) | Bond::Group(_) | Bond::Job(_) => match &record.site.object {
            Object::Label(label) if label.id() == next.task.id() => String::new(),
            _ => format!("which depends on {}", next.task),
        },
    }
}

fn advice(graph: &Graph, path: &Path, is_cycle: bool) -> &'static str {
    let bonds = || path.iter().filter_map(|(_, bond)| *bond);
    let is_lock = |bond: Bond| !matches!(bond, Bond::Task(_) | Bond::Group(_) | Bond::Job(_));
    if !is_cycle {
        return "no other thread runs that could wake any of them: send, close or release before waiting";
    }
    if bonds().any(|bond| graph.leaked.contains_key(&bond)) {
        return "drop the guard of every lock instead of forgetting it";
    }
    match (bonds().any(is_lock), bonds().all(is_lock)) {
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

/// Returns true if a lock of the cycle is held by a task inside whose wait another task of the cycle runs.
fn is_held_around(graph: &Graph, path: &Path) -> bool {
    let following = path.iter().cycle().skip(1);
    path.iter().zip(following).any(|((_, bond), (next, _))| {
        let next = &graph.records[next];
        let hold = bond.and_then(|bond| next.hold_of(bond));
        hold.is_some_and(|hold| hold.by.id() != next.task.id())
    })
}

fn initialises(graph: &Graph, path: &Path) -> bool {
    path.iter()
        .all(|(ticket, _)| graph.records[ticket].site.verb == Verb::Initialise)
}
