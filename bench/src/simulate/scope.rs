//! The phases of the program, and its scope (`scope_state`, `queue`, `open_scopes` of the library).

use super::compute::transfer;
use super::costs::{Time, ns};
use super::design::Taking;
use super::lines::{ENTRIES, QUEUE, SLOTS};
use super::program::{Items, Phase};
use super::search::{ROUNDS, is_crowded, tell_others};
use super::sleep;
use super::state::{After, At, Batch, Frame, Go, Scope, Sim, Spent};

/// Tasks are taken several at a time as long as a batch lasts less than this.
const SHORT: Time = ns(4_000);
const LONG: Time = ns(16_000);
const MOST: u32 = 256;
/// After a short batch, a worker pauses this often to leave the lock to the spawning thread.
const PAUSES: Time = 100;

/// Begins the next phase of the program.
pub(super) fn next_phase(sim: &mut Sim<'_>) -> Go {
    let phase = sim.program.phases.get(sim.phase).copied();
    sim.phase += 1;
    match phase {
        None => {
            sim.is_over = true;
            Go::Stop
        }
        Some(Phase::Alone(nanoseconds)) => {
            Go::After(ns(nanoseconds.into()), At::NextPhase, Spent::Work)
        }
        Some(Phase::Fork(node)) => Go::After(0, At::Begin(node), Spent::Work),
        Some(Phase::Scope(..)) => {
            sim.scope = Scope::default();
            Go::After(0, At::Spawn(0), Spent::InScope)
        }
        Some(Phase::Installs(count, pause)) => pause_before_install(sim, count, pause),
    }
}

fn scope_of(sim: &Sim<'_>) -> (u32, Items) {
    match sim.program.phases[sim.phase - 1] {
        Phase::Scope(count, items) => (count, items),
        _ => (0, Items::Equal(0)),
    }
}

/// Spawns a task, or ends the scope.
pub(super) fn spawn(sim: &mut Sim<'_>, me: usize, at: u32) -> Go {
    if at < scope_of(sim).0 {
        let cost = sim.costs.spawn;
        return Go::After(cost, At::AskToSpawn(at), Spent::InScope);
    }
    let worker = &mut sim.workers[me];
    worker.stack.push(Frame::Tasks);
    worker.many = 1;
    Go::After(0, At::TakeBatch, Spent::InScope)
}

pub(super) fn spawn_locked(sim: &mut Sim<'_>, me: usize, at: u32) -> Go {
    sim.scope.queued.end += 1;
    sim.scope.pending += 1;
    let is_first = !sim.scope.is_listed;
    let mut hold = sim.costs.enqueue;
    if is_first {
        sim.scope.is_listed = true;
        hold += sim.change(me, SLOTS) + sim.costs.lock;
    }
    sim.release_after(hold, QUEUE, After::Spawn(at + 1, is_first))
}

/// The list of scopes is locked, and a scope in it.
pub(super) fn find_scope_locked(sim: &mut Sim<'_>) -> Go {
    // A reference to it is counted.
    let hold = sim.costs.rmw + sim.costs.complex;
    sim.release_after(hold, SLOTS, After::HasTasks)
}

/// Called under the lock of its queue.
pub(super) fn has_tasks(sim: &mut Sim<'_>, me: usize) -> Go {
    let hold = sim.costs.hit + list(sim, me);
    let found = sim.scope.is_listed;
    sim.release_after(hold, QUEUE, After::Found(found))
}

/// Lists or unlists the scope as needed.
fn list(sim: &mut Sim<'_>, me: usize) -> Time {
    let mut batches = sim.scope.batches.iter();
    let is_left = sim.scope.queued.start < sim.scope.queued.end
        || batches.any(|batch| batch.next < batch.end);
    if is_left == sim.scope.is_listed {
        return 0;
    }
    sim.scope.is_listed = is_left;
    sim.change(me, SLOTS) + sim.costs.lock
}

