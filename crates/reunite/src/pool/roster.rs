//! The threads of a pool: which of them work, look for work or sleep, and which to wake.
//!
//! # Counts
//! `active` counts the members that are awake: workers and visitors, less those that block. A pool has `size`
//! places for them, and wakes a worker only while one is free. A visitor comes whether or not one is free, as
//! its thread is running anyway and must not be made to wait; workers make room for it as soon as they are
//! between two pieces of work. A joiner that could run a task in its own place does so only if a place is
//! free, or if no other thread could be woken or started to run the task.
//!
//! `searching` counts the workers among them that look for work; `sleepers` are those that gave up. A
//! searching worker does nothing yet: it leaves `searching` *before* it takes work, and then checks if the
//! pool is crowded. A joiner counts itself as active, and then checks if the active members exceed the
//! searching ones and the places. So of the two at least one sees the other, and gives way.
//!
//! A member that blocks where the library does not see it keeps its place. When work is queued, no worker
//! searches and all places are taken, the thread that finds that tells the watch (`WakeDecision::Full`), which takes
//! places away from members that sleep (see `watch`, and `member_state` for which thread counts what). In a pool that
//! is not watched no thread would do that, so visitors never take the last place from the workers there: it
//! always has one more place than visitors, and a joiner is never refused one.
//!
//! # Protocol
//! 1. A thread that *publishes* work does so, then (fence) looks: if no worker searches and a place is free,
//!    it wakes a sleeper.
//! 2. A worker that *gives up* joins the sleepers, then leaves `searching` and `active`, raises the word of
//!    every seat, then (fence) looks at all seats and the queue once more, and sleeps only if they are empty
//!    or all places are taken.
//! 3. A worker that *ends* looks once more in the same way. A pool that closes still wakes and starts workers
//!    for work, until its last thread has ended. Its workers do not make room for visitors, nor end while
//!    there is work, as no thread would come back for it.
//! 4. A thread that *leaves `active`* for any other reason (a visitor goes, a member blocks) does so, then
//!    raises the word of every seat, then (fence) looks at all seats and the queue, and wakes a sleeper for
//!    what it finds.
//! 5. A searcher that *finds work* and was the last to search looks, after leaving `searching`, if there is
//!    more, and wakes another.
//!
//! So of a publication and a giving up, at least one sees the other: no work is left queued while a worker
//! sleeps and a place is free. A thread that wakes a sleeper removes it from the list first, and counts it as
//! active and searching on its behalf, all under the lock: so only one thread wakes a sleeper.
//!
//! # Idle sleepers
//! A sleeper counts as *idle* only after it has looked once more in vain: until then it may take work, and
//! the conclusion that no thread is left must not be drawn. It counts itself under the lock if it is still in
//! the list, and records that in the sleeper; the thread that removes it from the list uncounts it if that is
//! recorded.
//!
//! # A stuck pool
//! A member that blocks leaves its parker in `blocked`. When work is queued, no member is awake and no thread
//! can be added, a blocked member may still be about to go on: its parker is marked from before it is woken
//! until it has checked its condition in vain or is counted as awake. A member whose place was retaken may
//! compute again, uncounted. Only if there is no member of either kind is the pool *stuck*, and a blocked
//! member is called back: it is counted as awake under the lock, so that it is the only one. Of two that
//! check in vain at the same time, the later sees that. A member whose place was retaken has gone, checks
//! this itself before it blocks in `wait`, or finds its next work itself; unless it is a visitor that leaves:
//! then the blocked members check again.
//!
//! # Private forks
//! Private forks are not visible work; the raised words stand for them: a sleeper, or a thread that makes
//! room for one, leaves all words raised, and a member that finds its word raised publishes and wakes
//! (`unpublished_forks` notices a member that does not). The member lowers the word by a swap, so either it sees what
//! the sleeper did before raising it, or the word is raised after that.

use std::io;

use super::backlog::Backlog;
use super::member_state::MemberState;
use super::sleeper::Sleeper;
use crate::deadlock::look_again;
use crate::park::Parker;
use crate::primitive::{Arc, AtomicBool, AtomicUsize, Instant, Mutex, Ordering, fence};

/// The next step of a worker that slept.
#[must_use]
pub(super) enum AfterSleep {
    Search,
    End,
}

pub(super) struct Roster {
    pub(super) size: usize,
    /// The most threads: `size`, and spares for those that block.
    limit: usize,
    /// True if the watch takes places away from members that block unseen.
    is_watched: bool,
    pub(super) backlog: Backlog,
    active: AtomicUsize,
    /// The number of members that are no workers, awake or not.
    visitors: AtomicUsize,
    /// The number of members that have lost their places and have not noticed.
    revoked: AtomicUsize,
    searching: AtomicUsize,
    /// Changes under the lock.
    is_closing: AtomicBool,
    state: Mutex<RosterState>,
}

