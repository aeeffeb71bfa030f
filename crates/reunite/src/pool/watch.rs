//! The watch over pools: a thread that helps when members block where the library does not see it. If no thread
//! comes for work because the members that have the places block in this way, the watch lets other threads take
//! their places. If a batch of a map makes no progress, the watch lets other threads take its remaining items.
//!
//! # Protocol
//! One thread watches all pools. It is started when it is first needed. It sleeps without a timeout while no
//! pool is *short* and no batch with items left runs. A pool is short if work is queued, no worker searches, and
//! no place is free or no thread can be added. The *patience* of a pool is its `spare_after`.
//!
//! 1. A thread that finds a pool short raises the pool's `is_watched`. If it was not raised before, the thread
//!    adds the pool to the list and wakes the watching thread. Two kinds of threads may find a pool short: one
//!    that publishes work or leaves, and finds no place free (`WakeDecision::Full`); and a worker that goes to
//!    sleep although there is work.
//! 2. The watching thread looks at each watched pool several times per patience of that pool. If a pool is not
//!    short any more, the watching thread lowers `is_watched`, then (fence) looks once more, and goes on watching
//!    if the pool is short again. So at least one of the two sees the other: the watching thread sees that the
//!    pool is short, or the thread that makes it short sees `is_watched` lowered.
//! 3. A thread that begins a batch lists it (`member_state`), and then raises `is_watched` unless it is raised.
//!    The watching thread lowers `is_watched` and then looks at the lists, each under its lock. So the watching
//!    thread finds the batch, or the batch's thread finds `is_watched` lowered.
//! 4. If a batch has begun no item for the patience, the next look queues its remaining items as a task of their
//!    own, whatever the batch's thread does (see `items`).
//! 5. A member that holds a place *stands still* if, for the patience, it has begun nothing and the system has
//!    said at every look that its thread sleeps. Its place is taken away (see `member_state`), as if the thread
//!    had called `blocking`. A member that computes keeps its place, however long that takes. Where the system
//!    does not tell whether a thread sleeps, a member stands still if it has begun nothing for fifty times the
//!    patience, and at most `size` members lose their places.
//! 6. A *standstill* is the state in which all members that hold places, or have lost them, stand still. If no
//!    thread can be woken or started, or if the standstill has lasted as long as any stall that is reported, it is
//!    reported: once until all members have their places again. If a thread was woken or started, the standstill is
//!    over. It may have been only a short sleep, so such a standstill is reported only once in the life of the pool.
//!
//! The watching thread also reports what sleepers find in seats (see `unpublished_forks`).
//!
//! The idea is that of Go's `sysmon`, which retakes processors from goroutines in system calls.
//!
//! The watching thread counts as idle. It can end a wait only while a member is awake, and then no deadlock
//! contains that wait. While it reports, it does not count as idle.

use super::members::WakeDecision;
use super::seat::Seat;
use super::shared::{PoolShared, WatchState};
use crate::contain::contain;
use crate::deadline;
use crate::deadlock::{count_idle, look_again, uncount_idle};
use crate::id::Label;
use crate::observe::{Stall, report_stall, stall_threshold};
use crate::park::{Parker, park_until};
use crate::primitive::{
    Arc, Duration, Instant, Ordering, StaticMutex, StaticMutexGuard, Weak, fence, is_asleep, now,
    prepare_barriers,
};
use crate::thread::start_helper;

/// The number of looks at a member per patience of its pool.
const LOOKS: u32 = 2;
/// The factor by which the patience is longer where the system does not tell whether a member sleeps.
const UNTOLD: u32 = 50;

/// The state that the watching thread shares with the others.
struct WatchList {
    /// The pools to watch from now on: they have become short, or a batch has begun there.
    pools: Vec<Weak<PoolShared>>,
    /// The stalls that sleepers have found, to be reported.
    stalls: Vec<Stall>,
    is_started: bool,
    watching: Option<Parker>,
}

static LIST: StaticMutex<WatchList> = StaticMutex::new(WatchList {
    pools: Vec::new(),
    stalls: Vec::new(),
    is_started: false,
    watching: None,
});

fn list() -> StaticMutexGuard<'static, WatchList> {
    LIST.lock()
}

