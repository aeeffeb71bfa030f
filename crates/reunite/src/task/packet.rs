//! The result cell: where a task leaves its result, and where its one joiner finds it.
//!
//! # Protocol
//! 1. The state goes from pending (no bit) to `COMPLETE` (by the task, once) to `TAKEN` (by the joiner,
//!    once). The bits are set under one lock, so a joiner either finds the result or leaves its parker before
//!    the task completes. Reading if a bit is set needs no lock.
//! 2. The task takes the parker in the critical section that stores the result, and unparks after it.
//! 3. Callbacks obey the same rule: one added before completion is run by the completing task, one added
//!    after, at once. So none is lost and none runs twice.
//! 4. The packet is a part of the task, to which other threads may refer for longer than the result may live.
//!    So a result that is not taken is dropped when the handle is dropped. If the handle was dropped before
//!    the task completed, which `ABANDONED` records, the task drops the result before it leaves its group.
//!    The lock decides which of the two comes first.
//!
//! An error that was never taken is reported, when it is dropped, by the `Unjoined` beside it.
//!
//! Callbacks run after the result can be taken, because they may trigger taking it. Joiners do not wait for
//! callbacks, because these may do anything, such as waiting for a joiner. Callbacks run before the task
//! leaves its group.

use super::failures::FailureSlot;
use super::unjoined::Unjoined;
use crate::contain::contain;
use crate::park::Parker;
use crate::primitive::{AtomicU8, Mutex, MutexGuard, Ordering};

pub(crate) struct Packet<T, E> {
    /// The bits below. They are set under the lock, and never cleared.
    state: AtomicU8,
    inner: Mutex<PacketState<T, E>>,
}

/// The result was stored.
const COMPLETE: u8 = 1;
/// The result was taken or dropped.
const TAKEN: u8 = 2;
/// The handle was dropped before the result was stored.
const ABANDONED: u8 = 4;

struct PacketState<T, E> {
    left: Option<StoredResult<T, E>>,
    joiner: Option<Parker>,
    callbacks: Vec<Callback>,
}

/// A result that a task stored.
struct StoredResult<T, E> {
    result: Result<T, FailureSlot<E>>,
    /// Reports an error if it is never taken.
    unjoined: Option<Unjoined>,
}

pub(crate) type Callback = Box<dyn FnOnce() + Send>;

/// The state of the packet as a joiner finds it.
pub(crate) enum JoinPoll<T, E> {
    Pending,
    Result(Result<T, FailureSlot<E>>),
    /// The result was taken before.
    Nothing,
}

impl<T, E> Packet<T, E> {
    #[inline]
    pub(crate) fn new() -> Self {
        Self {
            state: AtomicU8::new(0),
            inner: Mutex::new(PacketState {
                left: None,
                joiner: None,
                callbacks: Vec::new(),
            }),
        }
    }

    /// Stores the result, wakes the joiner and runs the callbacks. Called once. `unjoined` reports the result
    /// if it is never taken.
    pub(crate) fn complete(&self, result: Result<T, FailureSlot<E>>, unjoined: Option<Unjoined>) {
        let mut inner = self.inner.lock();
        inner.left = Some(StoredResult { result, unjoined });
        self.set(COMPLETE, &inner);
        let joiner = inner.joiner.take();
        let callbacks = std::mem::take(&mut inner.callbacks);
        drop(inner);
        if let Some(joiner) = joiner {
            joiner.unpark();
        }
        for callback in callbacks {
            contain(callback);
        }
    }

    /// Sets a bit. The caller has the lock.
    fn set(&self, bit: u8, _: &MutexGuard<'_, PacketState<T, E>>) {
        let state = self.state.load(Ordering::Relaxed);
        self.state.store(state | bit, Ordering::Release);
    }

    fn has(&self, bits: u8) -> bool {
        self.state.load(Ordering::Acquire) & bits != 0
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.has(COMPLETE)
    }

    /// Returns true if the task has completed; otherwise stores `parker`, which is unparked on completion.
    /// This is the condition that is given to `wait`.
    pub(crate) fn is_complete_or_wake(&self, parker: &Parker) -> bool {
        if self.is_complete() {
            return true;
        }
        let mut inner = self.inner.lock();
        let complete = self.is_complete();
        if !complete {
            inner.joiner = Some(parker.clone());
        }
        complete
    }

    pub(crate) fn take(&self) -> JoinPoll<T, E> {
        if !self.is_complete() {
            return JoinPoll::Pending;
        }
        let Some(StoredResult { result, unjoined }) = self.take_left() else {
            return JoinPoll::Nothing;
        };
        if let Some(unjoined) = unjoined {
            unjoined.take();
        }
        JoinPoll::Result(result)
    }

    /// Takes the result of a packet that is complete, if it was not taken before.
    fn take_left(&self) -> Option<StoredResult<T, E>> {
        if self.has(TAKEN) {
            return None;
        }
        let mut inner = self.inner.lock();
        let left = inner.left.take();
        self.set(TAKEN, &inner);
        left
    }

    /// Returns true if the task has completed. If so, drops the result on this thread, unless it was taken.
    pub(super) fn discard(&self) -> bool {
        let is_complete = self.is_complete();
        if is_complete {
            drop(self.take_left());
        }
        is_complete
    }

    /// Records that the handle was dropped, and drops the result if it is stored already.
    pub(super) fn abandon(&self) {
        if self.has(TAKEN) {
            return;
        }
        let mut inner = self.inner.lock();
        let left = inner.left.take();
        let bit = if self.is_complete() { TAKEN } else { ABANDONED };
        self.set(bit, &inner);
        drop(inner);
        drop(left);
    }

    /// Drops the result of a task that has completed, if its handle was dropped before.
    pub(super) fn discard_if_abandoned(&self) {
        if self.has(ABANDONED) {
            drop(self.take_left());
        }
    }

    pub(crate) fn on_complete(&self, callback: Callback) {
        let mut inner = self.inner.lock();
        if !self.is_complete() {
            inner.callbacks.push(callback);
            return;
        }
        drop(inner);
        contain(callback);
    }
}
