//! Threads that wait for the same thing, in the order in which they came.

use super::lock::Lock;
use crate::park::Parker;
use crate::primitive::{AtomicUsize, Ordering};
use crate::wait_queue::{Spot, WaitQueue};

/// The spots of a waiting thread at a channel: in a list of [`Waiters`], and in a queue. It has both only if the channel
/// became a queue while the thread waited.
#[derive(Default)]
pub(super) struct WaitSpots {
    pub(super) in_list: Option<Spot>,
    pub(super) in_queue: Option<Spot>,
}

pub(super) struct Waiters {
    /// The number of listed threads. Changed only under the lock, read without it.
    count: AtomicUsize,
    listed: Lock<WaitQueue<Parker>>,
}

impl Waiters {
    pub(super) fn new() -> Self {
        Self {
            count: AtomicUsize::new(0),
            listed: Lock::new(WaitQueue::new()),
        }
    }

    fn change<R>(&self, change: impl FnOnce(&mut WaitQueue<Parker>) -> R) -> R {
        let mut listed = self.listed.lock();
        let changed = change(&mut listed);
        self.count.store(listed.len(), Ordering::SeqCst);
        changed
    }

    /// Lists a thread, unless it is still listed at its `spot` from before.
    pub(super) fn list(&self, parker: &Parker, spot: &mut Option<Spot>) {
        self.change(|listed| {
            if !spot.is_some_and(|spot| listed.contains(spot)) {
                *spot = Some(listed.push_back(parker.clone()));
            }
        });
    }

    /// Removes the thread that was listed at this spot. Returns false if it was not listed any more, because it was
    /// woken.
    pub(super) fn remove(&self, spot: Spot) -> bool {
        self.change(|listed| listed.remove(spot)).is_some()
    }

    /// Wakes the first thread, and removes it from the list.
    #[inline]
    pub(super) fn wake_one(&self) {
        if self.count.load(Ordering::SeqCst) > 0 {
            self.wake_first();
        }
    }

    #[cold]
    fn wake_first(&self) {
        if let Some(first) = self.change(WaitQueue::pop_front) {
            first.unpark();
        }
    }

    pub(super) fn wake_all(&self) {
        let all = self.change(WaitQueue::take_all);
        all.for_each(|waiter| waiter.unpark());
    }
}
