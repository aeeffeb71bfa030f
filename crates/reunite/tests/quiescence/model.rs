//! Computes how a program may end by trying every order of its steps. It knows nothing of threads, graphs or
//! owners: a task is stuck if it takes another step in no future.

use std::collections::{BTreeMap, BTreeSet};

use super::program::{End, Op, Program};

/// The position of every task, and the state of the things they use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    /// The next step of each task; none if it was not spawned.
    at: Vec<Option<usize>>,
    refused: Vec<bool>,
    free: Vec<bool>,
    permits: Vec<u64>,
    queued: Vec<usize>,
}

pub(crate) struct Model<'p> {
    program: &'p Program,
    /// The tasks that can take another step in some future of a state.
    lively: BTreeMap<State, u32>,
    seen: BTreeSet<State>,
    ends: BTreeSet<Vec<End>>,
}

/// All ways in which the program may end, if stuck tasks are refused one at a time and release everything they hold.
pub(crate) fn ends(program: &Program) -> BTreeSet<Vec<End>> {
    let mut at = vec![None; program.tasks.len()];
    at[0] = Some(0);
    let start = State {
        at,
        refused: vec![false; program.tasks.len()],
        free: vec![true; program.locks],
        permits: program.semaphores.clone(),
        queued: vec![0; program.queues.len()],
    };
    let mut model = Model {
        program,
        lively: BTreeMap::new(),
        seen: BTreeSet::new(),
        ends: BTreeSet::new(),
    };
    model.explore(start);
    model.ends
}

impl Model<'_> {
    fn is_over(&self, state: &State, task: usize) -> bool {
        state.refused[task] || state.at[task] == Some(self.program.tasks[task].len())
    }

    /// The state after a step of this task, if it can take one.
    fn step(&self, state: &State, task: usize) -> Option<State> {
        let at = state.at[task]?;
        if self.is_over(state, task) {
            return None;
        }
        let mut next = state.clone();
        next.at[task] = Some(at + 1);
        let is_last = at + 1 == self.program.tasks[task].len();
        match self.program.tasks[task][at] {
            Op::Lock(lock) if state.free[lock] => next.free[lock] = false,
            Op::Unlock(lock) => next.free[lock] = true,
            Op::Acquire(which) if state.permits[which] > 0 => next.permits[which] -= 1,
            Op::Release(which) => next.permits[which] += 1,
            Op::Send(queue) if state.queued[queue] < self.program.queues[queue] => {
                next.queued[queue] += 1;
            }
            Op::Recv(queue) if state.queued[queue] > 0 => next.queued[queue] -= 1,
            Op::Spawn(child) => next.at[child] = Some(0),
            Op::Join(child) if self.is_over(state, child) => {}
            _ => return None,
        }
        if is_last {
            self.let_go(&mut next, task, at + 1);
        }
        Some(next)
    }

    /// A task that ends releases what it took in its first steps and did not release.
    fn let_go(&self, state: &mut State, task: usize, steps: usize) {
        let mut held = vec![0_i64; self.program.locks];
        for op in &self.program.tasks[task][..steps] {
            match *op {
                Op::Lock(lock) => held[lock] += 1,
                Op::Unlock(lock) => held[lock] -= 1,
                Op::Acquire(which) => state.permits[which] += 1,
                Op::Release(which) => state.permits[which] -= 1,
                _ => {}
            }
        }
        for (lock, held) in held.into_iter().enumerate() {
            state.free[lock] |= held > 0;
        }
    }

    /// The state after this task was refused: what it held is free again.
    fn refuse(&self, state: &State, task: usize) -> State {
        let mut next = state.clone();
        next.refused[task] = true;
        self.let_go(&mut next, task, state.at[task].unwrap_or(0));
        next
    }

    fn lively(&mut self, state: &State) -> u32 {
        if let Some(known) = self.lively.get(state) {
            return *known;
        }
        let mut lively = 0;
        for task in 0..state.at.len() {
            if let Some(next) = self.step(state, task) {
                lively |= 1 << task | self.lively(&next);
            }
        }
        self.lively.insert(state.clone(), lively);
        lively
    }

    fn explore(&mut self, state: State) {
        if !self.seen.insert(state.clone()) {
            return;
        }
        let lively = self.lively(&state);
        let tasks = 0..state.at.len();
        let begun = tasks.filter(|task| state.at[*task].is_some());
        let open: Vec<_> = begun.filter(|task| !self.is_over(&state, *task)).collect();
        if open.is_empty() {
            let end = |task: usize| match state.at[task] {
                None => End::Nothing,
                Some(at) if state.refused[task] => End::Refused(at),
                Some(_) => End::Done,
            };
            self.ends.insert((0..state.at.len()).map(end).collect());
            return;
        }
        for task in open {
            if let Some(next) = self.step(&state, task) {
                self.explore(next);
            }
            if lively & 1 << task == 0 {
                self.explore(self.refuse(&state, task));
            }
        }
    }
}
