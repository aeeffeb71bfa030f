//! Profiles made from a seed, for the tests of the outputs: a program of nested scopes on threads that are
//! reused, with waits and joins where a real program would have them.

use std::panic::Location;

use super::model::{
    Hint, HintKind, JoinSite, Profile, Run, ScopeProfile, Step, TaskProfile, ThreadProfile, Waited,
};
use crate::id::{Label, LabelKind, TaskId};
use crate::observe::{Completion, Verb};
use crate::primitive::Duration;

type Line = &'static Location<'static>;

#[track_caller]
fn here() -> Line {
    Location::caller()
}

/// A generator of numbers that look random and are the same every time (xorshift).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// The smallest program worth drawing, with the instants that its critical path must pass.
pub(super) struct Sample {
    pub(super) profile: Profile,
    pub(super) fork_at: Duration,
    pub(super) back_at: Duration,
}

impl Sample {
    pub(super) fn fork() -> Self {
        let mut world = World::new(1, 1);
        let main = world.task(
            None,
            None,
            Duration::ZERO,
            LabelKind::Foreign,
            Some("main"),
            here(),
        );
        let fork_at = us(10);
        let child = world.task(
            Some(main),
            None,
            fork_at,
            LabelKind::Task,
            Some("child"),
            here(),
        );
        world.run(main, 0, Duration::ZERO, us(15));
        world.run(child, 1, us(12), us(50));
        world.tasks[child].completed = Some((us(50), Completion::Value));
        let at = here();
        let back_at = us(53);
        world.join(main, child, 0, us(15), back_at, at);
        world.run(main, 0, back_at, us(60));
        let steps = [(main, false, 10), (child, false, 38), (main, true, 7)];
        let path = steps.map(|(task, is_join, lasts)| Step {
            task: world.tasks[task].task.clone(),
            at,
            is_join,
            lasts: us(lasts),
        });
        let mut profile = world.finish();
        profile.critical_path = path.into();
        Self {
            profile,
            fork_at,
            back_at,
        }
    }
}

/// About `count` tasks.
pub(super) fn sample(seed: u64, count: usize) -> Profile {
    let mut world = World::new(seed, count);
    let main = world.task(
        None,
        None,
        Duration::ZERO,
        LabelKind::Foreign,
        Some("main"),
        here(),
    );
    let mut at = us(40);
    world.run(main, 0, Duration::ZERO, at);
    world.busy[0] = true;
    while world.tasks.len() < count {
        let left = count - world.tasks.len();
        at = world.scope(main, 0, at, left.min(48), 0);
    }
    world.run(main, 0, at, at + us(30));
    world.finish()
}

const fn us(n: u64) -> Duration {
    Duration::from_micros(n)
}

struct World {
    dice: Dice,
    count: usize,
    tasks: Vec<TaskProfile>,
    scopes: Vec<ScopeProfile>,
    free: Vec<Duration>,
    busy: Vec<bool>,
    path: Vec<Step>,
}

impl World {
    fn new(seed: u64, count: usize) -> Self {
        Self {
            dice: Dice::new(seed + 1),
            count,
            tasks: Vec::new(),
            scopes: Vec::new(),
            free: vec![Duration::ZERO; 6],
            busy: vec![false; 6],
            path: Vec::new(),
        }
    }

    fn task(
        &mut self,
        parent: Option<usize>,
        scope: Option<TaskId>,
        at: Duration,
        kind: LabelKind,
        name: Option<&str>,
        line: Line,
    ) -> usize {
        self.tasks.push(TaskProfile {
            task: Label::new(kind, name.map(str::to_owned), line),
            parent: parent.map(|parent| self.tasks[parent].task.id()),
            scope,
            spawned: at,
            started: None,
            completed: None,
            runs: Vec::new(),
            waits: Vec::new(),
            joined: None,
        });
        self.tasks.len() - 1
    }

    fn run(&mut self, task: usize, thread: usize, from: Duration, to: Duration) {
        let task = &mut self.tasks[task];
        task.started.get_or_insert(from);
        task.runs.push(Run { thread, from, to });
    }

    fn wait(
        &mut self,
        task: usize,
        verb: Verb,
        thread: usize,
        from: Duration,
        to: Duration,
        at: Line,
    ) {
        let holds = usize::from(self.dice.one_in(9));
        self.tasks[task].waits.push(Waited {
            verb,
            object: None,
            at,
            thread,
            from,
            to,
            holds,
        });
    }

    fn join(
        &mut self,
        by: usize,
        task: usize,
        thread: usize,
        from: Duration,
        to: Duration,
        line: Line,
    ) {
        let object = Some(self.tasks[task].task.clone());
        let waited = Waited {
            verb: Verb::Join,
            object,
            at: line,
            thread,
            from,
            to,
            holds: 0,
        };
        self.tasks[by].waits.push(waited);
        self.tasks[task].joined = Some((to, self.tasks[by].task.id(), line));
    }

    /// The thread that is free first, or a new one.
    fn thread(&mut self, at: Duration) -> usize {
        let idle = (0..self.free.len()).filter(|thread| !self.busy[*thread]);
        let first = idle.min_by_key(|thread| self.free[*thread]);
        first.unwrap_or_else(|| {
            self.free.push(at);
            self.busy.push(false);
            self.free.len() - 1
        })
    }

