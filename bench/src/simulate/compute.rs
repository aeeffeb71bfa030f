//! A worker that computes: its forks, which of them it publishes, and how it gets them back (`fork`, `this_thread`,
//! `seat` of the library).

use super::costs::Time;
use super::design::{Fault, Forks};
use super::lines::{MEMBERS, mailbox, word};
use super::program::{Node, Shape};
use super::sleep;
use super::state::{After, At, Frame, Go, Job, JobId, Publish, Sim, Spent, Stage};

/// Begins a part of the computation.
pub(super) fn begin(sim: &mut Sim<'_>, me: usize, node: Node) -> Go {
    match node.shape() {
        Shape::Leaf(work) => {
            sim.counts.leaves += 1;
            Go::After(work, At::Return, Spent::Work)
        }
        Shape::Fork(before, a, b) => {
            let job = link_in(sim, me, b);
            sim.workers[me].stack.push(Frame::Fork(job));
            let mut cost = sim.costs.fork;
            if sim.design.forks == Forks::Public {
                // The newest end of the list: a store that the cores of other threads that look must learn of.
                cost += sim.change(me, mailbox(me)) / 2;
            }
            sim.tell(me, Spent::Work, before);
            Go::After(before + cost, At::Forked(a), Spent::Forking)
        }
    }
}

fn link_in(sim: &mut Sim<'_>, me: usize, node: Node) -> JobId {
    let job = Job {
        node,
        owner: me,
        up: sim.workers[me].inner,
        stage: Stage::Private,
        is_awaited: false,
        thief: me,
    };
    let id = if let Some(id) = sim.free.pop() {
        sim.jobs[id] = job;
        id
    } else {
        sim.jobs.push(job);
        sim.jobs.len() - 1
    };
    sim.workers[me].private.push_back(id);
    id
}

/// A fork is linked in: checks whether any thread is hungry.
pub(super) fn forked(sim: &mut Sim<'_>, me: usize, first: Node) -> Go {
    if sim.design.forks == Forks::Public {
        // The thread that pushes checks whether to wake another.
        sim.workers[me].then.push(At::Begin(first));
        return Go::After(0, At::Published, Spent::Forking);
    }
    let cost = sim.read(me, word(me)) - sim.costs.hit;
    if sim.workers[me].is_asked {
        sim.workers[me].then.push(At::Begin(first));
        return Go::After(cost, At::Answer, Spent::Sharing);
    }
    if cost > 0 {
        return Go::After(cost, At::Begin(first), Spent::Sharing);
    }
    begin(sim, me, first)
}

/// Lowers the word; publishes if nothing is on offer.
pub(super) fn answer(sim: &mut Sim<'_>, me: usize) -> Go {
    let cost = sim.change(me, word(me));
    sim.workers[me].is_asked = false;
    if sim.workers[me].mailbox.is_empty() {
        let cost = cost + sim.costs.publish;
        Go::After(cost, At::AskToPublish(Publish::Older), Spent::Sharing)
    } else {
        Go::After(cost, At::Published, Spent::Sharing)
    }
}

/// Publishes the oldest forks, holding the lock of the mailbox.
pub(super) fn publish(sim: &mut Sim<'_>, me: usize, which: Publish) -> Go {
    let open = sim.workers[me].private.len();
    let count = match which {
        Publish::Older => sim.design.batch.of(open),
        Publish::All => open,
    };
    for _ in 0..count {
        if let Some(job) = sim.workers[me].private.pop_front() {
            sim.jobs[job].stage = Stage::Published;
            sim.workers[me].mailbox.push_back(job);
        }
    }
    sim.counts.publications += 1;
    sim.counts.published += count as u64;
    let hold = count as Time * sim.costs.parcel;
    sim.release_after(hold, mailbox(me), After::Published)
}

/// Something was published: wakes a thread unless others search.
pub(super) fn published(sim: &mut Sim<'_>, me: usize) -> Go {
    let is_private = sim.design.forks == Forks::Private;
    let cost = sim.read(me, MEMBERS) + if is_private { sim.costs.rmw } else { 0 };
    let is_looked_for = sim.members.searching >= sim.design.wakers;
    let is_full = sim.members.active >= sim.size();
    let next = if is_looked_for || is_full {
        At::GoOn
    } else {
        At::Rouse
    };
    Go::After(cost, next, Spent::Sharing)
}

