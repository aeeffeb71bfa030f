//! Runs the model: one step after the other, in the order of their times.

use super::costs::{Costs, Time, Topology};
use super::design::Design;
use super::lines::{ENTRIES, LineId, MEMBERS, QUEUE, SLOTS, STATE, mailbox};
use super::program::Program;
use super::state::{After, At, Counts, Go, SPENT, Sim, Spent};
use super::{compute, join, scope, search, sleep};

/// The result of a run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run {
    pub(super) time: Time,
    pub(super) counts: Counts,
    /// The total time that the threads spent on each activity.
    pub(super) spent: [Time; SPENT.len()],
    /// The part of the time in which each shared line was being changed, or its lock held.
    pub(super) busy: Vec<(&'static str, f64)>,
}

/// The error of a model in which nothing happens any more although the program is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stalled {
    pub(super) at: Time,
}

/// Runs a program on a pool. The same arguments give the same result.
pub(super) fn run(
    program: &Program,
    costs: &Costs,
    design: Design,
    topology: Topology,
    seed: u64,
) -> Result<Run, Stalled> {
    let mut sim = Sim::new(program, costs, design, topology, seed);
    while !sim.is_over {
        let Some((at, worker)) = sim.next_event() else {
            return Err(Stalled { at: sim.now });
        };
        sim.now = at;
        match sim.workers[worker].calls_for.take() {
            Some(line) => sim.try_again(worker, line),
            None => go_on(&mut sim, worker),
        }
    }
    Ok(finish(&mut sim))
}

/// Performs the steps of one worker until another worker's step comes first.
fn go_on(sim: &mut Sim<'_>, me: usize) {
    loop {
        sim.counts.events += 1;
        let at = sim.workers[me].at;
        match step(sim, me, at) {
            Go::After(time, next, on) => {
                sim.workers[me].at = next;
                let told = std::mem::take(&mut sim.workers[me].told);
                sim.spend(me, on, time.saturating_sub(told));
                let at = sim.now + time;
                if !sim.is_next(me, at) {
                    sim.schedule(me, at);
                    return;
                }
                sim.now = at;
            }
            Go::Stop => return,
        }
    }
}

fn step(sim: &mut Sim<'_>, me: usize, at: At) -> Go {
    match at {
        At::Begin(node) => compute::begin(sim, me, node),
        At::Forked(first) => compute::forked(sim, me, first),
        At::Return => compute::come_back(sim, me),
        At::GoOn => {
            let next = sim.workers[me].then.pop();
            Go::After(0, next.unwrap_or(At::Return), Spent::Work)
        }
        At::Answer => compute::answer(sim, me),
        At::AskToPublish(which) => sim.lock(me, mailbox(me), At::Publish(which)),
        At::Publish(which) => compute::publish(sim, me, which),
        At::Published => compute::published(sim, me),
        At::Reclaim(job) => compute::reclaim(sim, me, job),
        At::Execute(job) => compute::execute(sim, me, job),
        At::Finished(job) => compute::finished(sim, me, job),
        At::Help(round) => join::help(sim, me, round),
        At::Block => join::block(sim, me),
        At::Leave => sim.lock(me, STATE, At::LeaveLocked),
        At::LeaveLocked => join::leave_locked(sim),
        At::Left => join::left(sim, me),
        At::Park => join::park(sim, me),
        At::ComeBack => join::come_back(sim, me),
        At::AskToComeBack => sim.lock(me, STATE, At::ComeBackLocked),
        At::ComeBackLocked => sim.release_after(sim.costs.hit, STATE, After::Help),
        At::Release(line, after) => {
            let woke = sim.unlock(me, line);
            released(sim, me, after).later(woke)
        }
        other => step_of_others(sim, me, other),
    }
}

