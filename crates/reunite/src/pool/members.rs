//! The threads of a pool: which of them work, look for work or sleep, and which to wake.
//!
//! # Counts
//! `active` counts the members that are awake: the workers and visitors that do not block. A pool has `size`
//! places for them, and wakes a worker only while a place is free. A visitor comes whether or not a place is
//! free, because its thread is running anyway and must not be made to wait. Workers make room for it as soon as
//! they are between two pieces of work. A joiner that could run the awaited task on its own stack does so only
//! if a place is free, or if no other thread can be woken or started to run the task.
//!
//! `searching` counts the active workers that look for work; `sleepers` lists the workers that gave up looking.
//! A searching worker leaves `searching` *before* it takes work, and then checks whether the pool is crowded. A
//! joiner counts itself as active, and then checks whether there are more active members than searching ones
//! and places together. So at least one of the two sees the other, and gives way.
//!
//! A member that blocks where the library does not see it keeps its place. A thread that finds that work is
//! queued, no worker searches and all places are taken, tells the watch (`WakeDecision::Full`). The watch takes
//! places away from members that sleep (see `watch`, and `member_state` for which thread counts what). If the
//! pool is not watched, no thread does that. So such a pool always has one more place than visitors: visitors
//! never take the last place from the workers, and a joiner is always given a place.
//!
//! # Protocol
//! 1. A thread that *publishes* work makes it visible, then (fence) checks the counts: if no worker searches and
//!    a place is free, it wakes a sleeper.
//! 2. A worker that *gives up* joins the sleepers, then leaves `searching` and `active`, raises the word of
//!    every seat, then (fence) checks all seats and the queue once more. It sleeps only if they are empty or all
//!    places are taken.
//! 3. A worker that *ends* checks once more in the same way. A pool that closes still wakes and starts workers
//!    for work, until its last thread has ended. Its workers do not make room for visitors, and do not end while
//!    there is work, because no thread would come back for that work.
//! 4. A thread that *leaves `active`* for any other reason (a visitor leaves, a member blocks) first uncounts
//!    itself, then raises the word of every seat, then (fence) checks all seats and the queue. If it finds work,
//!    it wakes a sleeper.
//! 5. A searcher that *finds work* and was the last one to search leaves `searching`, then checks whether there
//!    is more work, and if so wakes a sleeper.
//!
//! So of a thread that publishes and a worker that gives up, at least one sees the other: no work is left queued
//! while a worker sleeps and a place is free. A thread that wakes a sleeper first removes it from the list and
//! counts it as active and searching, all under the lock. So only one thread wakes a sleeper.
//!
//! # Idle sleepers
//! A sleeper counts as *idle* only after its last check (rule 2 or 3) has found nothing: until then it may take
//! work, and no thread must conclude that none is left. Under the lock, it counts itself as idle if it is still
//! in the list, and records that in the sleeper. The thread that removes it from the list uncounts it if that is
//! recorded.
//!
//! # A stuck pool
//! A member that blocks stores its parker in `blocked`. Suppose that work is queued, no member is awake and no
//! thread can be added. Two kinds of members may still go on. A blocked member may be about to: its parker is
//! marked from before it is woken until it has found its condition false or is counted as awake. And a member
//! whose place was taken away may compute again, uncounted. Only if there is no member of either kind is the
//! pool *stuck*. Then one blocked member is called back: it is counted as awake under the lock, so that it is
//! the only one. If two members find their conditions false at the same time, the later one sees that the other
//! was called back. A member whose place was taken away does not leave the pool stuck unnoticed: before it
//! blocks in `wait` it checks this itself, and otherwise it finds its next work itself. Only if it is a visitor
//! that leaves, it makes the blocked members check again.
//!
//! # Private forks
//! Private forks are not visible work; raised words stand for them. A sleeper, or a thread that makes room for a
//! sleeper, leaves all words raised. A member that finds its word raised publishes forks and wakes a sleeper
//! (`unpublished_forks` notices a member that does not). The member lowers the word by a swap, so either it sees
//! everything that the sleeper did before raising the word, or the word is raised again after the swap.

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

/// The counts of a pool's threads, and the work that decides which thread to wake.
pub(super) struct Members {
    pub(super) size: usize,
    /// The largest number of threads: `size`, and spares for threads that block.
    limit: usize,
    /// True if the watch takes places away from members that block where the library does not see it.
    is_watched: bool,
    pub(super) backlog: Backlog,
    active: AtomicUsize,
    /// The number of visitors, awake or not.
    visitors: AtomicUsize,
    /// The number of members whose places were taken away and that have not noticed it.
    revoked: AtomicUsize,
    searching: AtomicUsize,
    /// Changes only under the lock.
    is_closing: AtomicBool,
    state: Mutex<LockedMembers>,
}

/// The lists that change only under the lock.
#[derive(Default)]
struct LockedMembers {
    sleepers: Vec<Arc<Sleeper>>,
    threads: usize,
    waiters: Vec<Parker>,
    /// The parkers of members that have given up their places because they block.
    blocked: Vec<Parker>,
}

impl LockedMembers {
    fn place_of(&self, sleeper: &Arc<Sleeper>) -> Option<usize> {
        let mut sleepers = self.sleepers.iter();
        sleepers.rposition(|other| Arc::ptr_eq(other, sleeper))
    }
}

/// The next step of a thread that has checked whether to wake a worker.
pub(super) enum WakeDecision {
    Nothing,
    /// A place is free and no worker sleeps: the caller must start a thread, which is counted already.
    Start,
    /// There is work, no member is awake, and no more threads may be started.
    Starved,
    /// There is work, and the members that have the places are busy, or block where the library does not see it.
    Full,
}