#[derive(Default)]
struct RosterState {
    sleepers: Vec<Arc<Sleeper>>,
    threads: usize,
    waiters: Vec<Parker>,
    /// The parkers of members that have left their places to block.
    blocked: Vec<Parker>,
}

impl RosterState {
    fn place_of(&self, sleeper: &Arc<Sleeper>) -> Option<usize> {
        let mut sleepers = self.sleepers.iter();
        sleepers.rposition(|other| Arc::ptr_eq(other, sleeper))
    }
}

/// The step required of a thread that was to wake a worker.
pub(super) enum WakeDecision {
    Nothing,
    /// A place is free and no worker sleeps: start a thread. It is counted already.
    Start,
    /// There is work, no member is awake, and no more threads may be started.
    Starved,
    /// There is work, and the members that have the places are busy, or block unseen.
    Full,
}

impl Roster {
    pub(super) fn new(size: usize, spares: usize, is_watched: bool) -> Self {
        Self {
            size,
            limit: size.saturating_add(spares),
            is_watched,
            backlog: Backlog::new(),
            active: AtomicUsize::new(0),
            visitors: AtomicUsize::new(0),
            revoked: AtomicUsize::new(0),
            searching: AtomicUsize::new(0),
            is_closing: AtomicBool::new(false),
            state: Mutex::new(RosterState::default()),
        }
    }

    pub(super) fn is_awake(&self) -> bool {
        self.active.load(Ordering::SeqCst) > 0
    }

    pub(super) fn has_place(&self) -> bool {
        self.active.load(Ordering::SeqCst) < self.places()
    }

    /// Returns how many members may be awake at a time.
    fn places(&self) -> usize {
        if self.is_watched {
            self.size
        } else {
            self.size.max(self.visitors.load(Ordering::SeqCst) + 1)
        }
    }

    /// Returns true if work is queued that no thread comes for, because all places are taken or no thread can
    /// be added.
    pub(super) fn is_short(&self) -> bool {
        self.backlog.has_work()
            && self.searching.load(Ordering::SeqCst) == 0
            && !(self.has_place() && self.can_wake())
    }

    /// Returns true if there is a thread that could be woken, or one may be started.
    pub(super) fn can_wake(&self) -> bool {
        let state = self.state.lock();
        !state.sleepers.is_empty() || state.threads < self.limit
    }

    /// Takes the place away from a member that blocks unseen, if it still holds it.
    pub(super) fn revoke_place(&self, member_state: &MemberState) -> Option<WakeDecision> {
        member_state.revoke_place().then(|| {
            self.revoked.fetch_add(1, Ordering::SeqCst);
            self.remove_active()
        })
    }

    /// Gives a member that had lost its place one again. Called by the member, between two pieces of work.
    pub(super) fn take_again(&self, member_state: &MemberState) {
        if member_state.take_again() {
            self.revoked.fetch_sub(1, Ordering::SeqCst);
            self.add_active();
        }
    }

    /// Gives up the member's place. Returns true if the member is still counted as awake, and must uncount
    /// itself.
    pub(super) fn give_up_place(&self, member_state: &MemberState) -> bool {
        let held = member_state.give_up();
        if !held {
            self.revoked.fetch_sub(1, Ordering::SeqCst);
        }
        held
    }

