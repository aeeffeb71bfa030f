//! Finds forks that no other thread can take, because they are private to a member that blocks where the
//! library does not see it.
//!
//! # Protocol
//! A member that blocks in `wait`, or in `blocking`, publishes its forks first. A member that blocks
//! elsewhere keeps the forks that it made while no thread was hungry, and one of these may be the one that
//! would end its wait. The watch does not notice that, because nothing is queued.
//!
//! 1. The forks of a seat are *unshared* if its word is raised and the list of its member is not empty. The
//!    list belongs to the member alone: other threads only read which fork is the newest, and do not follow
//!    the reference.
//! 2. A worker that is about to sleep has raised all words. While there are unshared forks, it wakes several
//!    times per `stall_threshold` and looks again. If there are none, it sleeps without a limit: a member
//!    that finds its word raised at a fork publishes, and the thread that takes the fork looks when it is
//!    about to sleep again.
//! 3. A member that computes is not reported. A member is reported if for the time of the threshold it has
//!    begun nothing, its newest fork is the same, and at each look the system has said that its thread
//!    sleeps. It is reported once until it answers its word. The thread of `watch` does that, because a
//!    sleeper must not run user code.
//!
//! One case is not noticed: the forks of a member become unshared when all workers sleep already, because
//! the member is first asked when the last other member leaves, or blocks in `wait`. (A wait in `wait`
//! reports itself.) Where the system does not tell whether a thread sleeps, no member is reported.

use super::seat::Seat;
use super::shared::PoolShared;
use super::watch;
use crate::current::ForkMark;
use crate::deadline;
use crate::observe::{Stall, stall_threshold};
use crate::primitive::{Arc, Duration, Instant, is_asleep, now};

/// The number of looks at a member before it is reported.
const LOOKS: u32 = 4;
/// The least pause between looks: a sleeper that looks more often would keep a core busy.
const LEAST_PAUSE: Duration = Duration::from_millis(1);

/// A member that sleeps with unshared forks, as a look has found it.
struct SleepingMember {
    seat: &'static Seat,
    newest: ForkMark,
    begun: u64,
    thread: u64,
    since: Instant,
}

/// The members that a sleeper has found at its last look.
#[derive(Default)]
pub(super) struct UnpublishedForks {
    sleeping: Vec<SleepingMember>,
    /// The time of the next look.
    next: Option<Instant>,
}

impl UnpublishedForks {
    /// Looks for such members, if it is time. Returns the instant of the next look.
    pub(super) fn look(&mut self, pool: &Arc<PoolShared>) -> Option<Instant> {
        // Under the model checker there is no time.
        let threshold = stall_threshold().filter(|_| !cfg!(reunite_model));
        let is_any = || {
            pool.members
                .backlog
                .seats()
                .any(|seat| seat.unpublished().is_some())
        };
        let Some(threshold) = threshold.filter(|_| is_any()) else {
            *self = Self::default();
            return None;
        };
        if deadline::has_passed(self.next) {
            self.see(pool, threshold);
            self.next = None;
        }
        let after_pause = || deadline::after((threshold / LOOKS).max(LEAST_PAUSE));
        self.next = self.next.or_else(after_pause);
        self.next
    }

    /// Updates the list of members that sleep with unshared forks, and makes the watch report those that
    /// have slept for as long as the threshold.
    fn see(&mut self, pool: &Arc<PoolShared>, threshold: Duration) {
        let before = std::mem::take(&mut self.sleeping);
        for seat in pool.members.backlog.seats() {
            let (begun, thread) = (seat.member_state().begun(), seat.member_state().thread());
            let Some(newest) = seat.unpublished() else {
                continue;
            };
            if is_asleep(thread) != Some(true) {
                continue;
            }
            let mut seen = before.iter();
            let same = seen.find(|it| {
                std::ptr::eq(it.seat, seat)
                    && (it.newest, it.begun, it.thread) == (newest, begun, thread)
            });
            let since = same.map_or_else(now, |member| member.since);
            let lasted = now().saturating_duration_since(since);
            if lasted >= threshold && seat.is_first_report() {
                watch::report(stall(pool, seat, lasted));
            }
            self.sleeping.push(SleepingMember {
                seat,
                newest,
                begun,
                thread,
                since,
            });
        }
    }
}

fn stall(pool: &PoolShared, seat: &'static Seat, lasted: Duration) -> Stall {
    let task = pool.members.backlog.label_of_member(seat);
    Stall {
        at: task.spawned_at(),
        task,
        waits: format!(
            "blocks outside the library, and no thread of pool `{}` can take what it has forked \
             (wrap such calls in `reunite::blocking`)",
            pool.name()
        ),
        lasted,
        holds: Vec::new(),
        kept_by: Vec::new(),
        is_suspected: false,
        is_idle: false,
    }
}
