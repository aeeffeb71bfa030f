//! A counting semaphore.
//!
//! # Protocol
//! First come, first served, whatever the sizes: small requests cannot overtake a large one for ever. The permits
//! available and the queue of requests are under one lock. A request is granted by the thread that releases permits,
//! or removes the request in front, in the same critical section: it subtracts the permits and removes the request
//! from the queue, and then unparks the waiter. A waiter that gives up checks once more under the lock whether its
//! request was granted; if so, it succeeds.
//!
//! A semaphore made with permits is a *budget*: their number never grows. A request for more permits than that fails
//! at once, and so does a release of more permits than were forgotten. A semaphore made with 0 permits is a *counter*:
//! a release adds permits, a forgotten permit is used up, and a request waits until enough permits were released.

use std::panic::Location;

use crate::contain::assert_outside;
use crate::deadline;
use crate::deadlock::{WaitObject, WaitSite, WaitsOn};
use crate::error::WaitError;
use crate::observe::Verb;
use crate::park::Parker;
use crate::primitive::{Duration, Instant, Mutex, now};
use crate::quantity::quantity;
use crate::wait::{Heed, WaitOutcome, tell_task, wait};
use crate::wait_queue::WaitQueue;

/// A number of permits, handed out in the order in which they were requested.
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
/// A semaphore made with 0 permits counts what other tasks [release](Self::release):
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
    kind: SemaphoreKind,
    made_at: &'static Location<'static>,
    state: Mutex<SemaphoreState>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SemaphoreKind {
    /// A fixed number of permits.
    Budget,
    /// As many permits as are released.
    Counter,
}

#[derive(Debug, Default)]
struct SemaphoreState {
    /// All permits: available, held, or forgotten.
    permits: u64,
    available: u64,
    /// The forgotten permits of a budget: unavailable until they are released.
    forgotten: u64,
    queue: WaitQueue<PermitRequest>,
}

#[derive(Debug)]
struct PermitRequest {
    wanted: u64,
    parker: Parker,
}

/// Permits of a [`Semaphore`]. Dropping this gives the permits back.
#[must_use = "the permits are given back when this is dropped"]
#[derive(Debug)]
pub struct Permit<'a> {
    semaphore: &'a Semaphore,
    count: u64,
}

impl Semaphore {
    /// Makes a semaphore with this many permits, all available. Their number is fixed, unless it is 0: then
    /// [`release`](Self::release) adds permits.
    #[track_caller]
    pub fn new(permits: u64) -> Self {
        Self {
            kind: match permits {
                0 => SemaphoreKind::Counter,
                _ => SemaphoreKind::Budget,
            },
            made_at: Location::caller(),
            state: Mutex::new(SemaphoreState {
                permits,
                available: permits,
                ..SemaphoreState::default()
            }),
        }
    }

    /// The number of permits that are available at this moment.
    pub fn available(&self) -> u64 {
        self.state.lock().available
    }

    /// The number of all permits, available or not. For a semaphore made with 0 permits: the number of permits that
    /// were released and not forgotten.
    pub fn permits(&self) -> u64 {
        self.state.lock().permits
    }

