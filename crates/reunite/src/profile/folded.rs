//! Collapsed stacks, which flame graph tools read: `frame;frame;frame weight`, one line for each stack.

use std::collections::{BTreeMap, HashMap};

use super::model::{Profile, TaskProfile};
use super::names::{origin, place, title};
use super::slices::index;
use crate::primitive::Duration;

/// Deeper stacks end in `…`: they are too deep to read, and their total size grows with the square of their depth.
const DEEPEST: usize = 256;

impl Profile {
    /// The running time of tasks as collapsed stacks: each task above its spawner, by name and line;
    /// the weight is microseconds.
    ///
    /// ```
    /// let profiling = reunite::profile::start();
    /// reunite::scope(|s| drop(s.spawn(|| std::thread::sleep(std::time::Duration::from_millis(2)))));
    /// let stacks = profiling.finish().to_folded();
    /// assert!(stacks.lines().all(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().is_ok()));
    /// ```
    pub fn to_folded(&self) -> String {
        let mut stacks = Stacks::of(self);
        for (task, node) in self.tasks.iter().zip(stacks.tasks.clone()) {
            for run in &task.runs {
                stacks.nodes[node].weight += run.to.saturating_sub(run.from);
            }
        }
        stacks.lines()
    }

    /// The waits of tasks as collapsed stacks like those of [`to_folded`](Self::to_folded). The topmost frame is
    /// the operation and its line.
    pub fn to_folded_waits(&self) -> String {
        let mut stacks = Stacks::of(self);
        for (task, below) in self.tasks.iter().zip(stacks.tasks.clone()) {
            for wait in &task.waits {
                let node = stacks.node(Some(below), frame(wait.verb.as_str(), &place(wait.at)));
                stacks.nodes[node].weight += wait.to.saturating_sub(wait.from);
            }
        }
        stacks.lines()
    }
}

/// `name (line)`, without the characters that have a meaning in the format.
fn frame(name: &str, line: &str) -> String {
    let frame = match name == line {
        true => name.to_owned(),
        false => format!("{name} ({line})"),
    };
    frame.replace(';', ",").replace(char::is_control, " ")
}

fn task_frame(task: &TaskProfile) -> String {
    let title = title(&task.task);
    frame(&title, &origin(&task.task).unwrap_or_else(|| title.clone()))
}

/// All stacks, as a tree.
#[derive(Default)]
struct Stacks {
    nodes: Vec<StackNode>,
    known: HashMap<(Option<usize>, String), usize>,
    /// The node of each task.
    tasks: Vec<usize>,
}

struct StackNode {
    below: Option<usize>,
    frame: String,
    depth: usize,
    weight: Duration,
}

impl Stacks {
    fn of(profile: &Profile) -> Self {
        let index = index(profile);
        let spawner = |task: usize| {
            let task = &profile.tasks[task];
            // A spawner is older than its task, so this recursion ends.
            let parent = task.parent.filter(|parent| *parent < task.task.id())?;
            index.get(&parent).copied()
        };
        let mut stacks = Self::default();
        let mut done: Vec<Option<usize>> = vec![None; profile.tasks.len()];
        for task in 0..profile.tasks.len() {
            let mut chain = Vec::new();
            let mut at = Some(task);
            while let Some(task) = at.filter(|task| done[*task].is_none()) {
                chain.push(task);
                at = spawner(task);
            }
            let mut below = at.and_then(|task| done[task]);
            for task in chain.into_iter().rev() {
                let node = stacks.node(below, task_frame(&profile.tasks[task]));
                done[task] = Some(node);
                below = Some(node);
            }
        }
        stacks.tasks = done.into_iter().flatten().collect();
        stacks
    }

    fn node(&mut self, below: Option<usize>, frame: String) -> usize {
        let depth = below.map_or(1, |below| self.nodes[below].depth + 1);
        let (depth, frame) = match below {
            Some(below) if depth > DEEPEST => return below,
            _ if depth == DEEPEST => (depth, "…".to_owned()),
            _ => (depth, frame),
        };
        let next = self.nodes.len();
        let node = *self.known.entry((below, frame.clone())).or_insert(next);
        if node == next {
            self.nodes.push(StackNode {
                below,
                frame,
                depth,
                weight: Duration::ZERO,
            });
        }
        node
    }

    fn stack(&self, node: usize) -> String {
        let mut frames = Vec::new();
        let mut at = Some(node);
        while let Some(node) = at.map(|at| &self.nodes[at]) {
            frames.push(node.frame.as_str());
            at = node.below;
        }
        frames.reverse();
        frames.join(";")
    }