/// Makes the watching thread watch `pool`, which is short, or in which a batch begins (rules 1 and 3).
pub(super) fn over(pool: &Arc<PoolShared>) {
    let WatchState {
        spare_after,
        is_watched,
        ..
    } = &pool.watch;
    // Under the model checker there is no time.
    if cfg!(reunite_model)
        || spare_after.is_none()
        || is_watched.load(Ordering::SeqCst)
        || is_watched.swap(true, Ordering::SeqCst)
    {
        return;
    }
    let mut list = list();
    list.pools.push(Arc::downgrade(pool));
    call(list);
}

/// Makes the watching thread report `stall`.
pub(super) fn report(stall: Stall) {
    let mut list = list();
    list.stalls.push(stall);
    call(list);
}

/// Wakes or starts the watching thread, after something was added to the list.
fn call(mut list: StaticMutexGuard<'static, WatchList>) {
    if let Some(parker) = &list.watching {
        parker.unpark();
    }
    if !list.is_started {
        list.is_started = true;
        drop(list);
        if start_helper("reunite-watch", watch_all).is_err() {
            // The next thread that finds one of these pools short tries again. Other threads may have added more
            // pools in the meantime.
            let refused = {
                let mut list = self::list();
                list.is_started = false;
                std::mem::take(&mut list.pools)
            };
            for pool in refused.iter().filter_map(Weak::upgrade) {
                pool.watch.is_watched.store(false, Ordering::SeqCst);
            }
        }
    }
}

/// Runs the watching thread.
fn watch_all() {
    count_idle();
    prepare_barriers();
    list().watching = Some(Parker::current());
    let mut watched: Vec<WatchedPool> = Vec::new();
    loop {
        let (new, stalls) = {
            let list = &mut *list();
            (
                std::mem::take(&mut list.pools),
                std::mem::take(&mut list.stalls),
            )
        };
        stalls.iter().for_each(tell_of);
        watched.extend(new.into_iter().map(WatchedPool::new));
        if watched.is_empty() {
            look_again();
            park_until(None);
            continue;
        }
        let pause = watched.iter().map(|pool| pool.spare_after).min();
        park_until(pause.and_then(|pause| deadline::after(pause / LOOKS)));
        watched.retain_mut(|pool| {
            // The look may drop the last reference to the pool, and so the pool's hooks, which are user code. After
            // a panic the pool stays watched; if it does not exist any more, the next look finds that.
            let mut is_watched = true;
            contain(|| is_watched = pool.look());
            is_watched
        });
    }
}

/// Calls the user's reporter.
fn tell_of(stall: &Stall) {
    uncount_idle();
    report_stall(stall);
    count_idle();
    look_again();
}

/// A member that holds a place, or has lost it, as a look found it.
struct WatchedMember {
    seat: &'static Seat,
    begun: u64,
    thread: u64,
    /// True if the system tells whether the member sleeps.
    is_told: bool,
    since: Instant,
}

/// A pool that is watched.
struct WatchedPool {
    pool: Weak<PoolShared>,
    spare_after: Duration,
    watched: Vec<WatchedMember>,
}

impl WatchedPool {
    fn new(pool: Weak<PoolShared>) -> Self {
        let spare_after = pool.upgrade().and_then(|pool| pool.watch.spare_after);
        Self {
            pool,
            spare_after: spare_after.unwrap_or_default(),
            watched: Vec::new(),
        }
    }

