//! Members of a pool: how a worker runs, how other threads visit the pool, and what both do while they wait.

use std::cell::RefCell;
use std::panic::Location;

use super::job::Public;
use super::lineage::Ancestor;
use super::member_state::MemberState;
use super::members::{AfterSleep, Members};
use super::open_scopes::{self, Below, OpenScope, Since, Until};
use super::seat::{Parcel, Seat};
use super::shared::{PoolShared, WorkerGuard};
use super::sleeper::Sleeper;
use super::unpublished_forks::UnpublishedForks;
use super::{execute, this_thread};
use crate::deadlock::{Resource, WaitObject, WaitSite, WaitsOn};
use crate::observe::Verb;
use crate::park::{Parker, spin_loop};
use crate::primitive::{Arc, Duration, Inside, thread_local};
use crate::spin::yield_briefly;
use crate::task::Task;
use crate::wait::{self, Heed, Place};

/// The number of rounds in which a thread looks for work before it sleeps (a worker) or blocks (a joiner). The
/// pauses between rounds grow: some twenty microseconds in all.
#[cfg(not(reunite_model))]
const ROUNDS: u32 = 48;
#[cfg(reunite_model)]
const ROUNDS: u32 = 1;

/// The greatest depth to which a thread runs jobs inside its waits for other jobs.
const MAX_DEPTH: usize = 64;

thread_local! {
    /// The pools in which this thread takes part. The last one is the pool that it works for now.
    static POOLS: RefCell<Vec<Membership>> = const { RefCell::new(Vec::new()) };
}

struct Membership {
    pool: Arc<PoolShared>,
    seat: &'static Seat,
    role: MemberRole,
    /// The depth of nested waits. Only the outermost wait gives up the place, and takes it back.
    away: usize,
    /// True if the member was found to starve. It is then counted as awake again, although it is still in its
    /// wait.
    is_called_back: bool,
}

/// The way in which a thread takes part in a pool.
#[derive(Clone, Copy, PartialEq, Eq)]
enum MemberRole {
    /// On a stack that the pool has given it.
    Worker,
    /// On its own stack.
    Visitor,
}

/// Returns the pool that this thread works for.
pub(super) fn pool() -> Option<Arc<PoolShared>> {
    // A thread that is ending takes part in no pool.
    let last =
        |pools: &RefCell<Vec<Membership>>| pools.borrow().last().map(|part| Arc::clone(&part.pool));
    POOLS.try_with(last).ok().flatten()
}

/// Returns the number of [places](super::PoolBuilder::threads) of the pool that this thread works for, or 1.
pub(crate) fn places() -> usize {
    pool().map_or(1, |pool| pool.members.size)
}

/// Returns true if `pool` is the one that this thread works for now.
fn works_for(pool: &Arc<PoolShared>) -> bool {
    let asked = POOLS.try_with(|pools| {
        let pools = pools.borrow();
        pools
            .last()
            .is_some_and(|last| Arc::ptr_eq(&last.pool, pool))
    });
    asked.unwrap_or(false)
}

/// Returns true if this thread takes part in `pool` at all.
pub(super) fn takes_part(pool: &Arc<PoolShared>) -> bool {
    let asked = POOLS.try_with(|pools| {
        let pools = pools.borrow();
        pools.iter().any(|other| Arc::ptr_eq(&other.pool, pool))
    });
    asked.unwrap_or(false)
}

/// Returns true if this thread is one of the pool's own.
pub(super) fn is_worker_of(pool: &Arc<PoolShared>) -> bool {
    let asked = POOLS.try_with(|pools| {
        let pools = pools.borrow();
        let mut workers = pools.iter().filter(|part| part.role == MemberRole::Worker);
        workers.any(|part| Arc::ptr_eq(&part.pool, pool))
    });
    asked.unwrap_or(false)
}

/// A guard: the thread has a seat in a pool until it is dropped.
struct SeatGuard {
    number: usize,
    seat: &'static Seat,
    /// The thread's seat in another pool, which it has again afterwards.
    before: Option<&'static Seat>,
    /// The hooks of the thread's place in another pool.
    place: Option<&'static dyn Place>,
}