impl Members {
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
            state: Mutex::new(LockedMembers::default()),
        }
    }

    pub(super) fn is_awake(&self) -> bool {
        self.active.load(Ordering::SeqCst) > 0
    }

    pub(super) fn has_place(&self) -> bool {
        self.active.load(Ordering::SeqCst) < self.places()
    }

    /// Returns the number of members that may be awake at a time.
    fn places(&self) -> usize {
        if self.is_watched {
            self.size
        } else {
            self.size.max(self.visitors.load(Ordering::SeqCst) + 1)
        }
    }

    /// Returns true if work is queued that no thread will take, because all places are taken or no thread can be
    /// added.
    pub(super) fn is_short(&self) -> bool {
        self.backlog.has_work()
            && self.searching.load(Ordering::SeqCst) == 0
            && !(self.has_place() && self.can_wake())
    }

    /// Returns true if a thread can be woken or started.
    pub(super) fn can_wake(&self) -> bool {
        let state = self.state.lock();
        !state.sleepers.is_empty() || state.threads < self.limit
    }

    /// Takes the place away from a member that blocks where the library does not see it, if it still holds the place.
    pub(super) fn revoke_place(&self, member_state: &MemberState) -> Option<WakeDecision> {
        member_state.revoke_place().then(|| {
            self.revoked.fetch_add(1, Ordering::SeqCst);
            self.remove_active()
        })
    }

    /// Gives the calling member a place again if its place was taken away. Called between two pieces of work.
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

    /// Returns the numbers of active members, of searching workers, and of members whose places were taken away.
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

    /// Counts a visitor that has come.
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

    /// Counts as awake the calling member: a visitor that has come, or a member that blocks no more.
    pub(super) fn add_active(&self) {
        self.active.fetch_add(1, Ordering::SeqCst);
    }

    /// Returns true if the calling joiner, which is counted as active, should leave the work to other threads
    /// because all places are taken. Searching workers do not count, as they make room. The members that have the
    /// places may all block until that work is done. So this returns true only if the watch can let another
    /// thread in.
    pub(super) fn is_full(&self) -> bool {
        let active = self.active.load(Ordering::SeqCst);
        self.is_watched
            && active > self.size + self.searching.load(Ordering::SeqCst)
            && self.can_wake()
    }

    /// Uncounts a member that held a place and is about to block, or has left (rule 4).
    pub(super) fn remove_active(&self) -> WakeDecision {
        self.active.fetch_sub(1, Ordering::SeqCst);
        // A member that lowered its word while all places were taken woke no worker, and may have taken its
        // published forks back.
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

    /// Records that a blocked member goes on. It is counted as awake already if it was called back.
    pub(super) fn unblock(&self, parker: &Parker, is_counted: bool) {
        if !is_counted {
            self.add_active();
        }
        let mut state = self.state.lock();
        if let Some(at) = state.blocked.iter().position(|other| other.is_same(parker)) {
            state.blocked.swap_remove(at);
        }
    }

    /// Returns true if no member is awake or about to wake.
    pub(super) fn is_none_awake(&self) -> bool {
        self.is_none_awake_in(&self.state.lock())
    }

    fn is_none_awake_in(&self, state: &LockedMembers) -> bool {
        !self.is_awake() && self.revoked() == 0 && !state.blocked.iter().any(Parker::may_go_on)
    }

    /// Counts a blocked member as awake, if the pool is still stuck. Returns true if it is.
    pub(super) fn call_back(&self) -> bool {
        let state = self.state.lock();
        let is_stuck = self.is_none_awake_in(&state);
        if is_stuck {
            self.add_active();
        }
        is_stuck
    }

    /// Makes the blocked members check their conditions again, without the one that waits by `except`.
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

    /// Uncounts a searcher that has seen work and is about to take it. Returns true if it was the last searcher:
    /// then the caller must call [`look`](Self::look) after it has taken the work (rule 5).
    pub(super) fn stop_searching(&self) -> bool {
        self.searching.fetch_sub(1, Ordering::SeqCst) == 1
    }

    /// Returns true if more members are awake than there are places: then a worker that is between two pieces of
    /// work should sleep. Returns false in a pool that closes, because no thread would wake the worker there.
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

    /// Uncounts a thread that the system refused. A thread that has published work in the meantime took it for a
    /// searcher and woke no worker, so a sleeping worker is woken if there is work.
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

    /// Uncounts a worker that could not take a seat.
    pub(super) fn give_up(&self) {
        self.uncount_searcher();
    }

    /// Puts a searcher that found no work, or for which there is no place, to sleep until it is needed (rules 2 and
    /// 3). Calls `full` if the pool is short. Calls `look` before each sleep, and sleeps at most until the instant
    /// that `look` returns.
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

    /// Does what [`rest`](Self::rest) does. `is_counted` says whether the worker is still counted as awake.
    fn rest_as(
        &self,
        sleeper: &Arc<Sleeper>,
        is_counted: bool,
        full: impl FnOnce(),
        look: impl FnMut() -> Option<Instant>,
    ) -> AfterSleep {
        let ends = {
            let mut state = self.state.lock();
            // The pool keeps twice its size of threads; those beyond are spares that it does not need any more.
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
            // A thread that published work while this one still counted as searching woke no worker.
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

    /// Counts a sleeper as idle, unless it was woken in the meantime. Then looks for a deadlock, because the sleeper
    /// may have been the last thread that could do anything.
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

    /// Counts a thread that is to be started although no `WakeDecision` asked for it.
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
