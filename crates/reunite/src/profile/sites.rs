//! The costs of each line that waits for tasks, and how they are composed.

use std::collections::BTreeMap;

use super::model::{JoinSite, TaskProfile, Waited};
use crate::id::TaskId;
use crate::observe::Verb;
use crate::primitive::Duration;

/// The waits for tasks, by line.
pub(super) fn of(tasks: &[TaskProfile]) -> Vec<JoinSite> {
    let by_id: BTreeMap<TaskId, &TaskProfile> =
        tasks.iter().map(|task| (task.task.id(), task)).collect();
    let mut sites: BTreeMap<(&str, u32, u32, Verb), JoinSite> = BTreeMap::new();
    for waited in tasks.iter().flat_map(|task| &task.waits) {
        if !waited.verb.is_for_tasks() {
            continue;
        }
        let key = (
            waited.at.file(),
            waited.at.line(),
            waited.at.column(),
            waited.verb,
        );
        let site = sites.entry(key).or_insert_with(|| JoinSite {
            at: waited.at,
            verb: waited.verb,
            waits: 0,
            lost: Duration::ZERO,
            not_started: Duration::ZERO,
            running: Duration::ZERO,
            blocked: Duration::ZERO,
            waking: Duration::ZERO,
        });
        site.waits += 1;
        site.lost += waited.to.saturating_sub(waited.from);
        let target = waited
            .object
            .as_ref()
            .and_then(|label| by_id.get(&label.id()));
        if let Some(target) = target {
            split(site, waited, target);
        }
    }
    let mut sites: Vec<_> = sites.into_values().collect();
    sites.sort_by_key(|site| std::cmp::Reverse(site.lost));
    sites
}

fn overlap(waited: &Waited, from: Duration, to: Duration) -> Duration {
    waited.to.min(to).saturating_sub(waited.from.max(from))
}

fn split(site: &mut JoinSite, waited: &Waited, target: &TaskProfile) {
    let completed = target.completed.map_or(Duration::MAX, |(at, _)| at);
    let started = target.started.unwrap_or(completed);
    site.not_started += overlap(waited, Duration::ZERO, started);
    for run in &target.runs {
        site.running += overlap(waited, run.from, run.to);
    }
    for wait in &target.waits {
        site.blocked += overlap(waited, wait.from, wait.to);
    }
    site.waking += overlap(waited, completed, Duration::MAX);
}
