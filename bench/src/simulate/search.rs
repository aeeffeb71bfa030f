//! A worker that looks for work (`member`, `backlog` of the library).

use super::compute::transfer;
use super::costs::Time;
use super::design::{Counting, Fault, Forks, Locking};
use super::lines::{ENTRIES, MEMBERS, QUEUE, SLOTS, mailbox};
use super::shared::Mailboxes;
use super::state::{After, At, Go, JobId, Sim, Spent, Stage};

/// The number of rounds of looking before a worker sleeps or a joiner blocks.
pub(super) const ROUNDS: u32 = 48;

/// One round.
pub(super) fn search(sim: &mut Sim<'_>, me: usize, round: u32) -> Go {
    sim.workers[me].target = None;
    sim.workers[me].round = round;
    sim.workers[me].counts_out = false;
    let (found, cost) = sim.has_work(me);
    let is_blind = sim.design.fault == Some(Fault::TakesNothing);
    if !found || is_blind {
        return Go::After(cost, At::Idle(round), Spent::Searching);
    }
    match sim.design.counting {
        Counting::BeforeTrying => Go::After(cost, At::StopSearching, Spent::Searching),
        Counting::OnceFound => {
            let cost = cost + sim.read(me, MEMBERS);
            if is_crowded(sim) {
                return Go::After(cost, At::Idle(round), Spent::Searching);
            }
            sim.begin_look(me);
            Go::After(cost, At::Take(0), Spent::Searching)
        }
    }
}

pub(super) fn is_crowded(sim: &Sim<'_>) -> bool {
    sim.members.active > sim.size()
}

/// It has seen work: it does not count as searching while it tries to take some.
pub(super) fn stop_searching(sim: &mut Sim<'_>, me: usize) -> Go {
    sim.members.searching -= 1;
    sim.workers[me].counts_out = true;
    sim.workers[me].was_last = sim.members.searching < sim.design.wakers;
    let cost = sim.count(me);
    if is_crowded(sim) {
        return Go::After(cost, At::CountBack, Spent::Searching);
    }
    sim.begin_look(me);
    Go::After(cost, At::Take(0), Spent::Searching)
}

/// Looks for an offer, from a place in its order on.
pub(super) fn take(sim: &mut Sim<'_>, me: usize, from: usize) -> Go {
    let (found, cost) = sim.find_offer(me, from, Mailboxes::OfOthers);
    let on = spent(sim, me);
    let next = match found {
        Some((place, seat)) => At::AskToTake(place, seat),
        None if sim.workers[me].target.is_some() => At::TakenInVain,
        None => At::FindScope,
    };
    Go::After(cost, next, on)
}

fn spent(sim: &Sim<'_>, me: usize) -> Spent {
    if sim.workers[me].target.is_some() {
        Spent::Helping
    } else {
        Spent::Searching
    }
}

/// Tries to get an offer that it has seen.
pub(super) fn ask_to_take(sim: &mut Sim<'_>, me: usize, place: usize, seat: usize) -> Go {
    let is_skipped = sim.design.locking == Locking::Skips && sim.is_locked(mailbox(seat));
    match sim.design.forks {
        Forks::Private if is_skipped => {
            // The attempt takes the line in any case.
            let cost = sim.change(me, mailbox(seat));
            Go::After(cost, At::Take(place + 1), spent(sim, me))
        }
        Forks::Private => sim.lock(me, mailbox(seat), At::TakeFrom(place, seat)),
        Forks::Public => take_from_deque(sim, me, place, seat),
    }
}

/// Tries to take the oldest offer there, or the oldest descendant of what it waits for. The lock is held.
pub(super) fn take_from(sim: &mut Sim<'_>, me: usize, place: usize, seat: usize) -> Go {
    let target = sim.workers[me].target;
    let is_below = |job: &JobId| target.is_none_or(|target| sim.descends(*job, target));
    let mailbox_of = &sim.workers[seat].mailbox;
    let at = mailbox_of.iter().position(is_below);
    let looked_at = at.map_or(mailbox_of.len(), |at| at + 1) as Time;
    // Frames of other threads are followed to find out what a job descends from.
    let per_look = if target.is_some() {
        transfer(sim, seat, me)
    } else {
        sim.costs.hit
    };
    let mut hold = looked_at * per_look;
    let job = at.and_then(|at| {
        if sim.design.fault == Some(Fault::TakenTwice) {
            return sim.workers[seat].mailbox.get(at).copied();
        }
        sim.workers[seat].mailbox.remove(at)
    });
    let Some(job) = job else {
        sim.counts.in_vain += 1;
        return sim.release_after(hold, mailbox(seat), After::TakeNext(place + 1));
    };
    if sim.workers[seat].mailbox.is_empty() {
        hold += sim.ask_ahead(me, seat);
    }
    sim.jobs[job].stage = Stage::Taken;
    sim.jobs[job].thief = me;
    sim.release_after(hold, mailbox(seat), After::Got(job))
}

