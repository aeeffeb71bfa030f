//! The watch over pools: notices that nobody comes for work because the threads that have the places block where the
//! library does not see it, and lets others take their places; and that a batch of a map does not get on, and lets others
//! have what is left of it.
//!
//! # Protocol
//! One thread watches all pools. It is started when it is first needed, and sleeps, untimed, while no pool is *short*:
//! work lies there, nobody searches, and no place is free or no thread can be added; and no batch with items left runs.
//!
//! * Whoever finds a pool short raises its `is_watched`, and if it was not raised, adds the pool to the list and
//!   wakes the watching thread. A pool is found short by whoever publishes work, or leaves, and finds no place free
//!   (`Rouse::Full`), and by a worker that goes to sleep although there is work.
//! * The watching thread looks at each watched pool several times in the time that is its patience. If a pool is not
//!   short any more, it lowers `is_watched`, then (fence) looks once more, and goes on watching if the pool is short
//!   again. So of whoever makes it short and the lowering, one at least sees the other.
//! * Whoever begins a batch lists it (`life`), then finds that `is_watched` is raised, or raises it. The watching thread
//!   lowers it, then looks at the lists, each under its lock: so it finds the batch, or the batch finds it lowered.
//! * At each look, what is left of a batch that has begun no item for as long as the patience is queued as a task of its
//!   own, whatever its thread is at (see `items`).
//! * A member that holds a place *stands still* if it has begun nothing, and the system has said at every look that it
//!   sleeps, for as long as the patience. Its place is taken away (see `life`), as if it had said `blocking`. A member
//!   that computes keeps its place, however long it takes. Where the system does not tell, a member stands still if
//!   it has begun nothing for fifty times as long, and no more than `size` members lose their places.
//! * When all who hold places, or have lost them, stand still and nobody can be woken or started, or that has lasted for as long as any wait
//!   that reports itself, it is reported, once until all have their places again. When somebody was woken or started, the
//!   standstill is over, and may have been no more than a short sleep: that is reported once in a pool's life, so that
//!   its user knows of it.
//!
//! It also reports what sleepers find in seats (see `unshared`).
//!
//! The idea is that of Go's `sysmon`, which retakes processors from goroutines in system calls.
//!
//! The watching thread counts as idle, as it ends nobody's wait unless a member is awake, which then is no part of any
//! deadlock; while it reports, it is not.

use super::roster::Rouse;
use super::seat::Seat;
use super::shared::{Shared, Watch};
use crate::contain::contain;
use crate::deadline;
use crate::deadlock::{idle_one_less, idle_one_more, look_again};
use crate::id::Label;
use crate::observe::{Stall, report_stall, stall_threshold};
use crate::park::{Parker, park_until};
use crate::primitive::{
    Arc, Duration, Instant, Ordering, StaticMutex, StaticMutexGuard, Weak, fence, is_asleep, now,
    prepare_barriers,
};
use crate::thread::start_helper;

/// How often a member is looked at in the time of the patience.
const LOOKS: u32 = 2;
/// How much longer a member may take where the system does not tell whether it sleeps.
const UNTOLD: u32 = 50;

/// What the watching thread and the others share.
struct List {
    /// Pools that have become short.
    pools: Vec<Weak<Shared>>,
    /// What sleepers have found, to be reported.
    stalls: Vec<Stall>,
    is_started: bool,
    watching: Option<Parker>,
}

static LIST: StaticMutex<List> = StaticMutex::new(List {
    pools: Vec::new(),
    stalls: Vec::new(),
    is_started: false,
    watching: None,
});

fn list() -> StaticMutexGuard<'static, List> {
    LIST.lock()
}

/// `pool` is short, or a batch begins there.
pub(super) fn over(pool: &Arc<Shared>) {
    let Watch {
        patience,
        is_watched,
        ..
    } = &pool.watch;
    // There is no time in a model.
    if cfg!(reunite_model)
        || patience.is_none()
        || is_watched.load(Ordering::SeqCst)
        || is_watched.swap(true, Ordering::SeqCst)
    {
        return;
    }
    let mut list = list();
    list.pools.push(Arc::downgrade(pool));
    call(list);
}

/// Has `stall` reported by the watching thread.
pub(super) fn report(stall: Stall) {
    let mut list = list();
    list.stalls.push(stall);
    call(list);
}