    fn lines(&self) -> String {
        let weighed = self
            .nodes
            .iter()
            .enumerate()
            .map(|(at, node)| (at, micros(node.weight)));
        let lines: BTreeMap<String, u128> = weighed
            .filter(|(_, weight)| *weight > 0)
            .map(|(at, weight)| (self.stack(at), weight))
            .collect();
        let lines = lines
            .into_iter()
            .map(|(stack, weight)| format!("{stack} {weight}\n"));
        lines.collect()
    }
}

fn micros(time: Duration) -> u128 {
    (time.as_nanos() + 500) / 1000
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{DEEPEST, micros};
    use crate::id::{Label, LabelKind};
    use crate::primitive::Duration;
    use crate::profile::model::Profile;
    use crate::profile::sample::{Sample, sample};

    fn parse(folded: &str) -> BTreeMap<Vec<&str>, u128> {
        let parsed = folded.lines().map(|line| {
            let (stack, weight) = line.rsplit_once(' ').unwrap();
            (stack.split(';').collect(), weight.parse().unwrap())
        });
        let parsed: BTreeMap<Vec<&str>, u128> = parsed.collect();
        assert_eq!(parsed.len(), folded.lines().count(), "each stack once");
        parsed
    }

    fn all(profile: &Profile, waits: bool) -> Duration {
        let tasks = profile.tasks.iter();
        if waits {
            tasks
                .flat_map(|task| &task.waits)
                .map(|wait| wait.to - wait.from)
                .sum()
        } else {
            tasks
                .flat_map(|task| &task.runs)
                .map(|run| run.to - run.from)
                .sum()
        }
    }

    #[test]
    fn a_task_stands_on_its_spawner() {
        let Sample { profile, .. } = Sample::fork();
        let ran = profile.to_folded();
        let stacks: Vec<(Vec<&str>, u128)> = parse(&ran).into_iter().collect();
        let [(main, in_main), (child, in_child)] = &stacks[..] else {
            panic!("two stacks: {ran}");
        };
        assert!(
            main[0] == "main" && child[1].starts_with("child ("),
            "{ran}"
        );
        assert_eq!((main.len(), child.len(), child[0]), (1, 2, main[0]));
        assert_eq!((*in_main, *in_child), (22, 38));

        let waited = profile.to_folded_waits();
        let (stack, weight) = parse(&waited).pop_first().unwrap();
        assert_eq!(weight, 38);
        assert!(
            stack[0] == "main" && stack[1].starts_with("join ("),
            "{waited}"
        );
    }

    #[test]
    fn the_weights_are_all_the_time_there_is() {
        for seed in 0..10 {
            let profile = sample(seed, 400);
            for (folded, waits) in [
                (profile.to_folded(), false),
                (profile.to_folded_waits(), true),
            ] {
                let stacks = parse(&folded);
                let sum: u128 = stacks.values().sum();
                let rounded = stacks.len() as u128;
                assert!(
                    sum.abs_diff(micros(all(&profile, waits))) <= rounded,
                    "{seed}"
                );
            }
        }
    }

    #[test]
    fn frames_keep_to_their_place() {
        let mut profile = Sample::fork().profile;
        let at = profile.tasks[1].task.spawned_at();
        profile.tasks[1].task = Label::new(LabelKind::Task, Some("a;b\nc 1".to_owned()), at);
        let folded = profile.to_folded();
        let child = parse(&folded).into_keys().find(|stack| stack.len() == 2);
        assert!(child.unwrap()[1].starts_with("a,b c 1 ("), "{folded}");
    }

    #[test]
    fn a_deep_chain_of_spawners_is_cut_and_its_time_kept() {
        let mut profile = Sample::fork().profile;
        for n in 0..3000 {
            let mut next = profile.tasks.last().unwrap().clone();
            next.parent = Some(next.task.id());
            next.task = Label::new(
                LabelKind::Task,
                Some(format!("t{n}")),
                next.task.spawned_at(),
            );
            profile.tasks.push(next);
        }
        // The order in which the tasks are listed does not matter.
        profile.tasks.reverse();
        let folded = profile.to_folded();
        let stacks = parse(&folded);
        assert!(stacks.keys().all(|stack| stack.len() <= DEEPEST));
        assert!(stacks.keys().any(|stack| stack.last() == Some(&"…")));
        assert_eq!(stacks.values().sum::<u128>(), 22 + 38 * 3001);
    }
}