    /// Acquires one permit. Waits until it is available.
    ///
    /// # Errors
    /// The current task was cancelled, or the wait was [refused](crate::sync).
    ///
    /// ```
    /// let seats = reunite::sync::Semaphore::new(2);
    /// let seat = seats.acquire().unwrap();
    /// assert_eq!(seats.available(), 1);
    /// drop(seat);
    /// assert_eq!(seats.available(), 2);
    /// ```
    #[track_caller]
    pub fn acquire(&self) -> Result<Permit<'_>, WaitError> {
        self.acquire_until(1, None, Location::caller())
    }

    /// Acquires `count` permits together. Waits until all of them are available.
    ///
    /// # Errors
    /// The current task was cancelled; the wait was [refused](crate::sync); or the semaphore was made with fewer than
    /// `count` permits, but not with 0 ([`is_refused`](WaitError::is_refused), at once).
    #[track_caller]
    pub fn acquire_many(&self, count: u64) -> Result<Permit<'_>, WaitError> {
        self.acquire_until(count, None, Location::caller())
    }

    /// Does what [`acquire_many`](Self::acquire_many) does, but waits at most `timeout`.
    ///
    /// # Errors
    /// The errors of [`acquire_many`](Self::acquire_many), or the time ran out.
    #[track_caller]
    pub fn acquire_many_timeout(
        &self,
        count: u64,
        timeout: Duration,
    ) -> Result<Permit<'_>, WaitError> {
        self.acquire_until(count, deadline::after(timeout), Location::caller())
    }

    /// Does what [`acquire_many`](Self::acquire_many) does, but waits at most until `deadline`.
    ///
    /// # Errors
    /// The errors of [`acquire_many`](Self::acquire_many), or the time ran out.
    #[track_caller]
    pub fn acquire_many_deadline(
        &self,
        count: u64,
        deadline: Instant,
    ) -> Result<Permit<'_>, WaitError> {
        self.acquire_until(count, Some(deadline), Location::caller())
    }

    /// Does what [`acquire`](Self::acquire) does, but waits at most `timeout`.
    ///
    /// # Errors
    /// The errors of [`acquire`](Self::acquire), or the time ran out.
    ///
    /// ```
    /// let seats = reunite::sync::Semaphore::new(1);
    /// let _seat = seats.acquire().unwrap();
    /// let error = seats.acquire_timeout(std::time::Duration::from_millis(1)).unwrap_err();
    /// assert!(error.is_timeout());
    /// ```
    #[track_caller]
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<Permit<'_>, WaitError> {
        self.acquire_until(1, deadline::after(timeout), Location::caller())
    }

    /// Does what [`acquire`](Self::acquire) does, but waits at most until `deadline`.
    ///
    /// # Errors
    /// The errors of [`acquire`](Self::acquire), or the time ran out.
    #[track_caller]
    pub fn acquire_deadline(&self, deadline: Instant) -> Result<Permit<'_>, WaitError> {
        self.acquire_until(1, Some(deadline), Location::caller())
    }

    /// Gives back `count` permits that were [forgotten](Permit::forget). If the semaphore was made with 0 permits,
    /// adds `count` permits instead.
    ///
    /// # Errors
    /// Fewer than `count` permits are forgotten (permits that are held are given back when they are dropped). Or, if
    /// the semaphore was made with 0 permits: it would have more than `u64::MAX`. Nothing is released then.
    ///
    /// ```
    /// let seats = reunite::sync::Semaphore::new(2);
    /// seats.acquire().unwrap().forget(); // to be given back by hand
    /// seats.release(1).unwrap();
    /// assert!(seats.release(1).is_err());
    /// ```
    pub fn release(&self, count: u64) -> Result<(), WaitError> {
        let mut state = self.state.lock();
        match self.kind {
            SemaphoreKind::Budget => {
                let forgotten = state.forgotten;
                let Some(left) = forgotten.checked_sub(count) else {
                    let permits = quantity(count, "permit");
                    let why = format!("cannot release {permits}: forgotten permits: {forgotten}");
                    return Err(WaitError::impossible(why));
                };
                state.forgotten = left;
            }
            SemaphoreKind::Counter => {
                let permits = state.permits;
                let Some(sum) = permits.checked_add(count) else {
                    let added = quantity(count, "permit");
                    let why = format!("cannot add {added} to {permits}: too many");
                    return Err(WaitError::impossible(why));
                };
                state.permits = sum;
            }
        }
        self.grant(state, count);
        Ok(())
    }

    /// Acquires one permit if it is available and no task waits in front. Does not wait.
    ///
    /// # Errors
    /// No permit is available, or a task waits in front ([`is_busy`](WaitError::is_busy)).
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

    /// Acquires `count` permits if they are available and no task waits in front. Does not wait.
    ///
    /// # Errors
    /// The permits are not available, or a task waits in front ([`is_busy`](WaitError::is_busy)); or the semaphore was
    /// made with fewer than `count` permits, but not with 0 ([`is_refused`](WaitError::is_refused)).
    pub fn try_acquire_many(&self, count: u64) -> Result<Permit<'_>, WaitError> {
        self.take(count)?.ok_or_else(WaitError::busy)
    }

    /// Acquires `count` permits if they are available and no task waits in front.
    ///
    /// # Errors
    /// There will never be so many permits.
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

    /// Checks that a budget has `count` permits: more than `permits` will never be available.
    #[inline]
    fn must_exist(&self, count: u64, permits: u64) -> Result<(), WaitError> {
        if self.kind == SemaphoreKind::Counter || count <= permits {
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
        let site = WaitSite {
            verb: Verb::Acquire,
            object: WaitObject::Made("a semaphore", self.made_at),
            at,
            on: WaitsOn::Anyone,
        };
        let ended = wait(site, deadline, Heed::TaskUntold, |parker| {
            let mut state = self.state.lock();
            match spot {
                // The thread that grants the request removes it from the queue.
                Some(mine) => !state.queue.contains(mine),
                None if state.queue.is_empty() && state.available >= count => {
                    state.available -= count;
                    true
                }
                None => {
                    spot = Some(state.queue.push_back(PermitRequest {
                        wanted: count,
                        parker: parker.clone(),
                    }));
                    false
                }
            }
        });
        let gave_up = match &ended {
            WaitOutcome::Ready => {
                return Ok(Permit {
                    semaphore: self,
                    count,
                });
            }
            WaitOutcome::TimedOut => WaitError::timed_out(now().saturating_duration_since(since)),
            WaitOutcome::Cancelled(cancelled) => WaitError::cancelled(cancelled.clone()),
            WaitOutcome::Refused(refusal) => WaitError::refused(refusal.clone()),
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

    /// Records that `count` permits will not be given back by a drop.
    pub(super) fn forget(&self, count: u64) {
        let mut state = self.state.lock();
        match self.kind {
            SemaphoreKind::Budget => state.forgotten += count,
            SemaphoreKind::Counter => state.permits -= count,
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

    /// Gives `count` permits back and grants the requests that this makes possible.
    #[cold]
    fn grant(&self, mut state: crate::primitive::MutexGuard<'_, SemaphoreState>, count: u64) {
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
    let wanted = quantity(count, "permit");
    let why = format!("cannot acquire {wanted}: the semaphore has {permits}");
    WaitError::impossible(why)
}

impl Permit<'_> {
    /// The number of permits.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Gives back all permits except `count`. Does nothing if this holds no more than `count`.
    ///
    /// ```
    /// let memory = reunite::sync::Semaphore::new(100);
    /// let mut permit = memory.acquire_many(60).unwrap();
    /// permit.shrink_to(5);
    /// assert_eq!((permit.count(), memory.available()), (5, 95));
    /// ```
    pub fn shrink_to(&mut self, count: u64) {
        let back = self.count.saturating_sub(count);
        self.count -= back;
        self.semaphore.give_back(back);
    }

    /// Consumes this without giving the permits back. They stay unavailable until [`Semaphore::release`] gives them
    /// back. If the semaphore was made with 0 permits, they are used up.
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