/// The steps of workers that look for work, sleep, wake, or have a scope.
fn step_of_others(sim: &mut Sim<'_>, me: usize, at: At) -> Go {
    match at {
        At::Search(round) => search::search(sim, me, round),
        At::StopSearching => search::stop_searching(sim, me),
        At::Take(place) => search::take(sim, me, place),
        At::AskToTake(place, seat) => search::ask_to_take(sim, me, place, seat),
        At::TakeFrom(place, seat) => search::take_from(sim, me, place, seat),
        At::TakenInVain => search::taken_in_vain(sim, me),
        At::Got(job) => search::got(sim, me, job),
        At::CountBack => search::count_back(sim, me),
        At::PieceOver => search::piece_over(sim, me),
        At::Idle(round) => search::idle(sim, me, round),
        At::FindScope => search::find_scope(sim, me),
        At::Look => sleep::look(sim, me),
        At::Rouse => sleep::rouse(sim, me),
        At::RouseLocked => sleep::rouse_locked(sim, me),
        At::Wake(sleeper, from) => sleep::wake(sim, sleeper, from),
        At::Start(thread) => sleep::start(sim, thread),
        At::Rest => sim.lock(me, STATE, At::RestLocked),
        At::RestLocked => sleep::rest_locked(sim, me),
        At::LookAgain => sleep::look_again(sim, me),
        At::GetUp => sim.lock(me, STATE, At::LookAgainLocked),
        At::LookAgainLocked => sleep::look_again_locked(sim, me),
        At::BeIdle => sim.lock(me, STATE, At::CountIdle),
        At::CountIdle => sim.release_after(sim.costs.hit, STATE, After::Asleep),
        At::Asleep => sim.park(me, Spent::Asleep, At::Woken),
        At::Woken => Go::After(0, At::Search(0), Spent::Searching),
        At::NextPhase => scope::next_phase(sim),
        At::Spawn(task) => scope::spawn(sim, me, task),
        At::AskToSpawn(task) => sim.lock(me, QUEUE, At::SpawnLocked(task)),
        At::SpawnLocked(task) => scope::spawn_locked(sim, me, task),
        At::FindScopeLocked => scope::find_scope_locked(sim),
        At::HasTasks => scope::has_tasks(sim, me),
        At::TakeBatch => sim.lock(me, QUEUE, At::TakeBatchLocked),
        At::TakeBatchLocked => scope::take_batch(sim, me),
        At::RunTask => scope::run_task(sim, me),
        At::TaskOver => scope::task_over(sim, me),
        At::BatchOver => scope::batch_over(sim, me),
        At::WorkOver => scope::work_over(sim, me),
        At::WaitForScope => scope::wait(sim, me),
        At::Install(left) => scope::install(sim, me, left),
        At::InstallLocked(left) => scope::install_locked(sim, left),
        At::AwaitInstalled(left) => scope::await_installed(sim, me, left),
        At::TakeEntry => scope::take_entry(sim),
        At::RunEntry => Go::After(sim.costs.task, At::EntryOver, Spent::Work),
        At::EntryOver => scope::entry_over(sim, me),
        _ => unreachable!("the other steps are of those who compute"),
    }
}

/// A lock was released.
fn released(sim: &mut Sim<'_>, me: usize, after: After) -> Go {
    let next = match after {
        After::GoOn => At::GoOn,
        After::Published => At::Published,
        After::TakeNext(place) => At::Take(place),
        After::Got(job) => At::Got(job),
        After::Begin(node) => At::Begin(node),
        After::Help => At::Help(0),
        After::Wake(sleeper) => At::Wake(sleeper, Spent::Asleep),
        After::Start(thread) => At::Start(thread),
        After::Asleep => At::Asleep,
        After::Search => At::Search(0),
        After::LookAgain => At::LookAgain,
        After::Leave => At::Left,
        After::Spawn(task, is_first) => {
            if is_first {
                sim.workers[me].then.push(At::Spawn(task));
                At::Published
            } else {
                At::Spawn(task)
            }
        }
        After::HasTasks => return search::found_scope(sim, me),
        After::Found(has_tasks) => return scope::found(sim, me, has_tasks),
        After::Batch(is_any) => {
            // The last thread to drop a reference wakes the thread that waits for the scope.
            if sim.scope.pending == 0 && sim.scope.is_awaited && me != 0 {
                sim.scope.is_awaited = false;
                sim.workers[me].then.push(At::WorkOver);
                return sleep::wake(sim, 0, Spent::Blocked);
            }
            if is_any { At::RunTask } else { At::WorkOver }
        }
        After::Entry(found) => return scope::took_entry(sim, me, found),
        After::AwaitInstalled(left) => {
            sim.workers[me].then.push(At::AwaitInstalled(left));
            At::Published
        }
    };
    Go::After(0, next, Spent::Locks)
}

fn finish(sim: &mut Sim<'_>) -> Run {
    let time = sim.now;
    let mut spent = [0; SPENT.len()];
    for worker in &mut sim.workers {
        // Adds activities that last until the end.
        if let Some(on) = worker.sleeps {
            worker.spent[on as usize] += time.saturating_sub(worker.since);
        }
        spent
            .iter_mut()
            .zip(worker.spent)
            .for_each(|(sum, part)| *sum += part);
    }
    let part = |line: LineId| sim.lines.busy(line) as f64 / time.max(1) as f64;
    let seats = 0..sim.seats();
    let mailboxes = seats.map(|seat| part(mailbox(seat))).fold(0.0, f64::max);
    let busy = vec![
        ("members' counters", part(MEMBERS)),
        ("sleepers' lock", part(STATE)),
        ("list of scopes", part(SLOTS)),
        ("scope's queue", part(QUEUE)),
        ("queue of entries", part(ENTRIES)),
        ("busiest mailbox", mailboxes),
    ];
    Run {
        time,
        counts: sim.counts.clone(),
        spent,
        busy,
    }
}
