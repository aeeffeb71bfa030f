//! A counting semaphore: so many permits, and no more.
//!
//! # Protocol
//! First come, first served, whatever the sizes: a large request is not overtaken for ever by small ones.
//! Under one lock there are the permits available and the queue of requests. A request is granted by
//! whoever makes that possible (a release, or a waiter that leaves), in the critical section in which it
//! becomes possible: permits are taken off and the waiter's seat is removed from the queue, then its parker
//! is unparked. A waiter that gives up looks once more under the lock: granted beats given up.
//!
//! A semaphore made with permits is a *budget*: there are never more, so a request for more is refused, and so
//! is a release of what is not out for good. One made with none is a *counter*: a release adds permits, a
//! permit that is forgotten is used up, and a request waits for however many releases it takes.

use std::panic::Location;

use crate::contain::assert_outside;
use crate::deadline;
use crate::deadlock::{Object, On, Site};
use crate::error::WaitError;
use crate::observe::Verb;
use crate::park::Parker;
use crate::primitive::{Duration, Instant, Mutex, now};
use crate::wait::{Heed, Wait, tell_task, wait};
use crate::wait_queue::WaitQueue;

/// So many permits, handed out in the order in which they were asked for.
///
/// ```
/// // At most 100 megabytes of pictures are decoded at a time.
/// let memory = reunite::sync::Semaphore::new(100);
/// reunite::scope(|s| {
///     for megabytes in [60, 60, 20] {
///         let memory = &memory;
///         s.spawn(move || {
///             let _permit = memory.acquire_many(megabytes).unwrap();
///             // … decode
///         });
///     }
/// });
/// assert_eq!(memory.available(), 100);
/// ```
///
/// Made with none, it counts what others [release](Self::release):
///
/// ```
/// let finished = reunite::sync::Semaphore::new(0);
/// reunite::scope(|s| {
///     for _ in 0..3 {
///         s.spawn(|| finished.release(1).unwrap());
///     }
///     finished.acquire_many(2).unwrap().forget(); // two are enough
/// });
/// assert_eq!(finished.available(), 1);
/// ```
#[derive(Debug)]
pub struct Semaphore {
    kind: Kind,
    made_at: &'static Location<'static>,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// So many permits, and never more.
    Budget,
    /// As many as are released.
    Counter,
}

#[derive(Debug, Default)]
struct State {
    /// Available, held, or forgotten.
    permits: u64,
    available: u64,
    /// Of a budget: out for good, unless somebody releases them.
    forgotten: u64,
    queue: WaitQueue<Request>,
}

#[derive(Debug)]
struct Request {
    wanted: u64,
    parker: Parker,
}

/// Permits of a [`Semaphore`], given back on drop.
#[must_use = "the permits are given back when this is dropped"]
#[derive(Debug)]
pub struct Permit<'a> {
    semaphore: &'a Semaphore,
    count: u64,
}

impl Semaphore {
    /// A semaphore with this many permits, all available. With none, it is one to which
    /// [`release`](Self::release) adds permits.
    #[track_caller]
    pub fn new(permits: u64) -> Self {
        Self {
            kind: match permits {
                0 => Kind::Counter,
                _ => Kind::Budget,
            },
            made_at: Location::caller(),
            state: Mutex::new(State {
                permits,
                available: permits,
                ..State::default()
            }),
        }
    }

    /// How many permits are available at this moment.
    pub fn available(&self) -> u64 {
        self.state.lock().available
    }

    /// How many permits there are in all, be they available or not. Of a semaphore made with none: those that were
    /// released and not forgotten.
    pub fn permits(&self) -> u64 {
        self.state.lock().permits
    }

