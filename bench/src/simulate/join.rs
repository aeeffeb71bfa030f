//! A thread that waits for a half that another one has stolen, or for the end of its scope (`member`, `wait` of the
//! library).

use super::compute::transfer;
use super::costs::Time;
use super::lines::STATE;
use super::search::ROUNDS;
use super::state::{After, At, Frame, Go, JobId, Publish, Sim, Spent, Stage};

/// The greatest depth to which a thread runs one job inside the wait for another.
const MAX_DEPTH: usize = 64;

fn awaited(sim: &Sim<'_>, me: usize) -> Option<JobId> {
    match sim.workers[me].stack.last() {
        Some(Frame::Join(job)) => Some(*job),
        _ => None,
    }
}

/// Looks for a descendant of what it waits for.
pub(super) fn help(sim: &mut Sim<'_>, me: usize, round: u32) -> Go {
    let Some(job) = awaited(sim, me) else {
        return Go::After(0, At::WaitForScope, Spent::Helping);
    };
    if sim.jobs[job].stage == Stage::Done {
        return join(sim, me, job);
    }
    if sim.workers[me].nesting >= MAX_DEPTH || round >= ROUNDS {
        return Go::After(0, At::Block, Spent::Helping);
    }
    let worker = &mut sim.workers[me];
    worker.target = Some(job);
    worker.round = round;
    sim.begin_look(me);
    Go::After(sim.costs.hit, At::Take(0), Spent::Helping)
}

/// The half is done: its result is read.
fn join(sim: &mut Sim<'_>, me: usize, job: JobId) -> Go {
    let cost = 2 * transfer(sim, sim.jobs[job].thief, me);
    sim.workers[me].stack.pop();
    sim.workers[me].target = None;
    sim.free.push(job);
    Go::After(cost, At::Return, Spent::Sharing)
}

/// Returns true if what it waits for is done.
fn is_over(sim: &Sim<'_>, me: usize) -> bool {
    match awaited(sim, me) {
        Some(job) => sim.jobs[job].stage == Stage::Done,
        None => sim.scope.pending == 0,
    }
}

/// It found nothing to help with: it arranges to be woken, and gives up its place.
pub(super) fn block(sim: &mut Sim<'_>, me: usize) -> Go {
    sim.workers[me].target = None;
    if is_over(sim, me) {
        return Go::After(sim.costs.hit, At::Help(0), Spent::Helping);
    }
    match awaited(sim, me) {
        Some(job) => sim.jobs[job].is_awaited = true,
        None => sim.scope.is_awaited = true,
    }
    sim.counts.blocked += 1;
    let cost = sim.costs.rmw + sim.costs.block + sim.costs.complex;
    if sim.workers[me].private.is_empty() {
        return Go::After(cost, At::Leave, Spent::Blocked);
    }
    sim.workers[me].then.push(At::Leave);
    let cost = cost + sim.costs.publish;
    Go::After(cost, At::AskToPublish(Publish::All), Spent::Blocked)
}

pub(super) fn leave_locked(sim: &mut Sim<'_>) -> Go {
    let hold: Time = sim.costs.hit;
    sim.release_after(hold, STATE, After::Leave)
}

/// Its place is free for another thread.
pub(super) fn left(sim: &mut Sim<'_>, me: usize) -> Go {
    sim.members.active -= 1;
    let cost = sim.count(me) + sim.ask_all(me);
    sim.workers[me].then.push(At::Park);
    Go::After(cost, At::Look, Spent::Blocked)
}

/// Sleeps until what it waits for is done.
pub(super) fn park(sim: &mut Sim<'_>, me: usize) -> Go {
    if is_over(sim, me) {
        return Go::After(sim.costs.hit, At::ComeBack, Spent::Blocked);
    }
    sim.park(me, Spent::Blocked, At::ComeBack)
}

pub(super) fn come_back(sim: &mut Sim<'_>, me: usize) -> Go {
    sim.members.active += 1;
    let cost = sim.count(me);
    Go::After(cost, At::AskToComeBack, Spent::Blocked)
}
