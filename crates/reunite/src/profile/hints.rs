//! Hints: what to look at first. Each hint is a guess from one run.

use std::collections::BTreeMap;
use std::panic::Location;

use super::model::{Hint, HintKind, JoinSite, ScopeProfile, TaskProfile, Waited};
use super::replayed_tasks::Burden;
use crate::id::TaskId;
use crate::observe::Verb;
use crate::primitive::Duration;
use crate::quantity::quantity;

/// A gain below one part in this many of the span is not worth a hint.
const WORTH: u32 = 20;
/// The maximal number of lines for which a later join is tried.
const TRIED: usize = 8;

pub(super) struct HintInput<'a> {
    pub(super) tasks: &'a [TaskProfile],
    pub(super) scopes: &'a [ScopeProfile],
    pub(super) sites: &'a [JoinSite],
    pub(super) span: Duration,
    pub(super) work: Duration,
    pub(super) wall: Duration,
    pub(super) burden: Burden,
}

/// Makes the hints. `span_if_later` computes the span if the joins at a line came at the end of their scope.
pub(super) fn of(
    seen: &HintInput<'_>,
    span_if_later: impl Fn(&'static Location<'static>) -> Duration,
) -> Vec<Hint> {
    let mut hints = Vec::new();
    premature_joins(seen, span_if_later, &mut hints);
    spawn_then_join(seen, &mut hints);
    lonely_scopes(seen, &mut hints);
    head_of_line(seen, &mut hints);
    fine_grain(seen, &mut hints);
    locks_across_joins(seen, &mut hints);
    hints.sort_by_key(|hint| std::cmp::Reverse(hint.saves));
    hints
}

fn line(at: &Location<'_>) -> String {
    format!("{}:{}", at.file(), at.line())
}

fn percent(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() {
        0.0
    } else {
        part.as_secs_f64() / whole.as_secs_f64() * 100.0
    }
}

fn premature_joins(
    seen: &HintInput<'_>,
    span_if_later: impl Fn(&'static Location<'static>) -> Duration,
    hints: &mut Vec<Hint>,
) {
    let joins = seen.sites.iter().filter(|site| site.verb == Verb::Join);
    for site in joins.take(TRIED) {
        let saves = seen.span.saturating_sub(span_if_later(site.at));
        if saves > seen.span / WORTH {
            hints.push(Hint {
                kind: HintKind::PrematureJoin,
                at: site.at,
                saves,
                text: format!(
                    "the join at {} waits before its caller spawns more tasks: with the join at the end of \
                     the scope, the span might be {:.0} % shorter",
                    line(site.at),
                    percent(saves, seen.span)
                ),
            });
        }
    }
}

fn spawn_then_join(seen: &HintInput<'_>, hints: &mut Vec<Hint>) {
    let mut spawns: BTreeMap<TaskId, Vec<Duration>> = BTreeMap::new();
    for task in seen.tasks {
        spawns
            .entry(task.parent.unwrap_or(task.task.id()))
            .or_default()
            .push(task.spawned);
    }
    spawns.values_mut().for_each(|times| times.sort_unstable());
    let waits = joins_that_waited(seen.tasks);
    let mut found: BTreeMap<(&str, u32), (&'static Location<'static>, usize, Duration)> =
        BTreeMap::new();
    for task in seen.tasks {
        let (Some(parent), Some((joined, by, at))) = (task.parent, task.joined) else {
            continue;
        };
        if at == task.task.spawned_at() {
            // A half of a fork cannot be joined later.
            continue;
        }
        let waited = waits.get(&(by, task.task.id()));
        // The joiner may have waited for the task before, at another line, without success.
        let Some(waited) = waited.filter(|wait| wait.at == at && wait.to <= joined) else {
            continue;
        };
        let others = &spawns[&parent];
        let next = others.partition_point(|other| *other <= task.spawned);
        let spawned_between = others.get(next).is_some_and(|other| *other < joined);
        let soon = waited.from.saturating_sub(task.spawned)
            < (waited.to.saturating_sub(waited.from)) / WORTH;
        if by == parent && soon && !spawned_between {
            let entry = found
                .entry((at.file(), at.line()))
                .or_insert((at, 0, Duration::ZERO));
            entry.1 += 1;
            entry.2 += waited.to.saturating_sub(waited.from);
        }
    }
    for (at, count, lost) in found.into_values() {
        hints.push(Hint {
            kind: HintKind::SpawnThenJoin,
            at,
            saves: Duration::ZERO,
            text: format!(
                "the join at {} comes right after the spawn ({}, {:.1} ms in all): nothing ran in \
                 parallel; call the function directly, or join later",
                line(at),
                quantity(count, "time"),
                lost.as_secs_f64() * 1e3
            ),
        });
    }
}

/// Returns the last wait of each joiner for each task, by joiner and task.
fn joins_that_waited(tasks: &[TaskProfile]) -> BTreeMap<(TaskId, TaskId), &Waited> {
    let waits = tasks.iter().flat_map(|joiner| {
        let by = joiner.task.id();
        let joins = joiner.waits.iter().filter(|wait| wait.verb == Verb::Join);
        joins.filter_map(move |wait| Some(((by, wait.object.as_ref()?.id()), wait)))
    });
    waits.collect()
}

