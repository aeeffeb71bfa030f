//! The result cell: where a task leaves what it completed with, and where its one joiner finds it.
//!
//! # Protocol
//! Pending → `COMPLETE` (by the task, once) → `TAKEN` (by the joiner, once). The bits are set under one lock, so a
//! joiner either finds the result or leaves its parker before the task completes; who finds a bit set, or wants to know no more
//! than whether it is, needs no lock. The task takes the
//! parker in the critical section that stores the result and unparks after it. Callbacks obey the same
//! rule: one added before completion is run by the completing task, one added after, at once. So nothing
//! is lost and nothing runs twice.
//!
//! An error that is dropped with the packet, as nobody took it, is told by the `Unjoined` beside it.
//!
//! The packet is a part of the task, which others may refer to for longer than its result may live. So a result that is not taken is dropped
//! by the handle when that goes; or, if the handle has gone before, which it says by `ABANDONED`, by the task, before it leaves its group. The
//! lock decides which of the two comes first.
//!
//! Callbacks run after the result can be taken, because they tell others to take it; and joiners do not wait for them,
//! because they may do anything, such as waiting for a joiner. They run before the task leaves its group.

use super::failures::Slot;
use super::unjoined::Unjoined;
use crate::contain::contain;
use crate::park::Parker;
use crate::primitive::{AtomicU8, Mutex, MutexGuard, Ordering};

pub(crate) struct Packet<T, E> {
    /// What has happened, see above. Bits are set under the lock, and never cleared.
    state: AtomicU8,
    inner: Mutex<Inner<T, E>>,
}

/// The result was stored: once.
const COMPLETE: u8 = 1;
/// The result is gone again.
const TAKEN: u8 = 2;
/// The handle is gone, and was before the result came.
const ABANDONED: u8 = 4;

struct Inner<T, E> {
    left: Option<Left<T, E>>,
    joiner: Option<Parker>,
    callbacks: Vec<Callback>,
}

/// What a task left.
struct Left<T, E> {
    result: Result<T, Slot<E>>,
    /// Told if nobody takes that.
    unjoined: Option<Unjoined>,
}

pub(crate) type Callback = Box<dyn FnOnce() + Send>;

/// What a joiner finds.
pub(crate) enum Found<T, E> {
    Pending,
    Result(Result<T, Slot<E>>),
    /// Somebody took it before.
    Nothing,
}

impl<T, E> Packet<T, E> {
    #[inline]
    pub(crate) fn new() -> Self {
        Self {
            state: AtomicU8::new(0),
            inner: Mutex::new(Inner {
                left: None,
                joiner: None,
                callbacks: Vec::new(),
            }),
        }
    }

    /// Stores the result, wakes the joiner, runs the callbacks. Call once. `unjoined` is told if nobody takes it.
    pub(crate) fn complete(&self, result: Result<T, Slot<E>>, unjoined: Option<Unjoined>) {
        let mut inner = self.inner.lock();
        inner.left = Some(Left { result, unjoined });
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

    /// The caller has the lock.
    fn set(&self, bit: u8, _: &MutexGuard<'_, Inner<T, E>>) {
        let state = self.state.load(Ordering::Relaxed);
        self.state.store(state | bit, Ordering::Release);
    }

    fn has(&self, bits: u8) -> bool {
        self.state.load(Ordering::Acquire) & bits != 0
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.has(COMPLETE)
    }

    /// The wait's question: true if complete, else `parker` is unparked on completion.
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

    pub(crate) fn take(&self) -> Found<T, E> {
        if !self.is_complete() {
            return Found::Pending;
        }
        let Some(Left { result, unjoined }) = self.take_left() else {
            return Found::Nothing;
        };
        if let Some(unjoined) = unjoined {
            unjoined.take();
        }
        Found::Result(result)
    }

    /// Of a packet that is complete.
    fn take_left(&self) -> Option<Left<T, E>> {
        if self.has(TAKEN) {
            return None;
        }
        let mut inner = self.inner.lock();
        let left = inner.left.take();
        self.set(TAKEN, &inner);
        left
    }

    /// Whether it is complete: then drops the result, if it is there, on this thread: nobody will take it.
    pub(super) fn discard(&self) -> bool {
        let is_complete = self.is_complete();
        if is_complete {
            drop(self.take_left());
        }
        is_complete
    }

    /// The handle goes.
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

    /// The task has completed, and nobody takes the result if its handle is gone.
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
