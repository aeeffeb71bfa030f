//! A profile as the outputs draw it: runs and waits on each thread, nested; joins as arrows; scopes side by
//! side; the critical path in time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::panic::Location;

use super::model::{Profile, Run, ScopeProfile, TaskProfile, Waited};
use crate::id::TaskId;
use crate::primitive::Duration;

/// A stretch of time on a thread in which a task runs, or waits.
#[derive(Clone, Copy)]
pub(super) struct Slice<'a> {
    pub(super) task: &'a TaskProfile,
    pub(super) wait: Option<&'a Waited>,
    pub(super) from: Duration,
    pub(super) to: Duration,
}

/// The stretches of each thread, in order, the outer before the inner. Two stretches of a thread lie one inside
/// or beside the other: a stretch that would reach out of another is cut off at its end.
pub(super) fn by_thread(profile: &Profile) -> Vec<Vec<Slice<'_>>> {
    let mut threads: Vec<Vec<Slice<'_>>> = profile.threads.iter().map(|_| Vec::new()).collect();
    for task in &profile.tasks {
        for run in &task.runs {
            threads[run.thread].push(Slice {
                task,
                wait: None,
                from: run.from,
                to: run.to,
            });
        }
        for wait in &task.waits {
            threads[wait.thread].push(Slice {
                task,
                wait: Some(wait),
                from: wait.from,
                to: wait.to,
            });
        }
    }
    for slices in &mut threads {
        slices.sort_by_key(|slice| (slice.from, Reverse(slice.to), slice.wait.is_some()));
        let mut ends: Vec<Duration> = Vec::new();
        for slice in slices {
            while ends.pop_if(|end| *end <= slice.from).is_some() {}
            if let Some(end) = ends.last() {
                slice.to = slice.to.min(*end);
            }
            ends.push(slice.to);
        }
    }
    threads
}

/// A result that goes from one thread to another.
pub(super) struct Arrow<'a> {
    pub(super) task: &'a TaskProfile,
    /// The run that ended with the result.
    pub(super) run: Run,
    /// The thread that took it.
    pub(super) to_thread: usize,
    /// The instant at which it was taken.
    pub(super) at: Duration,
    pub(super) line: &'static Location<'static>,
}

/// The joins of tasks that were seen to run, by tasks that were seen to run.
pub(super) fn arrows(profile: &Profile) -> impl Iterator<Item = Arrow<'_>> {
    let index = index(profile);
    profile.tasks.iter().filter_map(move |task| {
        let (at, by, line) = task.joined?;
        let run = *task.runs.last()?;
        let by = &profile.tasks[*index.get(&by)?];
        let after = by.runs.partition_point(|run| run.from <= at);
        let into = by.runs.get(after.saturating_sub(1))?;
        Some(Arrow {
            task,
            run,
            to_thread: into.thread,
            at: at.clamp(into.from, into.to),
            line,
        })
    })
}

/// The index of each task in [`Profile::tasks`].
pub(super) fn index(profile: &Profile) -> HashMap<TaskId, usize> {
    let ids = profile.tasks.iter().map(|task| task.task.id());
    ids.zip(0..).collect()
}

/// The scopes in as few lanes as possible without overlap: the lane, the scope, and its end.
pub(super) fn scope_lanes(profile: &Profile) -> Vec<(usize, &ScopeProfile, Duration)> {
    let mut scopes: Vec<&ScopeProfile> = profile.scopes.iter().collect();
    scopes.sort_by_key(|scope| scope.opened);
    let mut free: BinaryHeap<Reverse<(Duration, usize)>> = BinaryHeap::new();
    let mut lanes = 0..;
    let placed = scopes.into_iter().map(|scope| {
        let to = scope.ended.unwrap_or(profile.wall).max(scope.opened);
        let lane = match free.peek() {
            Some(Reverse((end, lane))) if *end <= scope.opened => {
                let lane = *lane;
                free.pop();
                lane
            }
            _ => lanes.next().unwrap_or_default(),
        };
        free.push(Reverse((to, lane)));
        (lane, scope, to)
    });
    placed.collect()
}

