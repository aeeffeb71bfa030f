//! Small random programs over spawn, join, lock, semaphore and queue, and how they end when they run.

use std::fmt;
use std::sync::{Mutex as Slot, PoisonError};

use reunite::channel::{Receiver, Sender, bounded};
use reunite::sync::{Mutex, MutexGuard, Permit, Semaphore};
use reunite::{JoinHandle, Scope};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Lock(usize),
    Unlock(usize),
    Acquire(usize),
    Release(usize),
    Send(usize),
    Recv(usize),
    Spawn(usize),
    Join(usize),
}

/// Task 0 is the body of the scope. Every other task begins when it is spawned.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) tasks: Vec<Vec<Op>>,
    pub(crate) locks: usize,
    /// The permits of each semaphore.
    pub(crate) semaphores: Vec<u64>,
    /// The capacity of each queue.
    pub(crate) queues: Vec<usize>,
}

/// The way in which a task ended: at its end, or refused at one of its operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum End {
    Done,
    Refused(usize),
    /// It was never spawned.
    Nothing,
}

/// A small generator of random numbers (xorshift64*, Vigna 2016).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(high).unwrap_or(0) % end
    }
}

impl Program {
    pub(crate) fn random(random: &mut Random) -> Self {
        let count = 2 + random.below(3);
        let mut program = Self {
            tasks: vec![Vec::new(); count],
            locks: 1 + random.below(2),
            semaphores: (0..1 + random.below(2))
                .map(|_| 1 + random.below(2) as u64)
                .collect(),
            queues: (0..1 + random.below(2))
                .map(|_| 1 + random.below(2))
                .collect(),
        };
        // Each task is spawned by an earlier one, and joined by at most one task that can have its handle.
        for child in 1..count {
            let parent = random.below(child);
            program.tasks[parent].push(Op::Spawn(child));
        }
        for task in 0..count {
            let mut held = Vec::new();
            let mut permits = Vec::new();
            let spawns = std::mem::take(&mut program.tasks[task]);
            let mut ops = Vec::new();
            let mut to_spawn = spawns.into_iter();
            let mut to_join = Vec::new();
            for _ in 0..1 + random.below(5) {
                match random.below(9) {
                    0 | 1 => {
                        let lock = random.below(program.locks);
                        // Taking it twice is allowed, but rare.
                        if !held.contains(&lock) || random.below(8) == 0 {
                            ops.push(Op::Lock(lock));
                            held.push(lock);
                        }
                    }
                    2 => ops.extend(held.pop().map(Op::Unlock)),
                    3 => {
                        let semaphore = random.below(program.semaphores.len());
                        ops.push(Op::Acquire(semaphore));
                        permits.push(semaphore);
                    }
                    4 => ops.extend(permits.pop().map(Op::Release)),
                    5 => ops.push(Op::Send(random.below(program.queues.len()))),
                    6 => ops.push(Op::Recv(random.below(program.queues.len()))),
                    7 => {
                        if let Some(Op::Spawn(child)) = to_spawn.next() {
                            ops.push(Op::Spawn(child));
                            to_join.push(child);
                        }
                    }
                    _ => ops.extend(to_join.pop().map(Op::Join)),
                }
            }
            for op in to_spawn {
                let at = random.below(ops.len() + 1);
                ops.insert(at, op);
                if let (Op::Spawn(child), 0) = (op, random.below(2)) {
                    ops.push(Op::Join(child));
                }
            }
            program.tasks[task] = ops;
        }
        program
    }

    /// Runs the program on threads.
    pub(crate) fn run(&self) -> Vec<End> {
        let things = Things {
            program: self,
            locks: (0..self.locks).map(|_| Mutex::new(())).collect(),
            semaphores: self
                .semaphores
                .iter()
                .map(|permits| Semaphore::new(*permits))
                .collect(),
            queues: self
                .queues
                .iter()
                .map(|capacity| bounded(*capacity))
                .collect(),
            ends: Slot::new(vec![End::Nothing; self.tasks.len()]),
        };
        reunite::scope(|s| things.play(s, 0));
        things
            .ends
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

struct Things<'p> {
    program: &'p Program,
    locks: Vec<Mutex<()>>,
    semaphores: Vec<Semaphore>,
    queues: Vec<(Sender<u32>, Receiver<u32>)>,
    ends: Slot<Vec<End>>,
}

impl Things<'_> {
    fn play<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>, task: usize) {
        let end = self.play_ops(scope, task);
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)[task] = end;
    }

    fn play_ops<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>, task: usize) -> End {
        let mut handles: Vec<(usize, JoinHandle<()>)> = Vec::new();
        let mut held: Vec<(usize, MutexGuard<'_, ()>)> = Vec::new();
        let mut permits: Vec<(usize, Permit<'_>)> = Vec::new();
        for (at, op) in self.program.tasks[task].iter().enumerate() {
            let went_on = match *op {
                Op::Lock(lock) => match self.locks[lock].lock() {
                    Ok(guard) => {
                        held.push((lock, guard));
                        true
                    }
                    Err(error) => check(error.is_deadlock(), &error),
                },
                Op::Unlock(lock) => take_last(&mut held, lock),
                Op::Acquire(semaphore) => match self.semaphores[semaphore].acquire() {
                    Ok(permit) => {
                        permits.push((semaphore, permit));
                        true
                    }
                    Err(error) => check(error.is_deadlock(), &error),
                },
                Op::Release(semaphore) => take_last(&mut permits, semaphore),
                Op::Send(queue) => match self.queues[queue].0.send(0) {
                    Ok(()) => true,
                    Err(error) => check(error.is_deadlock(), &error),
                },
                Op::Recv(queue) => match self.queues[queue].1.recv() {
                    Ok(_) => true,
                    Err(error) => check(error.is_deadlock(), &error),
                },
                Op::Spawn(child) => {
                    handles.push((child, scope.spawn(move || self.play(scope, child))));
                    true
                }
                Op::Join(child) => {
                    let place = handles.iter().position(|(other, _)| *other == child);
                    let (_, handle) = handles.remove(place.expect("spawned before"));
                    match handle.join() {
                        Ok(()) => true,
                        Err(error) => check(error.is_deadlock(), &error),
                    }
                }
            };
            if !went_on {
                return End::Refused(at);
            }
        }
        End::Done
    }
}

/// Returns false for a refusal; any other error is a fault.
fn check(is_deadlock: bool, error: &dyn fmt::Display) -> bool {
    assert!(is_deadlock, "{error}");
    false
}

fn take_last<T>(all: &mut Vec<(usize, T)>, which: usize) -> bool {
    let place = all.iter().rposition(|(other, _)| *other == which);
    drop(all.remove(place.expect("taken before")));
    true
}