/// The scope that was found has tasks, or has none any more.
pub(super) fn found(sim: &mut Sim<'_>, me: usize, has_tasks: bool) -> Go {
    if !has_tasks {
        return Go::After(0, At::TakenInVain, Spent::Searching);
    }
    let worker = &mut sim.workers[me];
    worker.many = 1;
    worker.stack.push(Frame::Tasks);
    tell_others(sim, me, At::TakeBatch)
}

/// Takes the next tasks, after the last batch is done. The lock of the queue is held.
pub(super) fn take_batch(sim: &mut Sim<'_>, me: usize) -> Go {
    let mut hold = sim.costs.batch;
    if let Some(batch) = sim.workers[me].batch.take() {
        let over = &mut sim.scope.batches[batch];
        let count = std::mem::take(&mut over.count);
        over.next = over.end;
        sim.scope.pending -= count;
        hold += Time::from(count) * sim.costs.each;
    }
    let taken = match sim.workers[me].many {
        0 => 0..0,
        many => take(sim, many),
    };
    let count = taken.end - taken.start;
    if count > 0 {
        let batch = Batch {
            next: taken.start + 1,
            end: taken.end,
            count,
            begun: sim.now,
        };
        hold += Time::from(count) * sim.costs.each;
        let batches = &mut sim.scope.batches;
        let free = batches.iter().position(|batch| batch.count == 0);
        let at = free.unwrap_or(batches.len());
        if free.is_some() {
            batches[at] = batch;
        } else {
            batches.push(batch);
        }
        sim.workers[me].batch = Some(at);
    }
    hold += list(sim, me);
    sim.release_after(hold, QUEUE, After::Batch(count > 0))
}

/// Takes the next tasks of the queue, or the far half of a batch that another thread has taken and not begun.
fn take(sim: &mut Sim<'_>, many: u32) -> std::ops::Range<u32> {
    let share = 4 * sim.size();
    let queued = &mut sim.scope.queued;
    let many = match sim.design.taking {
        Taking::ByTime => many,
        Taking::ByShare => many.max(queued.len() as u32 / share as u32).min(MOST),
    };
    if queued.start < queued.end {
        let to = (queued.start + many).min(queued.end);
        let taken = queued.start..to;
        queued.start = to;
        return taken;
    }
    let mut batches = sim.scope.batches.iter_mut();
    let Some(other) = batches.find(|batch| batch.next < batch.end) else {
        return 0..0;
    };
    let left = other.end - other.next;
    let to = other.end;
    other.end -= left.div_ceil(2).min(many);
    // References were copied: the other batch still counts its own.
    sim.scope.pending += to - other.end;
    other.end..to
}

/// Runs the task at hand.
pub(super) fn run_task(sim: &mut Sim<'_>, me: usize) -> Go {
    let at = sim.workers[me]
        .batch
        .map_or(0, |batch| sim.scope.batches[batch].next - 1);
    let work = ns(scope_of(sim).1.nanoseconds(at).into());
    sim.counts.tasks += 1;
    sim.tell(me, Spent::Work, work);
    // The data of the task is in the cache of the thread that has spawned it.
    let fetch = if me == 0 { 0 } else { transfer(sim, 0, me) };
    Go::After(work + sim.costs.task + fetch, At::TaskOver, Spent::InScope)
}

pub(super) fn task_over(sim: &mut Sim<'_>, me: usize) -> Go {
    if let Some(batch) = sim.workers[me].batch {
        let batch = &mut sim.scope.batches[batch];
        if batch.next < batch.end {
            batch.next += 1;
            return Go::After(0, At::RunTask, Spent::InScope);
        }
    }
    Go::After(sim.costs.batch, At::BatchOver, Spent::InScope)
}