impl SeatGuard {
    fn in_pool(pool: &Arc<PoolShared>, role: MemberRole) -> Option<Self> {
        let (number, seat) = pool.members.backlog.seating.take()?;
        // The forks that the thread made for another pool must not wait until it returns there, and must not be
        // mixed with the forks for this pool.
        if this_thread::publish_all() {
            published();
        }
        let part = Membership {
            pool: Arc::clone(pool),
            seat,
            role,
            away: 0,
            is_called_back: false,
        };
        POOLS.with(|pools| pools.borrow_mut().push(part));
        Some(Self {
            number,
            seat,
            before: this_thread::set_seat(Some(seat)),
            place: wait::install(Some(&MemberPlace)),
        })
    }
}

impl Drop for SeatGuard {
    fn drop(&mut self) {
        wait::install(self.place);
        this_thread::set_seat(self.before);
        if let Some(part) = POOLS.with(|pools| pools.borrow_mut().pop()) {
            part.pool.members.backlog.seating.leave(self.number);
        }
    }
}

/// A guard: the calling thread takes part in a pool until this is dropped. It works on its own stack, and other
/// members may help it.
pub(super) struct Visit {
    /// `None` if the thread worked for this pool already: then the visit does nothing.
    seated: Option<(Arc<PoolShared>, SeatGuard)>,
}

/// Makes the calling thread take part in `pool`; returns `None` if the pool has too many members. If the thread
/// works for this pool already, the visit does nothing.
#[inline]
pub(super) fn visit(pool: &Arc<PoolShared>) -> Option<Visit> {
    // A thread that is ending may have lost the thread-locals that a member needs.
    if !this_thread::can_take_seat() {
        None
    } else if works_for(pool) {
        Some(Visit { seated: None })
    } else {
        visit_anew(pool)
    }
}

#[cold]
#[inline(never)]
fn visit_anew(pool: &Arc<PoolShared>) -> Option<Visit> {
    POOLS.try_with(|_| ()).ok()?;
    let seated = SeatGuard::in_pool(pool, MemberRole::Visitor)?;
    pool.members.arrive();
    seated.seat.member_state().hold();
    let seated = Some((Arc::clone(pool), seated));
    Some(Visit { seated })
}

/// Makes the calling thread take part in `pool` like [`visit`]. Returns `Err(NoPlace)` instead if other threads
/// have all the places and, in a watched pool, a thread can be woken or started for queued work: then the caller
/// should leave its work to the pool.
pub(super) fn visit_if_free(pool: &Arc<PoolShared>) -> Result<Option<Visit>, NoPlace> {
    let visit = visit(pool);
    match &visit {
        Some(visit) if visit.seated.is_some() && pool.members.is_full() => Err(NoPlace),
        _ => Ok(visit),
    }
}

/// The error that other threads have all the places of a pool.
pub(super) struct NoPlace;

impl Drop for Visit {
    #[inline]
    fn drop(&mut self) {
        if self.seated.is_some() {
            self.depart();
        }
    }
}

impl Visit {
    #[cold]
    #[inline(never)]
    fn depart(&mut self) {
        if let Some((pool, seated)) = self.seated.take() {
            let members = &pool.members;
            let is_counted = members.depart(seated.seat.member_state());
            drop(seated);
            this_thread::forget_captured();
            let rouse = if is_counted {
                members.remove_active()
            } else {
                members.look()
            };
            if !pool.follow(rouse) {
                members.wake_blocked(None);
            }
        }
    }
}

/// Tells the pool of the calling thread that the thread has published work.
pub(super) fn published() {
    let _ending = POOLS.try_with(|pools| {
        if let Some(Membership { pool, .. }) = pools.borrow().last() {
            pool.published();
        }
    });
}

/// The hooks of `wait` for members of a pool that block.
struct MemberPlace;

impl Place for MemberPlace {
    fn leave(&self, parker: &Parker, must_end: bool) {
        if this_thread::publish_all() {
            published();
        }
        POOLS.with(|pools| {
            let _inside = Inside::mark();
            for part in pools.borrow_mut().iter_mut() {
                part.away += 1;
                let members = &part.pool.members;
                let rouse = if part.away == 1 {
                    members.block(parker, part.seat.member_state())
                } else {
                    members.look()
                };
                if !part.pool.follow(rouse) && must_end {
                    part.pool.start_beyond_limit();
                }
            }
        });
    }

    fn come_back(&self, parker: &Parker) {
        POOLS.with(|pools| {
            let _inside = Inside::mark();
            for part in pools.borrow_mut().iter_mut() {
                part.away -= 1;
                if part.away == 0 {
                    part.seat.member_state().hold();
                    part.pool.members.unblock(parker, part.is_called_back);
                    part.is_called_back = false;
                }
            }
        });
    }

