//! Who of a pool works, who looks for work, who sleeps, and who is woken for what.
//!
//! # Protocol
//! `active` counts the members that are awake: workers and visitors, less those that block. A pool has `size`
//! places for them, and wakes a worker only while one is free. A visitor comes whether one is free or not, as its
//! thread is there anyway and must not be made to wait; workers make room for it as soon as they are between two
//! pieces of work. A joiner that could run a task in its own place does so only if a place is free, or if no other thread
//! could be woken or started to run it.
//! `searching` counts the workers among them that look for work; `sleepers` are those that gave up. Those who search
//! do nothing yet: a worker leaves `searching` *before* it takes work, and then looks whether the pool is crowded; a
//! joiner counts itself as active, and then looks whether more are active than search and have places. So of the two
//! one at least sees the other, and gives way.
//!
//! A member that blocks where the library does not see it keeps its place. When work lies there, nobody searches and all
//! places are taken, whoever finds that tells the watch (`Rouse::Full`), which takes places away from members that
//! sleep (see `watch`, and `life` for who counts what). In a pool that is not watched nobody would, so visitors never take
//! the last place from the workers there: it has always one more place than visitors, and a joiner is never refused one.
//!
//! * Whoever *publishes* work does so, then (fence) looks: if nobody searches and a place is free, it
//!   wakes a sleeper.
//! * A worker that *gives up* joins the sleepers, then leaves `searching` and `active`, raises the word of
//!   every seat, then (fence) looks at all seats and the queue once more, and sleeps only if they are empty
//!   or all places are taken.
//! * A worker that *ends* looks once more in the same way. A pool that closes still wakes and starts workers
//!   for what there is to do, until its last thread has ended; and its workers do not make room for visitors, nor end
//!   while there is work, as nobody would come back for it.
//! * Whoever *leaves `active`* for any other reason (a visitor goes, a member blocks) does so, then raises the word of
//!   every seat, then (fence) looks at all seats and the queue, and wakes a sleeper for what it finds.
//! * A searcher that *finds work* and was the last to search looks, after leaving `searching`, whether there
//!   is more, and wakes another.
//!
//! So of a publication and a giving up, one at least sees the other: no work is left lying while a worker
//! sleeps and a place is free. Whoever wakes a sleeper removes it from the list first, and counts it as
//! active and searching on its behalf, all under the lock: a sleeper is woken by one alone.
//!
//! A sleeper counts as *idle* only after it has looked once more in vain: until then it may take work, and nobody may
//! conclude that nobody is left. It counts itself under the lock if it is still in the list, and says so there; whoever
//! removes it counts it out if it does.
//!
//! A member that blocks leaves its parker in `blocked`. When work lies there, nobody is awake and no thread can be
//! added, somebody may still be about to go on: its parker says so from before it is woken until it has asked in
//! vain or is counted as awake. A member whose place was retaken may compute again, uncounted. Only if there is none of
//! either kind is the pool *stuck*, and one who blocks is called back: counted
//! as awake under the lock, so that it is one alone. Of two who ask in vain at the same time, the later sees it; and one
//! whose place was retaken is gone, asks itself before it blocks at the door, or finds its next work itself, unless it
//! is a visitor that leaves: then those that block ask again.
//!
//! Private forks are not work that anybody can see; for these the words stand: a sleeper, or who makes room for one,
//! leaves them raised,
//! and a member that finds its word raised publishes and wakes (`unshared` sees that one does not). The member lowers the word by a swap, so
//! either it sees what the sleeper did before raising it, or the word is raised after that.

use std::io;

use super::backlog::Backlog;
use super::life::Life;
use super::sleeper::Sleeper;
use crate::deadlock::look_again;
use crate::park::Parker;
use crate::primitive::{Arc, AtomicBool, AtomicUsize, Instant, Mutex, Ordering, fence};

/// What a worker that slept is to do.
#[must_use]
pub(super) enum Rested {
    Search,
    End,
}