/// The batch is done: decides how many tasks are taken next.
pub(super) fn batch_over(sim: &mut Sim<'_>, me: usize) -> Go {
    let begun = sim.workers[me]
        .batch
        .map_or(0, |batch| sim.scope.batches[batch].begun);
    let spent = sim.now - begun;
    let is_owner = me == 0;
    let mut pause = 0;
    let is_crowded = !is_owner && is_crowded(sim);
    let worker = &mut sim.workers[me];
    if is_crowded {
        worker.many = 0;
    } else if spent < SHORT {
        worker.many = (worker.many * 2).min(MOST);
        if !is_owner {
            pause = PAUSES * sim.costs.pause;
        }
    } else if spent > LONG {
        worker.many = (worker.many / 2).max(1);
    }
    Go::After(pause, At::TakeBatch, Spent::InScope)
}

/// There is nothing left to begin.
pub(super) fn work_over(sim: &mut Sim<'_>, me: usize) -> Go {
    sim.workers[me].round = 0;
    if me == 0 {
        return Go::After(0, At::WaitForScope, Spent::Helping);
    }
    sim.workers[me].stack.pop();
    Go::After(0, At::PieceOver, Spent::InScope)
}

/// The owner helps for a while, then blocks.
pub(super) fn wait(sim: &mut Sim<'_>, me: usize) -> Go {
    let round = sim.workers[me].round;
    if sim.scope.pending == 0 {
        sim.workers[me].stack.pop();
        return Go::After(sim.costs.complex, At::Return, Spent::InScope);
    }
    let cost = sim.read(me, SLOTS);
    if sim.scope.is_listed {
        sim.workers[me].many = 1;
        return Go::After(cost, At::TakeBatch, Spent::InScope);
    }
    sim.workers[me].round += 1;
    let pause = Time::from(1_u32 << (round.min(ROUNDS) / 8)) * sim.costs.pause;
    let next = if round < ROUNDS {
        At::WaitForScope
    } else {
        At::Block
    };
    Go::After(cost + pause, next, Spent::Helping)
}

/// From outside: pauses, then gives the pool a task.
fn pause_before_install(sim: &mut Sim<'_>, count: u32, pause: u32) -> Go {
    let pause = ns(sim.draw(2 * u64::from(pause)));
    Go::After(pause, At::Install(count), Spent::Work)
}

pub(super) fn install(sim: &mut Sim<'_>, me: usize, left: u32) -> Go {
    if left == 0 {
        return Go::After(0, At::NextPhase, Spent::Work);
    }
    sim.lock(me, ENTRIES, At::InstallLocked(left))
}

pub(super) fn install_locked(sim: &mut Sim<'_>, left: u32) -> Go {
    sim.entries += 1;
    sim.entry_done = false;
    sim.release_after(sim.costs.enqueue, ENTRIES, After::AwaitInstalled(left))
}

pub(super) fn await_installed(sim: &mut Sim<'_>, me: usize, left: u32) -> Go {
    if sim.entry_done {
        let Phase::Installs(_, pause) = sim.program.phases[sim.phase - 1] else {
            return Go::After(0, At::NextPhase, Spent::Work);
        };
        return pause_before_install(sim, left - 1, pause);
    }
    sim.park(me, Spent::Blocked, At::AwaitInstalled(left))
}

/// A worker takes a task outside any scope, holding the lock.
pub(super) fn take_entry(sim: &mut Sim<'_>) -> Go {
    let found = sim.entries > 0;
    sim.entries -= usize::from(found);
    sim.release_after(sim.costs.hit, ENTRIES, After::Entry(found))
}

pub(super) fn took_entry(sim: &mut Sim<'_>, me: usize, found: bool) -> Go {
    if found {
        tell_others(sim, me, At::RunEntry)
    } else {
        Go::After(0, At::TakenInVain, Spent::Searching)
    }
}

pub(super) fn entry_over(sim: &mut Sim<'_>, me: usize) -> Go {
    sim.entry_done = true;
    sim.counts.tasks += 1;
    sim.workers[me].then.push(At::PieceOver);
    sleep::wake(sim, 0, Spent::Blocked)
}