    /// Returns the numbers of active members, of searching ones, and of those that have lost their places.
    #[cfg(all(test, reunite_model))]
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        let count = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
        (
            count(&self.active),
            count(&self.searching),
            count(&self.revoked),
        )
    }

    pub(super) fn revoked(&self) -> usize {
        self.revoked.load(Ordering::SeqCst)
    }

    /// Decides what to do after a publication (rule 1).
    pub(super) fn published(&self) -> WakeDecision {
        fence(Ordering::SeqCst);
        if self.searching.load(Ordering::SeqCst) > 0 {
            return WakeDecision::Nothing;
        }
        self.decide_wake()
    }

    /// Counts a visitor that comes.
    pub(super) fn arrive(&self) {
        self.visitors.fetch_add(1, Ordering::SeqCst);
        self.add_active();
    }

    /// Uncounts a visitor that is about to leave. Returns true if it is still counted as awake, and must
    /// uncount itself.
    pub(super) fn depart(&self, member_state: &MemberState) -> bool {
        self.visitors.fetch_sub(1, Ordering::SeqCst);
        self.give_up_place(member_state)
    }

    /// Counts as awake a visitor that comes, or a member that has stopped blocking.
    pub(super) fn add_active(&self) {
        self.active.fetch_add(1, Ordering::SeqCst);
    }

    /// Returns true if a joiner that has just come is one too many, and should leave the work to other
    /// threads. Searching workers will make room. The members that have the places may block until that work
    /// is done, so it is left only to a thread that the watch can let in.
    pub(super) fn is_full(&self) -> bool {
        let active = self.active.load(Ordering::SeqCst);
        self.is_watched
            && active > self.size + self.searching.load(Ordering::SeqCst)
            && self.can_wake()
    }

    /// Uncounts a member that held a place, and is about to block, or gone (rule 4).
    pub(super) fn remove_active(&self) -> WakeDecision {
        self.active.fetch_sub(1, Ordering::SeqCst);
        // A member that lowered its word while all places were taken woke no worker, and may have taken back
        // what it published.
        self.backlog.ask_all();
        self.look()
    }

    /// Records that a member is about to block, and will be woken by `parker`.
    pub(super) fn block(&self, parker: &Parker, member_state: &MemberState) -> WakeDecision {
        self.state.lock().blocked.push(parker.clone());
        if self.give_up_place(member_state) {
            self.remove_active()
        } else {
            self.look()
        }
    }

    /// Records that a blocked member goes on; it may be counted as awake already.
    pub(super) fn unblock(&self, parker: &Parker, is_counted: bool) {
        if !is_counted {
            self.add_active();
        }
        let mut state = self.state.lock();
        if let Some(at) = state.blocked.iter().position(|other| other.is_same(parker)) {
            state.blocked.swap_remove(at);
        }
    }

    /// Returns true if no member is awake, nor about to wake.
    pub(super) fn is_none_awake(&self) -> bool {
        self.is_none_awake_in(&self.state.lock())
    }

    fn is_none_awake_in(&self, state: &RosterState) -> bool {
        !self.is_awake() && self.revoked() == 0 && !state.blocked.iter().any(Parker::may_go_on)
    }

    /// Counts a blocked member as awake, if the pool is still stuck. Returns true if it was.
    pub(super) fn call_back(&self) -> bool {
        let state = self.state.lock();
        let is_stuck = self.is_none_awake_in(&state);
        if is_stuck {
            self.add_active();
        }
        is_stuck
    }

    /// Makes the blocked members check their conditions again, except for one.
    pub(super) fn wake_blocked(&self, except: Option<&Parker>) {
        let mut blocked = self.state.lock().blocked.clone();
        blocked.retain(|parker| except.is_none_or(|except| !except.is_same(parker)));
        blocked.iter().for_each(Parker::unpark);
    }

    /// Wakes a worker if there is work.
    pub(super) fn look(&self) -> WakeDecision {
        fence(Ordering::SeqCst);
        if self.backlog.has_work() && self.searching.load(Ordering::SeqCst) == 0 {
            self.decide_wake()
        } else {
            WakeDecision::Nothing
        }
    }

    /// Uncounts a searcher that has seen work and is about to take it. Returns true if it was the last: then
    /// it must [look](Self::look) after it has taken the work (rule 5).
    pub(super) fn stop_searching(&self) -> bool {
        self.searching.fetch_sub(1, Ordering::SeqCst) == 1
    }

    /// Returns true if more members are awake than there are places: a worker that is between two pieces of
    /// work should sleep. Never in a pool that closes, where no thread would wake it.
    pub(super) fn is_crowded(&self) -> bool {
        self.active.load(Ordering::SeqCst) > self.places() && !self.is_closing()
    }

    fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::SeqCst)
    }

    /// Counts a worker as searching again, after its work.
    pub(super) fn search_again(&self) {
        self.searching.fetch_add(1, Ordering::SeqCst);
    }

    fn decide_wake(&self) -> WakeDecision {
        if !self.has_place() {
            return WakeDecision::Full;
        }
        let mut state = self.state.lock();
        if !self.has_place() {
            return WakeDecision::Full;
        }
        if self.is_closing() && state.threads == 0 {
            return WakeDecision::Nothing;
        }
        if let Some(sleeper) = state.sleepers.pop() {
            sleeper.uncount_idle();
            self.count_searcher();
            drop(state);
            sleeper.wake();
            WakeDecision::Nothing
        } else if state.threads < self.limit {
            state.threads += 1;
            self.count_searcher();
            WakeDecision::Start
        } else if self.active.load(Ordering::SeqCst) == 0 {
            WakeDecision::Starved
        } else {
            WakeDecision::Full
        }
    }

    fn count_searcher(&self) {
        self.active.fetch_add(1, Ordering::SeqCst);
        self.searching.fetch_add(1, Ordering::SeqCst);
    }

    fn uncount_searcher(&self) {
        self.searching.fetch_sub(1, Ordering::SeqCst);
        self.active.fetch_sub(1, Ordering::SeqCst);
    }

    /// Uncounts a thread that the system refused. A thread that published meanwhile took it for a searcher:
    /// if a worker has gone to sleep since, it is woken.
    pub(super) fn not_started(&self, _refused: &io::Error) {
        self.uncount_searcher();
        fence(Ordering::SeqCst);
        if self.backlog.has_work() && self.has_place() {
            let sleeper = self.state.lock().sleepers.pop();
            if let Some(sleeper) = sleeper {
                sleeper.uncount_idle();
                self.count_searcher();
                sleeper.wake();
            }
        }
        self.end();
    }

    /// Uncounts a worker that could not even take a seat.
    pub(super) fn give_up(&self) {
        self.uncount_searcher();
    }

    /// Puts a searcher that found no work, or no place, to sleep until it is needed (rules 2 and 3). Calls
    /// `full` if there is work. Calls `look` before each pause, which ends at the instant that `look`
    /// returns.
    pub(super) fn rest(
        &self,
        sleeper: &Arc<Sleeper>,
        member_state: &MemberState,
        full: impl FnOnce(),
        look: impl FnMut() -> Option<Instant>,
    ) -> AfterSleep {
        let rested = self.rest_as(sleeper, self.give_up_place(member_state), full, look);
        if matches!(rested, AfterSleep::Search) {
            member_state.hold();
        }
        rested
    }

    /// [`rest`](Self::rest) for a member that is counted as awake, or not any more.
    fn rest_as(
        &self,
        sleeper: &Arc<Sleeper>,
        is_counted: bool,
        full: impl FnOnce(),
        look: impl FnMut() -> Option<Instant>,
    ) -> AfterSleep {
        let ends = {
            let mut state = self.state.lock();
            // Threads beyond twice the size of the pool are spares that are not needed any more.
            let ends = self.is_closing() || state.threads > self.size.saturating_mul(2);
            if !ends {
                state.sleepers.push(Arc::clone(sleeper));
            }
            self.searching.fetch_sub(1, Ordering::SeqCst);
            if is_counted {
                self.active.fetch_sub(1, Ordering::SeqCst);
            }
            ends
        };
        if ends {
            // A thread that published while this one still counted as searching woke no worker.
            fence(Ordering::SeqCst);
            if self.backlog.has_work() && (self.has_place() || self.is_closing()) {
                self.count_searcher();
                return AfterSleep::Search;
            }
            return AfterSleep::End;
        }
        self.backlog.ask_all();
        fence(Ordering::SeqCst);
        if self.backlog.has_work() && self.has_place() {
            let mut state = self.state.lock();
            if let Some(at) = state.place_of(sleeper) {
                state.sleepers.remove(at);
                self.count_searcher();
                return AfterSleep::Search;
            }
        }
        if self.is_short() {
            full();
        }
        self.count_idle(sleeper);
        sleeper.sleep(look);
        AfterSleep::Search
    }

    /// Counts a sleeper as idle, unless it was woken meanwhile. It may have been the last thread that could
    /// have done something.
    fn count_idle(&self, sleeper: &Arc<Sleeper>) {
        let state = self.state.lock();
        if state.place_of(sleeper).is_some() {
            sleeper.set_idle();
            drop(state);
            look_again();
        }
    }

    /// Uncounts a thread that has ended.
    pub(super) fn end(&self) {
        let mut state = self.state.lock();
        state.threads -= 1;
        let waiters = if state.threads == 0 {
            std::mem::take(&mut state.waiters)
        } else {
            Vec::new()
        };
        drop(state);
        waiters.iter().for_each(Parker::unpark);
    }

    /// Counts a thread that is to be started without being asked for by the roster.
    pub(super) fn count_thread(&self) {
        self.state.lock().threads += 1;
        self.count_searcher();
    }

    pub(super) fn threads(&self) -> usize {
        self.state.lock().threads
    }

    /// Closes the pool: its workers end as soon as they find no work.
    pub(super) fn close(&self) {
        let sleepers = {
            let mut state = self.state.lock();
            self.is_closing.store(true, Ordering::SeqCst);
            std::mem::take(&mut state.sleepers)
        };
        for sleeper in sleepers {
            sleeper.uncount_idle();
            self.count_searcher();
            sleeper.wake();
        }
    }

    /// Returns true if every thread has ended; otherwise the last one will unpark `parker`.
    pub(super) fn is_empty_or_wake(&self, parker: &Parker) -> bool {
        let mut state = self.state.lock();
        if state.threads > 0 {
            state.waiters.retain(|waiter| !waiter.is_same(parker));
            state.waiters.push(parker.clone());
        }
        state.threads == 0
    }
}
