//! Going to sleep and waking others (`members`, `sleeper` of the library).

use super::costs::Time;
use super::design::Fault;
use super::lines::{MEMBERS, STATE};
use super::state::{After, At, Go, Sim, Spent};

/// Wakes a sleeper if there is work and no worker searches.
pub(super) fn look(sim: &mut Sim<'_>, me: usize) -> Go {
    let (found, cost) = sim.has_work(me);
    let cost = cost + sim.costs.rmw + sim.read(me, MEMBERS);
    let next = if found && sim.members.searching < sim.design.wakers {
        At::Rouse
    } else {
        At::GoOn
    };
    Go::After(cost, next, Spent::Waking)
}

/// Wakes a sleeper if a place is free.
pub(super) fn rouse(sim: &mut Sim<'_>, me: usize) -> Go {
    if sim.members.active >= sim.size() {
        return Go::After(0, At::GoOn, Spent::Waking);
    }
    sim.lock(me, STATE, At::RouseLocked)
}

pub(super) fn rouse_locked(sim: &mut Sim<'_>, me: usize) -> Go {
    if sim.members.active >= sim.size() {
        return sim.release_after(0, STATE, After::GoOn);
    }
    if let Some(sleeper) = sim.members.sleepers.pop() {
        let hold = count_searcher(sim, me);
        return sim.release_after(hold, STATE, After::Wake(sleeper));
    }
    // As many threads may be blocked as the pool has places.
    if sim.members.threads < 2 * sim.size() {
        sim.members.threads += 1;
        let hold = count_searcher(sim, me);
        return sim.release_after(hold, STATE, After::Start(sim.members.threads));
    }
    sim.release_after(0, STATE, After::GoOn)
}

fn count_searcher(sim: &mut Sim<'_>, me: usize) -> Time {
    sim.members.active += 1;
    sim.members.searching += 1;
    sim.count(me) + sim.costs.rmw
}

/// Calls the system to wake a sleeping or blocked thread.
pub(super) fn wake(sim: &mut Sim<'_>, sleeper: usize, from: Spent) -> Go {
    let cost = if sim.unpark(sleeper, from) {
        sim.counts.woken += 1;
        sim.costs.wake
    } else {
        sim.costs.rmw
    };
    Go::After(cost, At::GoOn, Spent::Waking)
}

/// Calls the system to start a thread.
pub(super) fn start(sim: &mut Sim<'_>, thread: usize) -> Go {
    sim.counts.started += 1;
    sim.workers[thread].sleeps = None;
    sim.schedule(thread, sim.now + sim.costs.start_latency);
    Go::After(sim.costs.start, At::GoOn, Spent::Waking)
}

/// It gives up, holding the lock of the sleepers.
pub(super) fn rest_locked(sim: &mut Sim<'_>, me: usize) -> Go {
    sim.members.sleepers.push(me);
    sim.members.searching -= 1;
    sim.members.active -= 1;
    let hold = sim.count(me) + sim.costs.rmw;
    sim.release_after(hold, STATE, After::LookAgain)
}

/// It raises all words, and looks once more.
pub(super) fn look_again(sim: &mut Sim<'_>, me: usize) -> Go {
    if sim.design.fault == Some(Fault::NoSecondLook) {
        return Go::After(0, At::Asleep, Spent::Searching);
    }
    let asked = sim.ask_all(me);
    let (found, looked) = sim.has_work(me);
    let cost = asked + looked + sim.costs.rmw;
    let next = if found && sim.members.active < sim.size() {
        At::GetUp
    } else {
        At::BeIdle
    };
    Go::After(cost, next, Spent::Searching)
}

/// There is work: it gets up, unless it was woken.
pub(super) fn look_again_locked(sim: &mut Sim<'_>, me: usize) -> Go {
    let mut sleepers = sim.members.sleepers.iter();
    match sleepers.rposition(|other| *other == me) {
        Some(at) => {
            sim.members.sleepers.remove(at);
            let hold = count_searcher(sim, me);
            sim.release_after(hold, STATE, After::Search)
        }
        None => sim.release_after(0, STATE, After::Asleep),
    }
}
