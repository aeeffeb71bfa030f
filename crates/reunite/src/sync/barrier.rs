//! A point that a number of tasks must reach before any of them goes on.
//!
//! # Protocol
//! A task that arrives is listed under the lock. The last one to arrive begins the next round and empties the list in
//! one critical section, and then unparks the others. A waiter goes on when the round has changed. A waiter that gives
//! up before that removes itself from the list.

use std::panic::Location;

use crate::deadline;
use crate::deadlock::{WaitObject, WaitSite, WaitsOn};
use crate::error::WaitError;
use crate::observe::Verb;
use crate::park::Parker;
use crate::primitive::{Duration, Instant, Mutex, now};
use crate::wait::{Heed, WaitOutcome, tell_task, wait};
use crate::wait_queue::WaitQueue;

/// A point at which a number of tasks wait for each other. When all have arrived, all go on, and the barrier can
/// be used again.
///
/// To wait only for the ends of tasks, use a [`scope`](crate::scope()).
///
/// ```
/// use reunite::sync::Barrier;
/// let barrier = Barrier::new(3);
/// let leaders = reunite::scope(|s| {
///     let tasks: Vec<_> = (0..3).map(|_| s.spawn(|| barrier.wait().unwrap())).collect();
///     tasks.into_iter().map(|task| task.join().unwrap()).filter(|led| *led).count()
/// });
/// assert_eq!(leaders, 1);
/// ```
#[derive(Debug)]
pub struct Barrier {
    parties: usize,
    made_at: &'static Location<'static>,
    state: Mutex<BarrierState>,
}

#[derive(Debug, Default)]
struct BarrierState {
    round: u64,
    arrived: WaitQueue<Parker>,
}

impl Barrier {
    /// Makes a barrier for `parties` tasks (0 counts as 1).
    #[track_caller]
    pub const fn new(parties: usize) -> Self {
        Self {
            parties,
            made_at: Location::caller(),
            state: Mutex::new(BarrierState {
                round: 0,
                arrived: WaitQueue::new(),
            }),
        }
    }

    /// Waits until all tasks have arrived. Returns true in one of them, the last to arrive, and false in the others.
    ///
    /// # Errors
    /// The current task was cancelled, or the wait was [refused](crate::sync). Then this task does not count as
    /// arrived any more, and the others keep waiting.
    #[track_caller]
    pub fn wait(&self) -> Result<bool, WaitError> {
        self.wait_until(None, Location::caller())
    }

    /// Does what [`wait`](Self::wait) does, but waits at most `timeout`.
    ///
    /// # Errors
    /// The errors of [`wait`](Self::wait), or the time ran out.
    #[track_caller]
    pub fn wait_timeout(&self, timeout: Duration) -> Result<bool, WaitError> {
        self.wait_until(deadline::after(timeout), Location::caller())
    }

    /// Does what [`wait`](Self::wait) does, but waits at most until `deadline`.
    ///
    /// # Errors
    /// The errors of [`wait`](Self::wait), or the time ran out.
    #[track_caller]
    pub fn wait_deadline(&self, deadline: Instant) -> Result<bool, WaitError> {
        self.wait_until(Some(deadline), Location::caller())
    }

    fn wait_until(
        &self,
        deadline: Option<Instant>,
        at: &'static Location<'static>,
    ) -> Result<bool, WaitError> {
        let (round, spot) = {
            let mut state = self.state.lock();
            if state.arrived.len() + 1 >= self.parties {
                state.round += 1;
                let others = state.arrived.take_all();
                drop(state);
                others.for_each(|other| other.unpark());
                return Ok(true);
            }
            let spot = state.arrived.push_back(Parker::current());
            (state.round, spot)
        };
        let since = now();
        let site = WaitSite {
            verb: Verb::Wait,
            object: WaitObject::Made("a barrier", self.made_at),
            at,
            on: WaitsOn::Anyone,
        };
        let over = |_: &Parker| self.state.lock().round != round;
        let ended = wait(site, deadline, Heed::TaskUntold, over);
        let gave_up = match &ended {
            WaitOutcome::Ready => return Ok(false),
            WaitOutcome::TimedOut => WaitError::timed_out(now().saturating_duration_since(since)),
            WaitOutcome::Cancelled(cancelled) => WaitError::cancelled(cancelled.clone()),
            WaitOutcome::Refused(refusal) => WaitError::refused(refusal.clone()),
        };
        let mut state = self.state.lock();
        if state.round != round {
            return Ok(false);
        }
        let _arrived = state.arrived.remove(spot);
        tell_task(&ended);
        Err(gave_up)
    }
}
