//! Threads that certainly wait: the cost of an operation must not depend on how many of them came early enough.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reunite::{on_stall, scope, stall_after};

/// Longer than a wait lasts before it enters the search for deadlocks, if that is on.
const LONG: Duration = Duration::from_millis(5);

/// The sender that is notified of long waits.
static TOLD: Mutex<Option<Sender<()>>> = Mutex::new(None);

/// Counts the waits that last, until it is dropped.
pub(crate) struct Lasting(Receiver<()>);

impl Lasting {
    pub(crate) fn begin() -> Self {
        let (tell, told) = mpsc::channel();
        *TOLD.lock().unwrap_or_else(PoisonError::into_inner) = Some(tell);
        on_stall(|_| {
            let told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
            // There is a receiver that counts, or there is none any more.
            let _nobody = told.as_ref().map(|told| told.send(()));
        });
        stall_after(LONG);
        Self(told)
    }

    /// Returns when `count` waits have lasted; from then on none is counted.
    pub(crate) fn until(&self, count: usize) {
        (0..count).for_each(|_| self.0.recv().expect("the sender is kept"));
        stall_after(None);
    }
}

/// Runs `wait` on `size` threads, and `release` once all wait.
pub(crate) fn all_wait(size: usize, wait: impl Fn() + Sync, release: impl FnOnce()) {
    let lasting = Lasting::begin();
    scope(|s| {
        for _ in 0..size {
            s.spawn(&wait);
        }
        lasting.until(size);
        release();
    });
}