    /// Waits for one permit.
    ///
    /// # Errors
    /// The current task was cancelled, or waiting would never have ended.
    #[track_caller]
    pub fn acquire(&self) -> Result<Permit<'_>, WaitError> {
        self.acquire_until(1, None, Location::caller())
    }

    /// Waits for `count` permits at once.
    ///
    /// # Errors
    /// The current task was cancelled; or at once, if the semaphore was made with permits, but with fewer than
    /// `count`.
    #[track_caller]
    pub fn acquire_many(&self, count: u64) -> Result<Permit<'_>, WaitError> {
        self.acquire_until(count, None, Location::caller())
    }

    /// [`acquire_many`](Self::acquire_many) for at most `timeout`.
    ///
    /// # Errors
    /// As there, or the time ran out.
    #[track_caller]
    pub fn acquire_many_timeout(
        &self,
        count: u64,
        timeout: Duration,
    ) -> Result<Permit<'_>, WaitError> {
        self.acquire_until(count, deadline::after(timeout), Location::caller())
    }

    /// [`acquire_many`](Self::acquire_many) until `deadline`.
    ///
    /// # Errors
    /// As there, or the time ran out.
    #[track_caller]
    pub fn acquire_many_deadline(
        &self,
        count: u64,
        deadline: Instant,
    ) -> Result<Permit<'_>, WaitError> {
        self.acquire_until(count, Some(deadline), Location::caller())
    }

    /// [`acquire`](Self::acquire) for at most `timeout`.
    ///
    /// # Errors
    /// As there, or the time ran out.
    #[track_caller]
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<Permit<'_>, WaitError> {
        self.acquire_until(1, deadline::after(timeout), Location::caller())
    }

    /// [`acquire`](Self::acquire) until `deadline`.
    ///
    /// # Errors
    /// As there, or the time ran out.
    #[track_caller]
    pub fn acquire_deadline(&self, deadline: Instant) -> Result<Permit<'_>, WaitError> {
        self.acquire_until(1, Some(deadline), Location::caller())
    }

    /// Gives permits back that were [forgotten](Permit::forget), or, if the semaphore was made with none, adds
    /// permits.
    ///
    /// # Errors
    /// Of a semaphore made with permits: so many were not forgotten. Those that somebody has come back by
    /// themselves. Of one made with none: there would be more than `u64::MAX`. Nothing is released then.
    ///
    /// ```
    /// let seats = reunite::sync::Semaphore::new(2);
    /// seats.acquire().unwrap().forget(); // somebody else will give it back
    /// seats.release(1).unwrap();
    /// assert!(seats.release(1).is_err());
    /// ```
    pub fn release(&self, count: u64) -> Result<(), WaitError> {
        let mut state = self.state.lock();
        match self.kind {
            Kind::Budget => {
                let forgotten = state.forgotten;
                let Some(left) = forgotten.checked_sub(count) else {
                    let why =
                        format!("{count} permits were given back, and {forgotten} are forgotten");
                    return Err(WaitError::impossible(why));
                };
                state.forgotten = left;
            }
            Kind::Counter => {
                let permits = state.permits;
                let Some(sum) = permits.checked_add(count) else {
                    let why = format!("{count} permits were added to {permits}, which is too many");
                    return Err(WaitError::impossible(why));
                };
                state.permits = sum;
            }
        }
        self.grant(state, count);
        Ok(())
    }

    /// Takes one permit if it is available and nobody waits in front. Does not wait.
    ///
    /// # Errors
    /// None is available, or somebody waits in front ([`is_busy`](WaitError::is_busy)).
    ///
    /// ```
    /// let seats = reunite::sync::Semaphore::new(1);
    /// let seat = seats.try_acquire().unwrap();
    /// assert!(seats.try_acquire().unwrap_err().is_busy());
    /// # drop(seat);
    /// ```
    pub fn try_acquire(&self) -> Result<Permit<'_>, WaitError> {
        self.try_acquire_many(1)
    }

    /// Takes `count` permits if they are available and nobody waits in front. Does not wait.
    ///
    /// # Errors
    /// They are not available, or somebody waits in front ([`is_busy`](WaitError::is_busy)); or the semaphore was made
    /// with permits, but with fewer than `count` ([`is_refused`](WaitError::is_refused)).
    pub fn try_acquire_many(&self, count: u64) -> Result<Permit<'_>, WaitError> {
        self.take(count)?.ok_or_else(WaitError::busy)
    }

    /// Takes `count` permits, if they are available and nobody waits in front.
    ///
    /// # Errors
    /// There will never be so many.
    #[inline]
    fn take(&self, count: u64) -> Result<Option<Permit<'_>>, WaitError> {
        let mut state = self.state.lock();
        self.must_exist(count, state.permits)?;
        if !state.queue.is_empty() || state.available < count {
            return Ok(None);
        }
        state.available -= count;
        Ok(Some(Permit {
            semaphore: self,
            count,
        }))
    }

    /// Of a budget: more than `permits` will never be available.
    #[inline]
    fn must_exist(&self, count: u64, permits: u64) -> Result<(), WaitError> {
        if self.kind == Kind::Counter || count <= permits {
            return Ok(());
        }
        Err(too_many(count, permits))
    }

    #[inline]
    pub(super) fn acquire_until(
        &self,
        count: u64,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<Permit<'_>, WaitError> {
        assert_outside();
        match self.take(count)? {
            Some(permit) => Ok(permit),
            None => self.wait_for(count, deadline, at),
        }
    }

    #[cold]
    #[inline(never)]
    fn wait_for(
        &self,
        count: u64,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<Permit<'_>, WaitError> {
        let since = now();
        let mut spot = None;
        let site = Site {
            verb: Verb::Acquire,
            object: Object::Made("a semaphore", self.made_at),
            at,
            on: On::Anyone,
        };
        let ended = wait(site, deadline, Heed::TaskUntold, |parker| {
            let mut state = self.state.lock();
            match spot {
                // Granted: whoever did it took the request out of the queue.
                Some(mine) => !state.queue.contains(mine),
                None if state.queue.is_empty() && state.available >= count => {
                    state.available -= count;
                    true
                }
                None => {
                    spot = Some(state.queue.push_back(Request {
                        wanted: count,
                        parker: parker.clone(),
                    }));
                    false
                }
            }
        });
        let gave_up = match &ended {
            Wait::Ready => {
                return Ok(Permit {
                    semaphore: self,
                    count,
                });
            }
            Wait::TimedOut => WaitError::timed_out(now().saturating_duration_since(since)),
            Wait::Cancelled(cancelled) => WaitError::cancelled(cancelled.clone()),
            Wait::Refused(refusal) => WaitError::refused(refusal.clone()),
        };
        let mut state = self.state.lock();
        match spot.and_then(|spot| state.queue.remove(spot)) {
            Some(_) => {
                self.grant(state, 0);
                tell_task(&ended);
                Err(gave_up)
            }
            None => Ok(Permit {
                semaphore: self,
                count,
            }),
        }
    }

    /// `count` permits will not come back by themselves.
    pub(super) fn forget(&self, count: u64) {
        let mut state = self.state.lock();
        match self.kind {
            Kind::Budget => state.forgotten += count,
            Kind::Counter => state.permits -= count,
        }
    }

    /// Gives `count` permits back.
    #[inline]
    pub(super) fn give_back(&self, count: u64) {
        let mut state = self.state.lock();
        if state.queue.is_empty() {
            state.available += count;
        } else {
            self.grant(state, count);
        }
    }

    /// Gives `count` permits back and grants what that makes possible.
    #[cold]
    fn grant(&self, mut state: crate::primitive::MutexGuard<'_, State>, count: u64) {
        state.available += count;
        let mut granted = Vec::new();
        while let Some((_, first)) = state.queue.front() {
            if first.wanted > state.available {
                break;
            }
            state.available -= first.wanted;
            granted.extend(state.queue.pop_front());
        }
        drop(state);
        granted.iter().for_each(|request| request.parker.unpark());
    }
}

#[cold]
fn too_many(count: u64, permits: u64) -> WaitError {
    let why = format!("{count} permits were asked for, and there are {permits}");
    WaitError::impossible(why)
}

impl Permit<'_> {
    /// How many permits this is.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Gives back all but `count`; nothing, if there are no more.
    pub fn shrink_to(&mut self, count: u64) {
        let back = self.count.saturating_sub(count);
        self.count -= back;
        self.semaphore.give_back(back);
    }

    /// Keeps the permits out until somebody calls [`Semaphore::release`]. Of a semaphore made with none, they are
    /// used up.
    pub fn forget(self) {
        self.semaphore.forget(self.count);
        std::mem::forget(self);
    }
}

impl Drop for Permit<'_> {
    #[inline]
    fn drop(&mut self) {
        self.semaphore.give_back(self.count);
    }
}