    fn is_starved(&self, must_end: bool) -> bool {
        POOLS.with(|pools| {
            let _inside = Inside::mark();
            let mut is_starved = false;
            for part in pools.borrow_mut().iter_mut() {
                let members = &part.pool.members;
                if part.is_called_back
                    || part.pool.follow(members.look())
                    || !members.is_none_awake()
                {
                    continue;
                }
                if must_end {
                    part.pool.start_beyond_limit();
                } else if members.call_back() {
                    part.is_called_back = true;
                    is_starved = true;
                }
            }
            is_starved
        })
    }

    fn let_others_ask(&self, parker: &Parker) {
        POOLS.with(|pools| {
            for part in pools.borrow().iter() {
                let members = &part.pool.members;
                if !part.pool.follow(members.look()) && members.is_none_awake() {
                    members.wake_blocked(Some(parker));
                }
            }
        });
    }

    fn has_more(&self) -> bool {
        POOLS.with(|pools| {
            let pools = pools.borrow();
            pools
                .iter()
                .any(|part| part.seat.member_state().is_divided())
        })
    }

    fn hand_over(&self) {
        POOLS.with(|pools| {
            let _inside = Inside::mark();
            for Membership { pool, seat, .. } in pools.borrow().iter() {
                pool.divide(std::iter::once(*seat), Duration::ZERO);
            }
        });
    }
}

/// Waits until the thread that has taken `job` is done with it. Meanwhile runs work that descends from the job.
pub(super) fn await_job(job: &Public, at: &'static Location<'static>) {
    help_until(job.as_ancestor(), open_scopes::innermost(), || {
        job.is_done()
    });
    if job.is_done() {
        return;
    }
    let site = WaitSite {
        verb: Verb::Join,
        object: WaitObject::Made("the other half of a fork", at),
        at,
        on: WaitsOn::Resource(Resource::Job(job.as_ancestor().address())),
    };
    // The other half borrows from this frame, so only the end of the job ends this wait.
    let _ended = wait::block_until(site, None, Heed::Nothing, |_| job.is_done_or_wake());
}

/// Runs work that descends from `target` until `over` returns true, or until there has been no such work for a
/// while. `since` bounds the search for scopes: only scopes that were listed later can be below the target.
pub(super) fn help_until(target: Ancestor, since: Option<Since>, over: impl Fn() -> bool) {
    let (Some(pool), Some(seat)) = (pool(), this_thread::seat()) else {
        return;
    };
    if this_thread::nesting() >= MAX_DEPTH {
        return;
    }
    let scopes = &pool.members.backlog.scopes;
    let below = Below { target, since };
    let mut round = 0;
    while round < ROUNDS && !over() {
        match pool.members.backlog.take(seat, Some(target)) {
            Some(parcel) => {
                execute::execute(seat, parcel);
                round = 0;
            }
            None => match scopes.find(Some(below)) {
                Some(scope) => {
                    scope.work(Until::Done);
                    round = 0;
                }
                None => {
                    if round % 8 == 7 {
                        pool.members.backlog.ask_all();
                    }
                    round = if pause(round) { round + 1 } else { ROUNDS };
                }
            },
        }
    }
}

/// Pauses between two rounds. Returns false if the caller should not look for work any longer.
fn pause(round: u32) -> bool {
    if round % 8 == 7 && !yield_briefly() {
        return false;
    }
    (0..1 << (round / 8)).for_each(|_| spin_loop());
    true
}

enum FoundWork {
    Job(Parcel),
    Scope(Arc<dyn OpenScope>),
    Task(Arc<dyn Task>),
}

/// Runs a worker until it ends. The caller has counted it as active and searching.
#[must_use = "the thread counts until this is dropped"]
pub(super) fn work(pool: &Arc<PoolShared>) -> WorkerGuard {
    let counted = WorkerGuard(Arc::clone(pool));
    let Some(seated) = SeatGuard::in_pool(pool, MemberRole::Worker) else {
        pool.members.give_up();
        return counted;
    };
    let seat = seated.seat;
    let member_state = seat.member_state();
    member_state.hold();
    let sleeper = Sleeper::current();
    let mut unshared = UnpublishedForks::default();
    loop {
        match search(pool, seat) {
            Some(work) => {
                member_state.begin();
                match work {
                    FoundWork::Job(parcel) => execute::execute(seat, parcel),
                    FoundWork::Scope(scope) => scope.work(Until::Crowded),
                    FoundWork::Task(task) => run_tasks(pool, member_state, task),
                }
                pool.members.take_again(member_state);
                pool.members.search_again();
            }
            None => {
                let short = || pool.watch();
                let look = || unshared.look(pool);
                match pool.members.rest(&sleeper, member_state, short, look) {
                    AfterSleep::Search => {}
                    AfterSleep::End => return counted,
                }
            }
        }
    }
}