    /// Lets `owner`, on `thread`, open a scope, spawn, join in order, and end the scope.
    fn scope(
        &mut self,
        owner: usize,
        thread: usize,
        opened: Duration,
        tasks: usize,
        depth: usize,
    ) -> Duration {
        let names = [
            Some("resize"),
            Some("load </script> & save"),
            None,
            Some("checksum"),
            None,
        ];
        let lines = [here(), here(), here(), here(), here()];
        let which = self.dice.below(5) as usize;
        let label = Label::new(
            LabelKind::Scope,
            (depth == 0).then(|| "batch".to_owned()),
            here(),
        );
        let id = label.id();
        let scope = self.scopes.len();
        self.scopes.push(ScopeProfile {
            scope: label,
            owner: self.tasks[owner].task.id(),
            opened,
            ended: None,
        });
        let mut at = opened;
        let mut children = Vec::new();
        for n in 0..tasks {
            let from = at;
            at += Duration::from_nanos(400 + self.dice.below(2500));
            self.run(owner, thread, from, at);
            let kind = if which == 3 {
                LabelKind::Item(n as u64)
            } else {
                LabelKind::Task
            };
            let child = self.task(Some(owner), Some(id), at, kind, names[which], lines[which]);
            children.push(child);
            self.begin(child, depth);
        }
        at = self.join_in_order(owner, thread, &children, at);
        self.scopes[scope].ended = Some(at);
        at
    }

    /// Lets `owner` join these tasks. Returns when it has done that.
    fn join_in_order(
        &mut self,
        owner: usize,
        thread: usize,
        children: &[usize],
        mut at: Duration,
    ) -> Duration {
        let line = here();
        for &child in children {
            let (done, _) = self.tasks[child].completed.expect("a child that ran");
            if done > at {
                let awake = done + Duration::from_nanos(900 + self.dice.below(4000));
                self.join(owner, child, thread, at, awake, line);
                at = awake;
            } else {
                self.tasks[child].joined = Some((at, self.tasks[owner].task.id(), line));
            }
            let from = at;
            at += Duration::from_nanos(300 + self.dice.below(900));
            self.run(owner, thread, from, at);
            if self.path.len() < 200 {
                for (task, is_join) in [(child, false), (owner, true)] {
                    let task = self.tasks[task].task.clone();
                    self.path.push(Step {
                        task,
                        at: line,
                        is_join,
                        lasts: at - from,
                    });
                }
            }
        }
        at
    }

    fn begin(&mut self, task: usize, depth: usize) {
        let spawned = self.tasks[task].spawned;
        let thread = self.thread(spawned);
        self.busy[thread] = true;
        let mut from = self.free[thread].max(spawned + us(2));
        let mut at = from + us(8 + self.dice.below(120));
        self.run(task, thread, from, at);
        if depth < 3 && self.dice.one_in(6) && self.tasks.len() < self.count {
            let children = 2 + self.dice.below(4) as usize;
            at = self.scope(task, thread, at, children, depth + 1);
        }
        if self.dice.one_in(4) {
            let verb =
                [Verb::Lock, Verb::Recv, Verb::Sleep, Verb::Acquire][self.dice.below(4) as usize];
            from = at;
            at += us(3 + self.dice.below(60));
            self.wait(task, verb, thread, from, at, here());
            from = at;
            at += us(5 + self.dice.below(40));
            self.run(task, thread, from, at);
        }
        let how = match self.dice.below(40) {
            0 => Completion::Error,
            1 => Completion::Panic,
            2 => Completion::Cancelled,
            _ => Completion::Value,
        };
        self.tasks[task].completed = Some((at, how));
        self.free[thread] = at;
        self.busy[thread] = false;
    }

    fn finish(self) -> Profile {
        let runs = || self.tasks.iter().flat_map(|task| &task.runs);
        let work: Duration = runs().map(|run| run.to - run.from).sum();
        let wall = runs().map(|run| run.to).max().unwrap_or_default();
        let names = (0..self.free.len()).map(|n| {
            if n == 0 {
                "main".to_owned()
            } else {
                format!("reunite-{n}")
            }
        });
        let joined = self.tasks.iter().find_map(|task| task.joined);
        let lines = [joined.map_or_else(here, |(_, _, line)| line), here()];
        let sites =
            [(lines[0], Verb::Join, 9), (lines[1], Verb::End, 4)].map(|(at, verb, lost)| {
                JoinSite {
                    at,
                    verb,
                    waits: self.tasks.len(),
                    lost: wall * lost / 20,
                    not_started: wall / 20,
                    running: wall * (lost - 3) / 20,
                    blocked: wall / 20,
                    waking: wall / 20,
                }
            });
        let hints = [
            (
                HintKind::PrematureJoin,
                "joins a task before it spawned the others: join them after the loop",
            ),
            (
                HintKind::FineGrain,
                "tasks take less time than to start them: give each more to do",
            ),
        ];
        let hints = hints.map(|(kind, text)| Hint {
            kind,
            at: lines[0],
            saves: wall / 5,
            text: format!("{text}."),
        });
        Profile {
            wall,
            cores: 4,
            work,
            span: wall * 2 / 5,
            burdened_span: wall / 2,
            tasks: self.tasks,
            scopes: self.scopes,
            threads: names.map(|name| ThreadProfile { name }).collect(),
            sites: sites.into(),
            critical_path: self.path,
            hints: hints.into(),
            forgotten: 0,
        }
    }
}