    /// Looks at the members. Returns false if the pool need not be watched any more.
    fn look(&mut self) -> bool {
        let Some(pool) = self.pool.upgrade() else {
            return false;
        };
        let WatchState {
            is_watched,
            looks,
            has_reported,
            has_told,
            ..
        } = &pool.watch;
        looks.fetch_add(1, Ordering::Relaxed);
        let has_batches = pool.divide(pool.members.backlog.seats(), self.spare_after);
        if !pool.members.is_short() {
            self.watched.clear();
            if has_batches {
                return true;
            }
            is_watched.store(false, Ordering::SeqCst);
            fence(Ordering::SeqCst);
            // If another thread has raised `is_watched` in the meantime, it has added the pool to the list again.
            let is_wanted = pool.members.is_short()
                || pool.divide(pool.members.backlog.seats(), self.spare_after);
            return is_wanted && !is_watched.swap(true, Ordering::SeqCst);
        }
        let Some(task) = pool.members.backlog.next_task() else {
            // Another thread is about to take the work.
            return true;
        };
        let others = self.see(&pool);
        let still: Vec<_> = self.stalled_seats().collect();
        let nobody_gets_on = others == 0 && still.len() == self.watched.len();
        if !nobody_gets_on && pool.members.revoked() == 0 {
            has_reported.store(false, Ordering::SeqCst);
        }
        let stall = if nobody_gets_on && !still.is_empty() {
            self.stall(&pool, task, &still)
        } else {
            None
        };
        let mut is_over = false;
        for seat in still {
            is_over |= self.revoke_place(&pool, seat);
        }
        let is_long = |stall: &Stall| stall_threshold().is_some_and(|long| stall.lasted >= long);
        if let Some(mut stall) = stall {
            let (told, advice) = if is_over && !is_long(&stall) {
                (
                    has_told,
                    " (another thread has taken over the place of one; ",
                )
            } else {
                (has_reported, " (")
            };
            stall.waits.push_str(advice);
            stall
                .waits
                .push_str("wrap such calls in `reunite::blocking`)");
            if told.swap(true, Ordering::SeqCst) {
                return true;
            }
            drop(pool);
            tell_of(&stall);
        }
        true
    }

    /// Lists the members that hold a place, or have lost one, and are not known to be awake. A member that has begun
    /// nothing since the last look keeps the instant at which it was first listed. Returns how many other members
    /// hold places, or make progress without one.
    fn see(&mut self, pool: &PoolShared) -> usize {
        let before = std::mem::take(&mut self.watched);
        let mut others = 0;
        let is_awake = |seat: &&Seat| seat.member_state().has_held();
        for seat in pool.members.backlog.seats().filter(is_awake) {
            let (begun, thread) = (seat.member_state().begun(), seat.member_state().thread());
            let is_asleep = is_asleep(thread);
            if is_asleep == Some(false) {
                others += 1;
                continue;
            }
            let same = |member: &&WatchedMember| {
                std::ptr::eq(member.seat, seat) && (member.begun, member.thread) == (begun, thread)
            };
            let since = before
                .iter()
                .find(same)
                .map_or_else(now, |member| member.since);
            self.watched.push(WatchedMember {
                seat,
                begun,
                thread,
                is_told: is_asleep.is_some(),
                since,
            });
        }
        others
    }