/// The steps of the critical path in time: an index into [`Profile::critical_path`], an index into [`Profile::tasks`],
/// the beginning, and the end.
pub(super) fn critical_path(profile: &Profile) -> Vec<(usize, usize, Duration, Duration)> {
    let index = index(profile);
    let path = &profile.critical_path;
    let known = |step: usize| {
        let at = *index.get(&path.get(step)?.task.id())?;
        Some((at, &profile.tasks[at]))
    };
    let over = |task: &TaskProfile| match task.completed {
        Some((at, _)) => at,
        None => task.runs.last().map_or(profile.wall, |run| run.to),
    };
    let mut now = Duration::ZERO;
    let mut parts = Vec::new();
    for (i, step) in path.iter().enumerate() {
        let Some((at, task)) = known(i) else { continue };
        let before = i.checked_sub(1).and_then(known);
        let from = match before {
            Some((_, before)) if step.is_join => match before.joined {
                Some((joined, by, _)) if by == step.task.id() => joined,
                _ => over(before),
            },
            _ => task.started.unwrap_or(task.spawned),
        };
        let from = from.max(now);
        let to = match known(i + 1) {
            Some((_, next)) if !path[i + 1].is_join => next.spawned,
            _ => over(task),
        };
        now = to.max(from);
        parts.push((i, at, from, now));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::{arrows, by_thread, critical_path, scope_lanes};
    use crate::primitive::Duration;
    use crate::profile::sample::{Sample, sample};

    #[test]
    fn on_a_thread_one_thing_lies_within_or_beside_another() {
        for seed in 0..20 {
            let mut profile = sample(seed, 300);
            // A stretch whose end was discarded is drawn to the end of the profile, across what came later.
            let reaches_out = seed as usize * 7 % profile.tasks.len();
            if let Some(run) = profile.tasks[reaches_out].runs.first_mut() {
                run.to += Duration::from_micros(700);
            }
            let count: usize = profile
                .tasks
                .iter()
                .map(|task| task.runs.len() + task.waits.len())
                .sum();
            let threads = by_thread(&profile);
            assert_eq!(threads.iter().map(Vec::len).sum::<usize>(), count);
            for slices in threads {
                for (i, a) in slices.iter().enumerate() {
                    assert!(a.from <= a.to);
                    for b in slices[i + 1..].iter().take_while(|b| b.from < a.to) {
                        assert!(
                            a.from <= b.from && b.to <= a.to,
                            "{seed}: {:?}..{:?}, {:?}..{:?}",
                            a.from,
                            a.to,
                            b.from,
                            b.to
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn an_arrow_ends_where_its_joiner_runs() {
        let profile = sample(3, 200);
        let joined = profile.tasks.iter().filter(|task| task.joined.is_some());
        assert_eq!(arrows(&profile).count(), joined.count());
        for arrow in arrows(&profile) {
            let (at, by, line) = arrow.task.joined.unwrap();
            let by = profile
                .tasks
                .iter()
                .find(|task| task.task.id() == by)
                .unwrap();
            assert_eq!((arrow.at, arrow.line), (at, line));
            assert!(
                by.runs
                    .iter()
                    .any(|run| run.thread == arrow.to_thread && run.from <= at && at <= run.to)
            );
            assert_eq!(arrow.run.to, arrow.task.completed.unwrap().0);
        }
    }

    #[test]
    fn scopes_of_a_lane_do_not_overlap() {
        let profile = sample(5, 400);
        let placed = scope_lanes(&profile);
        assert_eq!(placed.len(), profile.scopes.len());
        for (i, (lane, scope, to)) in placed.iter().enumerate() {
            assert!(scope.opened <= *to);
            let other = placed[i + 1..].iter().find(|other| other.0 == *lane);
            assert!(other.is_none_or(|(_, other, _)| other.opened >= *to));
        }
        let lanes = placed.iter().map(|placed| placed.0).max().unwrap() + 1;
        assert!(
            lanes < placed.len() && lanes > 1,
            "{lanes} lanes for {} scopes",
            placed.len()
        );
    }

    #[test]
    fn the_critical_path_goes_forward_in_time() {
        let Sample {
            profile,
            fork_at,
            back_at,
        } = Sample::fork();
        let parts = critical_path(&profile);
        let tasks: Vec<usize> = parts.iter().map(|part| part.1).collect();
        assert_eq!(tasks, [0, 1, 0]);
        assert_eq!(parts[0].3, fork_at);
        assert_eq!(parts[2].2, back_at);
        assert!(parts.windows(2).all(|pair| pair[0].3 <= pair[1].2));
        assert!(parts.iter().all(|part| part.2 <= part.3));
    }
}