/// Runs a task that the calling worker has dequeued, and then the tasks behind it in the queue, as long as there
/// is no other work and the worker's place is not needed. The worker does not count as searching meanwhile.
fn run_tasks(pool: &Arc<PoolShared>, member_state: &MemberState, first: Arc<dyn Task>) {
    let members = &pool.members;
    let mut next = Some(first);
    while let Some(task) = next {
        run(&task, member_state);
        drop(task);
        members.take_again(member_state);
        if members.is_crowded() || members.backlog.has_other_work() {
            return;
        }
        next = members.backlog.dequeue(member_state);
        if next.is_some() {
            member_state.begin();
        }
    }
}

/// Runs a task that the calling worker has dequeued, unless a joiner has begun it. `member_state` is that of the
/// worker.
fn run(task: &Arc<dyn Task>, member_state: &MemberState) {
    task.run();
    this_thread::forget_captured();
    member_state.end_task();
}

/// Runs a task on the stack of the calling joiner, unless another thread has begun it. `takes_part` says whether
/// the joiner is a member of the pool.
pub(super) fn run_aside(pool: &PoolShared, task: &Arc<dyn Task>, takes_part: bool) {
    let member_state = this_thread::seat()
        .filter(|_| takes_part)
        .map(Seat::member_state);
    pool.members.backlog.run_in_place(task, member_state, || {
        task.run();
        this_thread::forget_captured();
    });
}

/// Looks for work and takes it. If this returns work, the worker is not counted as searching any more.
fn search(pool: &Arc<PoolShared>, seat: &'static Seat) -> Option<FoundWork> {
    let members = &pool.members;
    for round in 0..ROUNDS {
        if members.backlog.has_work() {
            let was_last = members.stop_searching();
            let work = if members.is_crowded() {
                None
            } else {
                take(members, seat)
            };
            if work.is_some() {
                if was_last {
                    pool.follow(members.look());
                }
                return work;
            }
            members.search_again();
        }
        if members.is_crowded() {
            return None;
        }
        if round % 8 == 7 {
            pool.members.backlog.ask_all();
        }
        if !pause(round) {
            break;
        }
    }
    None
}

fn take(members: &Members, seat: &'static Seat) -> Option<FoundWork> {
    let job = || members.backlog.take(seat, None).map(FoundWork::Job);
    let scope = || members.backlog.scopes.find(None).map(FoundWork::Scope);
    let task = || {
        members
            .backlog
            .dequeue(seat.member_state())
            .map(FoundWork::Task)
    };
    job().or_else(scope).or_else(task)
}

/// Runs `f`, which may block in a way that this library does not see (reading a file, a lock of `std`), without
/// keeping a core idle. While `f` runs, the calling thread gives its place in its pool to another worker, and
/// other threads can take everything that it has forked. Outside a pool, this function only runs `f`.
///
/// If such a call is not wrapped in `blocking`, and it is made inside the first closure of a
/// [`join`](crate::join) whose second closure no thread has asked for, the second closure waits for the end of
/// the call. If the call waits for what the second closure does, both wait for ever. Even with `blocking`, other
/// threads cannot take what is not forked yet: the items of a [`par`](crate::par()) behind the item that makes
/// the call.
///
/// This library's own waits do the same without `blocking`. Like them, the call is shown in the [live
/// tree](crate::dump()) and counts as waiting in a [profile](crate::profile).
///
/// ```
/// let (text, sum) = reunite::join(
///     || reunite::blocking(|| std::fs::read_to_string("Cargo.toml")),
///     || (1..1000).sum::<u64>(),
/// );
/// assert!(text.is_ok());
/// assert_eq!(sum, 499_500);
/// ```
#[track_caller]
pub fn blocking<R>(f: impl FnOnce() -> R) -> R {
    wait::run_blocking(Location::caller(), f)
}