    fn stalled_seats(&self) -> impl Iterator<Item = &'static Seat> {
        let is_still = |member: &&WatchedMember| {
            let spare_after = if member.is_told {
                self.spare_after
            } else {
                self.spare_after.saturating_mul(UNTOLD)
            };
            now().saturating_duration_since(member.since) >= spare_after
        };
        self.watched
            .iter()
            .filter(is_still)
            .map(|member| member.seat)
    }

    /// Gives the place of a member that stands still to another thread. Returns false if no thread can take it.
    fn revoke_place(&self, pool: &Arc<PoolShared>, seat: &'static Seat) -> bool {
        let members = &pool.members;
        let is_told = |member: &WatchedMember| std::ptr::eq(member.seat, seat) && member.is_told;
        let may_retake = self.watched.iter().any(is_told) || members.revoked() < members.size;
        if !(may_retake && members.can_wake()) {
            return false;
        }
        match members.revoke_place(seat.member_state()) {
            // More members are awake than there are places, so this place is not free for another thread.
            Some(WakeDecision::Full) | None => false,
            Some(rouse) => pool.follow(rouse),
        }
    }

    /// Returns the report of a standstill: the task that waits, and the tasks that keep it from running.
    fn stall(&self, pool: &PoolShared, task: Label, still: &[&'static Seat]) -> Option<Stall> {
        stall_threshold()?;
        let since = self.watched.iter().map(|member| member.since).max()?;
        Some(Stall {
            at: task.spawned_at(),
            task,
            waits: format!(
                "waits for a thread of pool `{}`, all of which block outside the library",
                pool.name()
            ),
            lasted: now().saturating_duration_since(since),
            holds: Vec::new(),
            kept_by: still
                .iter()
                .map(|seat| pool.members.backlog.label_of_member(seat))
                .collect(),
            is_suspected: false,
            is_idle: false,
        })
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;
    use crate::pool::shared::LEAST_SPARE_AFTER;

    #[test]
    fn any_patience_is_accepted() {
        let none = WatchState::new(Some(Duration::ZERO));
        assert_eq!(none.spare_after, Some(LEAST_SPARE_AFTER));
        let seat = Seat::of_a_test();
        let endless = WatchedPool {
            pool: Weak::new(),
            spare_after: Duration::MAX,
            watched: vec![WatchedMember {
                seat,
                begun: 0,
                thread: 0,
                is_told: false,
                since: now(),
            }],
        };
        assert_eq!(endless.stalled_seats().count(), 0);
    }
}

#[cfg(all(test, reunite_model))]
mod model {
    use super::*;
    use crate::pool::Pool;

    const RUNS: usize = 4_000;

    fn check(program: impl Fn() + Send + Sync + Clone + 'static) {
        shuttle::check_random(program.clone(), RUNS / 2);
        shuttle::check_pct(program, RUNS / 2, 3);
    }

    fn retake_all(pool: &Arc<PoolShared>) {
        for seat in pool.members.backlog.seats() {
            if let Some(rouse) = pool.members.revoke_place(seat.member_state()) {
                pool.follow(rouse);
            }
        }
    }

    /// The place of a worker that blocks goes to another thread, whether work was queued before or after that.
    #[test]
    fn a_place_that_is_taken_away_goes_to_another() {
        check(|| {
            let pool = Pool::builder().threads(1).spares(1).build().unwrap();
            let (begin, begun) = shuttle::sync::mpsc::channel();
            let (tx, rx) = shuttle::sync::mpsc::channel();
            let (end, ended) = shuttle::sync::mpsc::channel();
            pool.spawn(move || {
                begin.send(()).unwrap();
                rx.recv().unwrap();
                end.send(()).unwrap();
            })
            .detach();
            let shared = Arc::clone(&pool.shared);
            let retakes = shuttle::thread::spawn(move || {
                begun.recv().unwrap();
                retake_all(&shared);
            });
            pool.spawn(move || tx.send(()).unwrap()).detach();
            ended.recv().unwrap();
            retakes.join().unwrap();
        });
    }

    /// The remaining items of a batch are taken away at any moment: each item runs once, and the outcomes come in
    /// order.
    #[test]
    fn a_batch_may_be_cut_at_any_moment() {
        check(|| {
            let pool = Pool::builder().threads(1).spares(1).build().unwrap();
            let shared = Arc::clone(&pool.shared);
            let cutter = Arc::clone(&shared);
            let cuts = shuttle::thread::spawn(move || {
                for _ in 0..8 {
                    cutter.divide(cutter.members.backlog.seats(), Duration::ZERO);
                    shuttle::thread::yield_now();
                }
            });
            pool.scope(|s| {
                let outcomes = s.map(0..14, |n| {
                    shuttle::thread::yield_now();
                    n
                });
                let outcomes = outcomes.window(16).map(Result::unwrap);
                assert!(outcomes.eq(0..14));
            });
            cuts.join().unwrap();
            drop(pool);
            assert_eq!(shared.members.counts(), (0, 0, 0));
        });
    }

    /// Places are taken away at any moment, from workers and visitors that work, wait, search, sleep and end:
    /// all work is done, and at the end no member is counted.
    #[test]
    fn a_place_is_counted_once_no_matter_which_thread_gives_it_up() {
        check(|| {
            let pool = Pool::builder().threads(1).spares(1).build().unwrap();
            let shared = Arc::clone(&pool.shared);
            let retaker = Arc::clone(&shared);
            let retakes = shuttle::thread::spawn(move || {
                for _ in 0..3 {
                    retake_all(&retaker);
                    shuttle::thread::yield_now();
                }
            });
            let sum = pool.scope(|s| {
                let one = s.spawn(|| crate::join(|| 1, || 2));
                let two = s.spawn(|| 3);
                let (a, b) = one.join().unwrap();
                a + b + two.join().unwrap()
            });
            assert_eq!(sum, 6);
            retakes.join().unwrap();
            drop(pool);
            assert_eq!(shared.members.counts(), (0, 0, 0));
        });
    }
}