fn lonely_scopes(seen: &HintInput<'_>, hints: &mut Vec<Hint>) {
    let mut members: BTreeMap<TaskId, usize> = BTreeMap::new();
    for scope in seen.tasks.iter().filter_map(|task| task.scope) {
        *members.entry(scope).or_default() += 1;
    }
    for scope in seen.scopes {
        if members.get(&scope.scope.id()) == Some(&1) {
            let at = scope.scope.spawned_at();
            hints.push(Hint {
                kind: HintKind::LonelyScope,
                at,
                saves: Duration::ZERO,
                text: format!(
                    "the scope at {} has only one task: does anything run in parallel with it?",
                    line(at)
                ),
            });
        }
    }
    hints.dedup_by_key(|hint| (hint.at.file(), hint.at.line(), hint.kind as u8));
}

fn head_of_line(seen: &HintInput<'_>, hints: &mut Vec<Hint>) {
    let joined = first_completed_later(seen.tasks);
    let mut idle: BTreeMap<(&str, u32), (&'static Location<'static>, Duration)> = BTreeMap::new();
    for joiner in seen.tasks {
        let Some(joined) = joined.get(&joiner.task.id()) else {
            continue;
        };
        for wait in joiner.waits.iter().filter(|wait| wait.verb == Verb::Join) {
            let later = joined.partition_point(|(at, _)| *at <= wait.to);
            let done = joined.get(later).map(|(_, done)| done);
            if let Some(done) = done.filter(|done| **done < wait.to) {
                let entry = idle
                    .entry((wait.at.file(), wait.at.line()))
                    .or_insert((wait.at, Duration::ZERO));
                entry.1 += wait.to.saturating_sub(wait.from.max(*done));
            }
        }
    }
    for (at, idle) in idle
        .into_values()
        .filter(|(_, idle)| *idle > seen.wall / WORTH)
    {
        hints.push(Hint {
            kind: HintKind::HeadOfLine,
            at,
            saves: Duration::ZERO,
            text: format!(
                "the join at {} waited {:.1} ms while tasks joined later were done: take results as they complete \
                 (an unordered map) if their order does not matter",
                line(at),
                idle.as_secs_f64() * 1e3
            ),
        });
    }
}

/// Returns the joins of each joiner in the order of time. Each entry has the instant at which the join ended, and the
/// earliest completion among the tasks that were joined then or later.
fn first_completed_later(tasks: &[TaskProfile]) -> BTreeMap<TaskId, Vec<(Duration, Duration)>> {
    let mut joins: BTreeMap<TaskId, Vec<(Duration, Duration)>> = BTreeMap::new();
    for task in tasks {
        if let (Some((at, by, _)), Some((completed, _))) = (task.joined, task.completed) {
            joins.entry(by).or_default().push((at, completed));
        }
    }
    for joins in joins.values_mut() {
        joins.sort_unstable();
        let mut first = Duration::MAX;
        for (_, completed) in joins.iter_mut().rev() {
            first = first.min(*completed);
            *completed = first;
        }
    }
    joins
}

fn fine_grain(seen: &HintInput<'_>, hints: &mut Vec<Hint>) {
    let spawned = seen.tasks.iter().filter(|task| task.parent.is_some());
    let count = u32::try_from(spawned.count()).unwrap_or(u32::MAX);
    let Some(average) = seen.work.checked_div(count) else {
        return;
    };
    let cost = seen.burden.start + seen.burden.wake;
    let first = seen.tasks.iter().find(|task| task.parent.is_some());
    if let (true, Some(first)) = (count >= 32 && average < cost * 2, first) {
        let at = first.task.spawned_at();
        hints.push(Hint {
            kind: HintKind::FineGrain,
            at,
            saves: Duration::ZERO,
            text: format!(
                "{} run for {:.1} µs on average, but starting and joining one takes {:.1} µs: give \
                 each task more to do, or use a pool (first spawned at {})",
                quantity(count, "task"),
                average.as_secs_f64() * 1e6,
                cost.as_secs_f64() * 1e6,
                line(at)
            ),
        });
    }
}

fn locks_across_joins(seen: &HintInput<'_>, hints: &mut Vec<Hint>) {
    let mut lines: BTreeMap<(&str, u32), (&'static Location<'static>, usize)> = BTreeMap::new();
    let waits = seen.tasks.iter().flat_map(|task| &task.waits);
    for wait in waits.filter(|wait| wait.holds > 0 && wait.verb.is_for_tasks()) {
        lines
            .entry((wait.at.file(), wait.at.line()))
            .or_insert((wait.at, 0))
            .1 += 1;
    }
    for (at, count) in lines.into_values() {
        hints.push(Hint {
            kind: HintKind::LockAcrossJoin,
            at,
            saves: Duration::ZERO,
            text: format!(
                "{} waits for a task while holding a lock ({}): other tasks wait for the lock \
                 meanwhile, and if the awaited task does, that is a deadlock",
                line(at),
                quantity(count, "time")
            ),
        });
    }
}