pub(super) struct Roster {
    pub(super) size: usize,
    /// Threads at most: `size`, and spares for those that block.
    limit: usize,
    /// Whether the watch takes places away from members that block where nobody sees it.
    is_watched: bool,
    pub(super) backlog: Backlog,
    active: AtomicUsize,
    /// Members that are no workers, whether they are awake or not.
    visitors: AtomicUsize,
    /// Members that have lost their places and have not noticed.
    retaken: AtomicUsize,
    searching: AtomicUsize,
    /// Changes under the lock.
    is_closing: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sleepers: Vec<Arc<Sleeper>>,
    threads: usize,
    waiters: Vec<Parker>,
    /// Those who have left their places to block.
    blocked: Vec<Parker>,
}

impl State {
    fn place_of(&self, sleeper: &Arc<Sleeper>) -> Option<usize> {
        let mut sleepers = self.sleepers.iter();
        sleepers.rposition(|other| Arc::ptr_eq(other, sleeper))
    }
}

/// What somebody who was asked to wake a worker has to do.
pub(super) enum Rouse {
    Nothing,
    /// Nobody sleeps, but a place is free: start a thread. It is counted already.
    Start,
    /// There is work, nobody is awake, and no more threads may be started.
    Starved,
    /// There is work, and those who have the places are at other work, or block where nobody sees it.
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
            retaken: AtomicUsize::new(0),
            searching: AtomicUsize::new(0),
            is_closing: AtomicBool::new(false),
            state: Mutex::new(State::default()),
        }
    }

    pub(super) fn is_awake(&self) -> bool {
        self.active.load(Ordering::SeqCst) > 0
    }

    pub(super) fn has_place(&self) -> bool {
        self.active.load(Ordering::SeqCst) < self.places()
    }

    /// How many may be awake at a time.
    fn places(&self) -> usize {
        if self.is_watched {
            self.size
        } else {
            self.size.max(self.visitors.load(Ordering::SeqCst) + 1)
        }
    }

    /// Whether work lies there that nobody comes for, because all places are taken or no thread can be added.
    pub(super) fn is_short(&self) -> bool {
        self.backlog.has_work()
            && self.searching.load(Ordering::SeqCst) == 0
            && !(self.has_place() && self.can_rouse())
    }

    /// Whether there is a thread that could be woken, or may be started.
    pub(super) fn can_rouse(&self) -> bool {
        let state = self.state.lock();
        !state.sleepers.is_empty() || state.threads < self.limit
    }

    /// Takes the place away from a member that blocks where nobody sees it, if it still holds it.
    pub(super) fn retake(&self, life: &Life) -> Option<Rouse> {
        life.retake().then(|| {
            self.retaken.fetch_add(1, Ordering::SeqCst);
            self.go()
        })
    }

    /// Of a member between two pieces of work: it has a place again if it had lost it.
    pub(super) fn take_again(&self, life: &Life) {
        if life.take_again() {
            self.retaken.fetch_sub(1, Ordering::SeqCst);
            self.come();
        }
    }

    /// Of a member: whether it is still counted as awake, and is to uncount itself.
    pub(super) fn give_up_place(&self, life: &Life) -> bool {
        let held = life.give_up();
        if !held {
            self.retaken.fetch_sub(1, Ordering::SeqCst);
        }
        held
    }

    /// Active, searching, and those who have lost their places.
    #[cfg(all(test, reunite_model))]
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        let count = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
        (
            count(&self.active),
            count(&self.searching),
            count(&self.retaken),
        )
    }

    pub(super) fn retaken(&self) -> usize {
        self.retaken.load(Ordering::SeqCst)
    }

    /// After a publication.
    pub(super) fn published(&self) -> Rouse {
        fence(Ordering::SeqCst);
        if self.searching.load(Ordering::SeqCst) > 0 {
            return Rouse::Nothing;
        }
        self.rouse()
    }

    /// A visitor comes.
    pub(super) fn arrive(&self) {
        self.visitors.fetch_add(1, Ordering::SeqCst);
        self.come();
    }

    /// A visitor is about to leave. Whether it is still counted as awake, and is to uncount itself.
    pub(super) fn depart(&self, life: &Life) -> bool {
        self.visitors.fetch_sub(1, Ordering::SeqCst);
        self.give_up_place(life)
    }

    /// A visitor comes, or a member has stopped blocking.
    pub(super) fn come(&self) {
        self.active.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether one who has just come is one too many, and had better leave the work to others. Those who search will
    /// make room. Whoever has the places may block until that work is done: it is left only to a thread that the watch
    /// can let in.
    pub(super) fn is_full(&self) -> bool {
        let active = self.active.load(Ordering::SeqCst);
        self.is_watched
            && active > self.size + self.searching.load(Ordering::SeqCst)
            && self.can_rouse()
    }

    /// A member that held a place is about to block, or gone.
    pub(super) fn go(&self) -> Rouse {
        self.active.fetch_sub(1, Ordering::SeqCst);
        // Who answered while all places were taken woke nobody, and may have taken back what it published.
        self.backlog.ask_all();
        self.look()
    }

    /// A member is about to block, and will be woken by `parker`.
    pub(super) fn block(&self, parker: &Parker, life: &Life) -> Rouse {
        self.state.lock().blocked.push(parker.clone());
        if self.give_up_place(life) {
            self.go()
        } else {
            self.look()
        }
    }

    /// It goes on; it may be counted as awake already.
    pub(super) fn unblock(&self, parker: &Parker, is_counted: bool) {
        if !is_counted {
            self.come();
        }
        let mut state = self.state.lock();
        if let Some(at) = state.blocked.iter().position(|other| other.is_same(parker)) {
            state.blocked.swap_remove(at);
        }
    }

    /// Whether nobody is awake, nor about to wake.
    pub(super) fn is_stuck(&self) -> bool {
        self.is_stuck_in(&self.state.lock())
    }

    fn is_stuck_in(&self, state: &State) -> bool {
        !self.is_awake() && self.retaken() == 0 && !state.blocked.iter().any(Parker::may_go_on)
    }

    /// Counts one who blocks as awake, if the pool is still stuck.
    pub(super) fn call_back(&self) -> bool {
        let state = self.state.lock();
        let is_stuck = self.is_stuck_in(&state);
        if is_stuck {
            self.come();
        }
        is_stuck
    }

    /// Those who block ask again for what they wait for, except for one.
    pub(super) fn wake_blocked(&self, except: Option<&Parker>) {
        let mut blocked = self.state.lock().blocked.clone();
        blocked.retain(|parker| except.is_none_or(|except| !except.is_same(parker)));
        blocked.iter().for_each(Parker::unpark);
    }

    /// Wakes somebody for what there is to do.
    pub(super) fn look(&self) -> Rouse {
        fence(Ordering::SeqCst);
        if self.backlog.has_work() && self.searching.load(Ordering::SeqCst) == 0 {
            self.rouse()
        } else {
            Rouse::Nothing
        }
    }

    /// A searcher has seen work and is about to take it. Whether it was the last to search: then it is to
    /// [look](Self::look) after it has.
    pub(super) fn stop_searching(&self) -> bool {
        self.searching.fetch_sub(1, Ordering::SeqCst) == 1
    }

    /// More are awake than there are places: a worker that is not in the middle of something had better sleep. Not in a pool
    /// that closes, where nobody would wake it.
    pub(super) fn is_crowded(&self) -> bool {
        self.active.load(Ordering::SeqCst) > self.places() && !self.is_closing()
    }

    fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::SeqCst)
    }

    /// It is done with that, and searches again.
    pub(super) fn search_again(&self) {
        self.searching.fetch_add(1, Ordering::SeqCst);
    }

    fn rouse(&self) -> Rouse {
        if !self.has_place() {
            return Rouse::Full;
        }
        let mut state = self.state.lock();
        if !self.has_place() {
            return Rouse::Full;
        }
        if self.is_closing() && state.threads == 0 {
            return Rouse::Nothing;
        }
        if let Some(sleeper) = state.sleepers.pop() {
            sleeper.count_out();
            self.count_searcher();
            drop(state);
            sleeper.wake();
            Rouse::Nothing
        } else if state.threads < self.limit {
            state.threads += 1;
            self.count_searcher();
            Rouse::Start
        } else if self.active.load(Ordering::SeqCst) == 0 {
            Rouse::Starved
        } else {
            Rouse::Full
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

    /// The system refused the thread that was counted. Whoever published meanwhile took it for a searcher:
    /// if another has gone to sleep since, it is woken.
    pub(super) fn not_started(&self, _refused: &io::Error) {
        self.uncount_searcher();
        fence(Ordering::SeqCst);
        if self.backlog.has_work() && self.has_place() {
            let sleeper = self.state.lock().sleepers.pop();
            if let Some(sleeper) = sleeper {
                sleeper.count_out();
                self.count_searcher();
                sleeper.wake();
            }
        }
        self.end();
    }

    /// A worker that could not even take a seat.
    pub(super) fn give_up(&self) {
        self.uncount_searcher();
    }

    /// A searcher found nothing, or no place: it sleeps until it is needed. Calls `full` if there is work, and `look`
    /// before it sleeps, until the instant that tells.
    pub(super) fn rest(
        &self,
        sleeper: &Arc<Sleeper>,
        life: &Life,
        full: impl FnOnce(),
        look: impl FnMut() -> Option<Instant>,
    ) -> Rested {
        let rested = self.rest_as(sleeper, self.give_up_place(life), full, look);
        if matches!(rested, Rested::Search) {
            life.hold();
        }
        rested
    }

    /// [`rest`](Self::rest) of one who is counted as awake, or not any more.
    fn rest_as(
        &self,
        sleeper: &Arc<Sleeper>,
        is_counted: bool,
        full: impl FnOnce(),
        look: impl FnMut() -> Option<Instant>,
    ) -> Rested {
        let ends = {
            let mut state = self.state.lock();
            // Spares that nobody needs any more: as many as the pool is large may stay.
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
            // Whoever published while this thread still counted as searching woke nobody.
            fence(Ordering::SeqCst);
            if self.backlog.has_work() && (self.has_place() || self.is_closing()) {
                self.count_searcher();
                return Rested::Search;
            }
            return Rested::End;
        }
        self.backlog.ask_all();
        fence(Ordering::SeqCst);
        if self.backlog.has_work() && self.has_place() {
            let mut state = self.state.lock();
            if let Some(at) = state.place_of(sleeper) {
                state.sleepers.remove(at);
                self.count_searcher();
                return Rested::Search;
            }
        }
        if self.is_short() {
            full();
        }
        self.count_idle(sleeper);
        sleeper.sleep(look);
        Rested::Search
    }

    /// A sleeper has nothing to do, unless it was woken meanwhile: perhaps it was the last that could have done something.
    fn count_idle(&self, sleeper: &Arc<Sleeper>) {
        let state = self.state.lock();
        if state.place_of(sleeper).is_some() {
            sleeper.is_idle_from_now_on();
            drop(state);
            look_again();
        }
    }

    /// A thread has ended.
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

    /// A thread is to be started that nobody asked the roster for.
    pub(super) fn count_thread(&self) {
        self.state.lock().threads += 1;
        self.count_searcher();
    }

    pub(super) fn threads(&self) -> usize {
        self.state.lock().threads
    }

    /// Workers end as soon as they find nothing to do.
    pub(super) fn close(&self) {
        let sleepers = {
            let mut state = self.state.lock();
            self.is_closing.store(true, Ordering::SeqCst);
            std::mem::take(&mut state.sleepers)
        };
        for sleeper in sleepers {
            sleeper.count_out();
            self.count_searcher();
            sleeper.wake();
        }
    }

    /// The question at the door: every thread has ended, or else the last one unparks `parker`.
    pub(super) fn is_empty_or_wake(&self, parker: &Parker) -> bool {
        let mut state = self.state.lock();
        if state.threads > 0 {
            state.waiters.retain(|waiter| !waiter.is_same(parker));
            state.waiters.push(parker.clone());
        }
        state.threads == 0
    }
}
