//! The parts of the model that its files share: events, locks, counters, looks at all seats, sleep.

use std::cmp::Reverse;

use super::costs::{Free, Time};
use super::design::{Asked, Forks, Helping, Order};
use super::lines::{ENTRIES, LineId, MEMBERS, SLOTS, mailbox, word};
use super::program::mix;
use super::state::{After, At, Go, JobId, Sim, Spent};

/// The number of times that a thread retries a lock before it sleeps, as in std's mutex.
const SPINS: Time = 100;

/// The mailboxes at which a thread looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mailboxes {
    All,
    OfOthers,
}

impl Sim<'_> {
    pub(super) fn schedule(&mut self, worker: usize, at: Time) {
        self.events.push(Reverse((at, worker)));
    }

    pub(super) fn next_event(&mut self) -> Option<(Time, usize)> {
        self.events.pop().map(|Reverse(event)| event)
    }

    /// Returns true if an event of another worker comes before that.
    pub(super) fn is_next(&self, worker: usize, at: Time) -> bool {
        let first = self.events.peek();
        first.is_none_or(|Reverse(first)| (at, worker) < *first)
    }

    pub(super) fn draw(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.random) % below.max(1)
    }

    pub(super) fn size(&self) -> usize {
        self.topology.workers
    }

    /// Waits for a lock, and goes on at `then` when it has it. Like std's mutex: a thread that comes when it is free
    /// has it; a waiting thread spins for a while, then sleeps and has to be woken.
    pub(super) fn lock(&mut self, worker: usize, id: LineId, then: At) -> Go {
        if self.locks[id].holder.is_some() {
            self.locks[id].waiters.push_back(worker);
            self.workers[worker].at = then;
            self.workers[worker].since = self.now;
            return Go::Stop;
        }
        let cost = self.hold(worker, id);
        Go::After(cost, then, Spent::Locks)
    }

    pub(super) fn is_locked(&self, id: LineId) -> bool {
        self.locks[id].holder.is_some()
    }

    fn hold(&mut self, worker: usize, id: LineId) -> Time {
        let lock = &mut self.locks[id];
        lock.holder = Some(worker);
        lock.since = self.now;
        let cost = self.costs.lock + self.lines.take_over(self.costs, worker, id);
        if self.costs.is_free(Free::Locks) {
            0
        } else {
            cost
        }
    }

    /// Releases a lock, and calls a thread that waits for it. Returns the cost.
    pub(super) fn unlock(&mut self, worker: usize, id: LineId) -> Time {
        let lock = &mut self.locks[id];
        assert_eq!(lock.holder, Some(worker), "it holds what it releases");
        lock.holder = None;
        self.lines.held(id, self.now - lock.since);
        if lock.is_called {
            return 0;
        }
        let Some(next) = lock.waiters.pop_front() else {
            return 0;
        };
        lock.is_called = true;
        let waited = self.now - self.workers[next].since;
        let spins = SPINS * self.costs.pause;
        let (until, cost) = if waited > spins {
            (self.costs.latency, self.costs.wake)
        } else {
            (self.topology.transfer(self.costs, worker, next), 0)
        };
        self.workers[next].calls_for = Some(id);
        self.schedule(next, self.now + until);
        cost
    }

    /// A called thread takes the lock, or waits on because another was faster.
    pub(super) fn try_again(&mut self, worker: usize, id: LineId) {
        let lock = &mut self.locks[id];
        lock.is_called = false;
        let waited = self.now - self.workers[worker].since;
        self.spend(worker, Spent::Locks, waited);
        self.workers[worker].since = self.now;
        if self.locks[id].holder.is_some() {
            self.locks[id].waiters.push_front(worker);
            return;
        }
        let cost = self.hold(worker, id);
        self.spend(worker, Spent::Locks, cost);
        self.schedule(worker, self.now + cost);
    }

    /// Goes on after `hold`, without the lock.
    pub(super) fn release_after(&self, hold: Time, id: LineId, after: After) -> Go {
        let hold = if self.costs.is_free(Free::Locks) {
            0
        } else {
            hold
        };
        Go::After(hold, At::Release(id, after), Spent::Locks)
    }

    pub(super) fn spend(&mut self, worker: usize, on: Spent, time: Time) {
        self.workers[worker].spent[on as usize] += time;
    }

    /// Attributes this part of the step that begins to another activity than the rest.
    pub(super) fn tell(&mut self, worker: usize, on: Spent, time: Time) {
        self.spend(worker, on, time);
        self.workers[worker].told += time;
    }

    pub(super) fn read(&mut self, worker: usize, id: LineId) -> Time {
        if id == MEMBERS && self.costs.is_free(Free::Counters) {
            return self.costs.hit;
        }
        self.lines.read(self.costs, worker, id)
    }

    pub(super) fn change(&mut self, worker: usize, id: LineId) -> Time {
        let (cost, waited) = self.lines.change(self.costs, worker, id, self.now);
        self.tell(worker, Spent::Counters, waited);
        cost
    }

    /// Changes one of the members' counters.
    pub(super) fn count(&mut self, worker: usize) -> Time {
        let most = self.counts.most_active.max(self.members.active);
        self.counts.most_active = most;
        if self.costs.is_free(Free::Counters) {
            return self.costs.rmw;
        }
        self.change(worker, MEMBERS)
    }

    /// The number of threads that have seats.
    pub(super) fn seats(&self) -> usize {
        self.members.threads + 1
    }

    /// Determines where the order of a look begins.
    pub(super) fn begin_look(&mut self, worker: usize) {
        let seats = self.seats() as u64;
        self.workers[worker].first_seat = match self.design.order {
            Order::Lowest => 0,
            Order::Own | Order::Near => worker + 1,
            Order::Random => self.draw(seats) as usize,
        };
    }

    /// The seat that `worker` looks at after `place` others.
    pub(super) fn seat_at(&self, worker: usize, place: usize) -> usize {
        let seats = self.seats();
        let rotated = |at: usize| (self.workers[worker].first_seat + at) % seats;
        if self.design.order != Order::Near {
            return rotated(place);
        }
        // Seats of the same node first, in two rounds: a seat that does not belong to the round is skipped.
        rotated(place % seats)
    }

    /// The number of places that a look goes through.
    pub(super) fn places(&self) -> usize {
        if self.design.order == Order::Near && self.topology.nodes > 1 {
            2 * self.seats()
        } else {
            self.seats()
        }
    }

    /// Returns true if a look by node has to skip this place.
    fn is_skipped(&self, worker: usize, place: usize, seat: usize) -> bool {
        if self.design.order != Order::Near || self.topology.nodes == 1 {
            return false;
        }
        let is_near = self.topology.node(seat) == self.topology.node(worker);
        is_near != (place < self.seats())
    }

    fn has_offers(&self, seat: usize) -> bool {
        let seat = &self.workers[seat];
        match self.design.forks {
            Forks::Private => !seat.mailbox.is_empty(),
            Forks::Public => !seat.private.is_empty(),
        }
    }

    /// Looks at these mailboxes from a place on: returns the next one with an offer, and the cost of the look.
    pub(super) fn find_offer(
        &mut self,
        worker: usize,
        from: usize,
        mailboxes: Mailboxes,
    ) -> (Option<(usize, usize)>, Time) {
        let mut cost = 0;
        let mut misses = 0;
        for place in from..self.places() {
            let seat = self.seat_at(worker, place);
            let is_own = seat == worker && mailboxes == Mailboxes::OfOthers;
            if is_own || self.is_skipped(worker, place, seat) || !self.helps_at(worker, seat) {
                continue;
            }
            let one = self.read(worker, mailbox(seat));
            if one > self.costs.hit {
                misses += 1;
                cost += if misses == 1 {
                    one
                } else {
                    one / self.costs.overlap
                };
            } else {
                cost += one;
            }
            if self.has_offers(seat) {
                return (Some((place, seat)), self.looked(cost));
            }
        }
        (None, self.looked(cost))
    }

    /// Returns true if a joiner looks there.
    fn helps_at(&self, worker: usize, seat: usize) -> bool {
        let Some(target) = self.workers[worker].target else {
            return true;
        };
        match self.design.helping {
            Helping::Everywhere => true,
            Helping::AtTheThief => self.jobs[target].thief == seat,
            Helping::Nowhere => false,
        }
    }

    fn looked(&self, cost: Time) -> Time {
        if self.costs.is_free(Free::Looks) {
            self.costs.hit
        } else {
            cost
        }
    }

    /// Returns true if there is visible work.
    pub(super) fn has_work(&mut self, worker: usize) -> (bool, Time) {
        let mut cost = self.read(worker, SLOTS);
        if self.scope.is_listed {
            return (true, cost);
        }
        cost += self.read(worker, ENTRIES);
        if self.entries > 0 {
            return (true, cost);
        }
        self.begin_look(worker);
        let (found, more) = self.find_offer(worker, 0, Mailboxes::All);
        (found.is_some(), cost + more)
    }

    fn ask(&mut self, worker: usize, seat: usize) -> Time {
        let mut cost = self.read(worker, word(seat));
        if !self.workers[seat].is_asked {
            self.workers[seat].is_asked = true;
            cost += self.change(worker, word(seat));
        }
        cost
    }

    /// Raises as many words as the design says.
    pub(super) fn ask_others(&mut self, worker: usize) -> Time {
        match self.design.asked {
            Asked::All => self.ask_all(worker),
            Asked::Some(_) if self.design.forks == Forks::Public => 0,
            Asked::Some(count) => {
                let seats = self.seats() as u64;
                let drawn: Vec<_> = (0..count).map(|_| self.draw(seats) as usize).collect();
                let cost = drawn.into_iter().map(|seat| self.ask(worker, seat)).sum();
                self.looked(cost)
            }
        }
    }

    /// Raises the words of all seats.
    pub(super) fn ask_all(&mut self, worker: usize) -> Time {
        if self.design.forks == Forks::Public {
            return 0;
        }
        let cost = (0..self.seats()).map(|seat| self.ask(worker, seat)).sum();
        self.looked(cost)
    }

    /// The mailbox of `seat` has become empty: its owner will publish ahead of the next thief.
    pub(super) fn ask_ahead(&mut self, worker: usize, seat: usize) -> Time {
        self.ask(worker, seat)
    }

    /// Makes a sleeping or blocked thread go on. Returns true if it had to be woken. A sleeping worker is woken only by
    /// the thread that takes it off the list of sleepers.
    pub(super) fn unpark(&mut self, sleeper: usize, from: Spent) -> bool {
        if self.workers[sleeper].sleeps != Some(from) {
            let worker = &mut self.workers[sleeper];
            let token = if from == Spent::Asleep {
                &mut worker.is_roused
            } else {
                &mut worker.is_woken
            };
            *token = true;
            return false;
        }
        // No two wake-ups take equally long.
        let latency = self.costs.latency * (75 + self.draw(51)) / 100;
        let at = self.now + latency;
        let since = self.workers[sleeper].since;
        self.workers[sleeper].sleeps = None;
        self.spend(sleeper, from, at - since);
        self.schedule(sleeper, at);
        true
    }

    /// Lets a thread sleep until it is unparked, unless it was already.
    pub(super) fn park(&mut self, worker: usize, on: Spent, then: At) -> Go {
        let rmw = self.costs.rmw;
        let worker = &mut self.workers[worker];
        let token = if on == Spent::Asleep {
            &mut worker.is_roused
        } else {
            &mut worker.is_woken
        };
        if std::mem::take(token) {
            return Go::After(rmw, then, on);
        }
        worker.at = then;
        worker.sleeps = Some(on);
        worker.since = self.now;
        Go::Stop
    }

    pub(super) fn descends(&self, job: JobId, target: JobId) -> bool {
        let mut at = Some(job);
        while let Some(job) = at {
            if job == target {
                return true;
            }
            at = self.jobs[job].up;
        }
        false
    }
}