/// Takes the oldest of a public deque.
fn take_from_deque(sim: &mut Sim<'_>, me: usize, place: usize, seat: usize) -> Go {
    let on = spent(sim, me);
    let target = sim.workers[me].target;
    let oldest = sim.workers[seat].private.front().copied();
    let job = oldest.filter(|job| target.is_none_or(|target| sim.descends(*job, target)));
    let Some(job) = job else {
        sim.counts.in_vain += 1;
        let cost = sim.read(me, mailbox(seat));
        return Go::After(cost, At::Take(place + 1), on);
    };
    let cost = sim.change(me, mailbox(seat));
    sim.workers[seat].private.pop_front();
    sim.jobs[job].stage = Stage::Taken;
    sim.jobs[job].thief = me;
    Go::After(cost, At::Got(job), on)
}

/// It has a job: first wakes others, if no other worker searches.
pub(super) fn got(sim: &mut Sim<'_>, me: usize, job: JobId) -> Go {
    if sim.workers[me].target.is_some() {
        return Go::After(0, At::Execute(job), Spent::Helping);
    }
    tell_others(sim, me, At::Execute(job))
}

/// A searcher has something to do; it goes on at `next` after it has checked whether others are to be woken.
pub(super) fn tell_others(sim: &mut Sim<'_>, me: usize, next: At) -> Go {
    let mut cost = 0;
    if !sim.workers[me].counts_out {
        sim.members.searching -= 1;
        sim.workers[me].was_last = sim.members.searching < sim.design.wakers;
        cost = sim.count(me);
    }
    if !sim.workers[me].was_last {
        return Go::After(cost, next, Spent::Searching);
    }
    sim.workers[me].then.push(next);
    Go::After(cost, At::Look, Spent::Searching)
}

/// There was nothing left to take.
pub(super) fn taken_in_vain(sim: &mut Sim<'_>, me: usize) -> Go {
    let round = sim.workers[me].round;
    if sim.workers[me].target.is_some() {
        return pause(sim, me, round, At::Help(round + 1), At::Block);
    }
    if sim.workers[me].counts_out {
        return Go::After(0, At::CountBack, Spent::Searching);
    }
    Go::After(0, At::Idle(round), Spent::Searching)
}

/// It searches again.
pub(super) fn count_back(sim: &mut Sim<'_>, me: usize) -> Go {
    sim.members.searching += 1;
    sim.workers[me].counts_out = false;
    let cost = sim.count(me);
    Go::After(cost, At::Idle(sim.workers[me].round), Spent::Searching)
}

/// A piece of work is done.
pub(super) fn piece_over(sim: &mut Sim<'_>, me: usize) -> Go {
    sim.members.searching += 1;
    let cost = sim.count(me);
    Go::After(cost, At::Search(0), Spent::Searching)
}

/// Raises the words of others, and pauses before the next round.
pub(super) fn idle(sim: &mut Sim<'_>, me: usize, round: u32) -> Go {
    let cost = sim.read(me, MEMBERS);
    if is_crowded(sim) {
        return Go::After(cost, At::Rest, Spent::Searching);
    }
    pause(sim, me, round, At::Search(round + 1), At::Rest)
}

/// Pauses longer with each round; after the last round, something else comes.
pub(super) fn pause(sim: &mut Sim<'_>, me: usize, round: u32, next: At, last: At) -> Go {
    let on = spent(sim, me);
    let mut cost = Time::from(1_u32 << (round / 8)) * sim.costs.pause;
    if round % 8 == 7 {
        cost += sim.ask_others(me) + sim.costs.yielding;
    }
    let next = if round + 1 < ROUNDS { next } else { last };
    Go::After(cost, next, on)
}

/// Checks whether a scope has tasks, or a task outside any scope is queued.
pub(super) fn find_scope(sim: &mut Sim<'_>, me: usize) -> Go {
    let cost = sim.read(me, SLOTS);
    if sim.scope.is_listed {
        return sim.lock(me, SLOTS, At::FindScopeLocked);
    }
    if sim.entries > 0 {
        return sim.lock(me, ENTRIES, At::TakeEntry);
    }
    Go::After(cost, At::TakenInVain, Spent::Searching)
}

/// A scope was found: its queue is checked for tasks, under its lock.
pub(super) fn found_scope(sim: &mut Sim<'_>, me: usize) -> Go {
    sim.lock(me, QUEUE, At::HasTasks)
}
