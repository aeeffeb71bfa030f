//! Threads that wait for the same, in the order in which they came.

use std::collections::VecDeque;

use super::lock::Lock;
use crate::park::Parker;
use crate::primitive::{AtomicUsize, Ordering};

pub(super) struct Waiters {
    /// How many are listed, to be read without the lock: changed only under it.
    count: AtomicUsize,
    listed: Lock<VecDeque<Parker>>,
}

impl Waiters {
    pub(super) fn new() -> Self {
        Self {
            count: AtomicUsize::new(0),
            listed: Lock::new(VecDeque::new()),
        }
    }

    fn change<R>(&self, change: impl FnOnce(&mut VecDeque<Parker>) -> R) -> R {
        let mut listed = self.listed.lock();
        let changed = change(&mut listed);
        self.count.store(listed.len(), Ordering::SeqCst);
        changed
    }

    /// Lists a thread, once.
    pub(super) fn list(&self, parker: &Parker) {
        self.change(|listed| {
            if !listed.iter().any(|other| other.is_same(parker)) {
                listed.push_back(parker.clone());
            }
        });
    }

    /// Strikes a thread off. False if it was not listed any more, because it was woken.
    pub(super) fn strike(&self, parker: &Parker) -> bool {
        self.change(|listed| {
            let at = listed.iter().position(|other| other.is_same(parker));
            at.and_then(|at| listed.remove(at)).is_some()
        })
    }

    /// Wakes the first, and strikes it off.
    #[inline]
    pub(super) fn wake_one(&self) {
        if self.count.load(Ordering::SeqCst) > 0 {
            self.wake_first();
        }
    }

    #[cold]
    fn wake_first(&self) {
        if let Some(first) = self.change(VecDeque::pop_front) {
            first.unpark();
        }
    }

    pub(super) fn wake_all(&self) {
        let all = self.change(std::mem::take);
        all.iter().for_each(Parker::unpark);
    }
}