/// Ends what was begun last.
pub(super) fn come_back(sim: &mut Sim<'_>, me: usize) -> Go {
    match sim.workers[me].stack.pop() {
        Some(Frame::Fork(job)) => fork_over(sim, me, job),
        Some(Frame::Job(job, before)) => {
            let worker = &mut sim.workers[me];
            worker.inner = before;
            worker.nesting -= 1;
            let owner = sim.jobs[job].owner;
            let cost = sim.costs.finish + transfer(sim, owner, me);
            Go::After(cost, At::Finished(job), Spent::Sharing)
        }
        Some(frame @ Frame::Join(_)) => {
            sim.workers[me].stack.push(frame);
            Go::After(0, At::Help(0), Spent::Helping)
        }
        Some(Frame::Main) => {
            sim.workers[me].stack.push(Frame::Main);
            Go::After(0, At::NextPhase, Spent::Work)
        }
        Some(Frame::Tasks) => unreachable!("tasks of a scope do not fork"),
        None => Go::After(0, At::PieceOver, Spent::Searching),
    }
}

pub(super) fn transfer(sim: &Sim<'_>, from: usize, to: usize) -> Time {
    sim.topology.transfer(sim.costs, from, to)
}

/// The first half of a fork is done.
fn fork_over(sim: &mut Sim<'_>, me: usize, job: JobId) -> Go {
    let is_private = sim.workers[me].private.back() == Some(&job);
    let mut cost = 0;
    if sim.design.forks == Forks::Public {
        cost += sim.costs.deque + sim.change(me, mailbox(me)) / 2;
    }
    if !is_private {
        sim.workers[me].stack.push(Frame::Join(job));
        return if sim.design.forks == Forks::Public {
            Go::After(cost, At::Help(0), Spent::Helping)
        } else {
            sim.lock(me, mailbox(me), At::Reclaim(job))
        };
    }
    sim.workers[me].private.pop_back();
    let node = sim.jobs[job].node;
    sim.free.push(job);
    // Hungry threads are served here, too, if other forks are open.
    let is_asked = sim.design.forks == Forks::Private && sim.workers[me].is_asked;
    if is_asked && !sim.workers[me].private.is_empty() {
        sim.workers[me].then.push(At::Begin(node));
        return Go::After(cost, At::Answer, Spent::Sharing);
    }
    if cost > 0 {
        return Go::After(cost, At::Begin(node), Spent::Forking);
    }
    begin(sim, me, node)
}

/// Takes a published fork back, if it is still there. The lock of the mailbox is held.
pub(super) fn reclaim(sim: &mut Sim<'_>, me: usize, job: JobId) -> Go {
    if sim.workers[me].mailbox.back() == Some(&job) {
        sim.workers[me].mailbox.pop_back();
        sim.workers[me].stack.pop();
        let node = sim.jobs[job].node;
        sim.free.push(job);
        sim.counts.taken_back += 1;
        return sim.release_after(sim.costs.take_back, mailbox(me), After::Begin(node));
    }
    sim.release_after(0, mailbox(me), After::Help)
}

/// Begins a stolen half.
pub(super) fn execute(sim: &mut Sim<'_>, me: usize, id: JobId) -> Go {
    let owner = sim.jobs[id].owner;
    // Its frame, and the half that contains it.
    let cost = sim.costs.execute + 2 * transfer(sim, owner, me);
    let worker = &mut sim.workers[me];
    let before = worker.inner.replace(id);
    worker.stack.push(Frame::Job(id, before));
    worker.nesting += 1;
    sim.counts.stolen += 1;
    Go::After(cost, At::Begin(sim.jobs[id].node), Spent::Sharing)
}

/// A half that was forked by another thread is done.
pub(super) fn finished(sim: &mut Sim<'_>, me: usize, id: JobId) -> Go {
    let job = &mut sim.jobs[id];
    assert_ne!(job.stage, Stage::Done, "each half is run once");
    job.stage = Stage::Done;
    let owner = job.owner;
    if job.is_awaited && sim.design.fault != Some(Fault::NoUnpark) {
        sim.workers[me].then.push(At::Return);
        return sleep::wake(sim, owner, Spent::Blocked);
    }
    come_back(sim, me)
}