/// Something was added to the list: the watching thread is to see it.
fn call(mut list: StaticMutexGuard<'static, List>) {
    if let Some(parker) = &list.watching {
        parker.unpark();
    }
    if !list.is_started {
        list.is_started = true;
        drop(list);
        if start_helper("reunite-watch", watch_all).is_err() {
            // The next who finds one of them short tries again. Others may have come to the list meanwhile.
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

/// The life of the watching thread.
fn watch_all() {
    idle_one_more();
    prepare_barriers();
    list().watching = Some(Parker::here());
    let mut watched: Vec<Watched> = Vec::new();
    loop {
        let (new, stalls) = {
            let list = &mut *list();
            (
                std::mem::take(&mut list.pools),
                std::mem::take(&mut list.stalls),
            )
        };
        stalls.iter().for_each(tell_of);
        watched.extend(new.into_iter().map(Watched::new));
        if watched.is_empty() {
            look_again();
            park_until(None);
            continue;
        }
        let pause = watched.iter().map(|pool| pool.patience).min();
        park_until(pause.and_then(|pause| deadline::after(pause / LOOKS)));
        watched.retain_mut(|pool| {
            // It may be the last to have the pool, whose hooks are the user's. After a panic it looks again: it says itself
            // when the pool is gone.
            let mut is_watched = true;
            contain(|| is_watched = pool.look());
            is_watched
        });
    }
}

/// Calls the user's reporter.
fn tell_of(stall: &Stall) {
    idle_one_less();
    report_stall(stall);
    idle_one_more();
    look_again();
}

/// A member that holds a place, or has lost it, as it was seen.
struct Member {
    seat: &'static Seat,
    begun: u64,
    thread: u64,
    /// Whether the system tells that it sleeps.
    is_told: bool,
    since: Instant,
}

/// A pool that is watched.
struct Watched {
    pool: Weak<Shared>,
    patience: Duration,
    members: Vec<Member>,
}

impl Watched {
    fn new(pool: Weak<Shared>) -> Self {
        let patience = pool.upgrade().and_then(|pool| pool.watch.patience);
        Self {
            pool,
            patience: patience.unwrap_or_default(),
            members: Vec::new(),
        }
    }

    /// Looks at the members; false if the pool need not be watched any more.
    fn look(&mut self) -> bool {
        let Some(pool) = self.pool.upgrade() else {
            return false;
        };
        let Watch {
            is_watched,
            looks,
            has_reported,
            has_told,
            ..
        } = &pool.watch;
        looks.fetch_add(1, Ordering::Relaxed);
        let has_batches = pool.divide(pool.roster.backlog.seats(), self.patience);
        if !pool.roster.is_short() {
            self.members.clear();
            if has_batches {
                return true;
            }
            is_watched.store(false, Ordering::SeqCst);
            fence(Ordering::SeqCst);
            // If another has raised it meanwhile, the pool is on the list once more.
            let is_wanted =
                pool.roster.is_short() || pool.divide(pool.roster.backlog.seats(), self.patience);
            return is_wanted && !is_watched.swap(true, Ordering::SeqCst);
        }
        let Some(task) = pool.roster.backlog.next_task() else {
            // Somebody is about to take what there was.
            return true;
        };
        let others = self.see(&pool);
        let still: Vec<_> = self.standing_still().collect();
        let nobody_gets_on = others == 0 && still.len() == self.members.len();
        if !nobody_gets_on && pool.roster.retaken() == 0 {
            has_reported.store(false, Ordering::SeqCst);
        }
        let stall = if nobody_gets_on && !still.is_empty() {
            self.stall(&pool, task, &still)
        } else {
            None
        };
        let mut is_over = false;
        for seat in still {
            is_over |= self.retake(&pool, seat);
        }
        let is_long = |stall: &Stall| stall_threshold().is_some_and(|long| stall.lasted >= long);
        if let Some(mut stall) = stall {
            let (told, advice) = if is_over && !is_long(&stall) {
                (has_told, " (another has the place of one now; ")
            } else {
                (has_reported, " (")
            };
            stall.waits.push_str(advice);
            stall
                .waits
                .push_str("`reunite::blocking` tells the pool of such calls)");
            if told.swap(true, Ordering::SeqCst) {
                return true;
            }
            drop(pool);
            tell_of(&stall);
        }
        true
    }

    /// Keeps those that sleep since they were seen before; returns how many others hold places, or get on without.
    fn see(&mut self, pool: &Shared) -> usize {
        let before = std::mem::take(&mut self.members);
        let mut others = 0;
        let is_awake = |seat: &&Seat| seat.life().has_held();
        for seat in pool.roster.backlog.seats().filter(is_awake) {
            let (begun, thread) = (seat.life().begun(), seat.life().thread());
            let is_asleep = is_asleep(thread);
            if is_asleep == Some(false) {
                others += 1;
                continue;
            }
            let same = |member: &&Member| {
                std::ptr::eq(member.seat, seat) && (member.begun, member.thread) == (begun, thread)
            };
            let since = before
                .iter()
                .find(same)
                .map_or_else(now, |member| member.since);
            self.members.push(Member {
                seat,
                begun,
                thread,
                is_told: is_asleep.is_some(),
                since,
            });
        }
        others
    }

    fn standing_still(&self) -> impl Iterator<Item = &'static Seat> {
        let is_still = |member: &&Member| {
            let patience = if member.is_told {
                self.patience
            } else {
                self.patience.saturating_mul(UNTOLD)
            };
            now().saturating_duration_since(member.since) >= patience
        };
        self.members
            .iter()
            .filter(is_still)
            .map(|member| member.seat)
    }

    /// Gives the place of a member that stands still to another thread. False if there is none.
    fn retake(&self, pool: &Arc<Shared>, seat: &'static Seat) -> bool {
        let roster = &pool.roster;
        let is_told = |member: &Member| std::ptr::eq(member.seat, seat) && member.is_told;
        let may_retake = self.members.iter().any(is_told) || roster.retaken() < roster.size;
        if !(may_retake && roster.can_rouse()) {
            return false;
        }
        match roster.retake(seat.life()) {
            // More hold places than there are.
            Some(Rouse::Full) | None => false,
            Some(rouse) => pool.follow(rouse),
        }
    }

    /// Nobody gets on: who waits, and for whom.
    fn stall(&self, pool: &Shared, task: Label, still: &[&'static Seat]) -> Option<Stall> {
        stall_threshold()?;
        let since = self.members.iter().map(|member| member.since).max()?;
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
                .map(|seat| pool.roster.backlog.who_sits(seat))
                .collect(),
            is_suspected: false,
            is_idle: false,
        })
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;
    use crate::pool::shared::LEAST_PATIENCE;

    #[test]
    fn the_patience_may_be_anything() {
        let none = Watch::new(Some(Duration::ZERO));
        assert_eq!(none.patience, Some(LEAST_PATIENCE));
        let seat = Seat::of_a_test();
        let endless = Watched {
            pool: Weak::new(),
            patience: Duration::MAX,
            members: vec![Member {
                seat,
                begun: 0,
                thread: 0,
                is_told: false,
                since: now(),
            }],
        };
        assert_eq!(endless.standing_still().count(), 0);
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

    fn retake_all(pool: &Arc<Shared>) {
        for seat in pool.roster.backlog.seats() {
            if let Some(rouse) = pool.roster.retake(seat.life()) {
                pool.follow(rouse);
            }
        }
    }

    /// The place of a worker that blocks goes to another, for what is queued before that or after.
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

    /// What is left of batches is cut off at any moment: each item is run once, and the outcomes come in order.
    #[test]
    fn a_batch_may_be_cut_at_any_moment() {
        check(|| {
            let pool = Pool::builder().threads(1).spares(1).build().unwrap();
            let shared = Arc::clone(&pool.shared);
            let cutter = Arc::clone(&shared);
            let cuts = shuttle::thread::spawn(move || {
                for _ in 0..8 {
                    cutter.divide(cutter.roster.backlog.seats(), Duration::ZERO);
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
            assert_eq!(shared.roster.counts(), (0, 0, 0));
        });
    }

    /// Places are taken away at any moment, from workers and visitors that work, wait, search, sleep and end: what
    /// is to be done is done, and at the end nobody is counted.
    #[test]
    fn a_place_is_counted_once_whoever_gives_it_up() {
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
            assert_eq!(shared.roster.counts(), (0, 0, 0));
        });
    }
}
