//! The result cell: where a task leaves what it completed with, and where its one joiner finds it.
//!
//! # Protocol
//! `Pending` → `Complete` (by the task, once) → `Taken` (by the joiner, once). All under one lock, so a
//! joiner either finds the result or leaves its parker before the task completes; the task takes the
//! parker in the critical section that stores the result and unparks after it. Callbacks obey the same
//! rule: one added before completion is run by the completing task, one added after, at once. So nothing
//! is lost and nothing runs twice.
//!
//! An error that is dropped with the packet, as nobody took it, is told by the `Unjoined` beside it.
//!
//! Callbacks run after the result can be taken, because they tell others to take it; and joiners do not wait for them,
//! because they may do anything, such as waiting for a joiner. They run before the task leaves its group.

use super::failures::Slot;
use super::unjoined::Unjoined;
use crate::contain::contain;
use crate::park::Parker;
use crate::primitive::Mutex;

pub(crate) struct Packet<T, E>(Mutex<Inner<T, E>>);

struct Inner<T, E> {
    state: State<T, E>,
    joiner: Option<Parker>,
    callbacks: Vec<Callback>,
}

enum State<T, E> {
    Pending,
    Complete(Result<T, Slot<E>>, Option<Unjoined>),
    Taken,
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
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Inner {
            state: State::Pending,
            joiner: None,
            callbacks: Vec::new(),
        }))
    }

    /// Stores the result, wakes the joiner, runs the callbacks. Call once. `unjoined` is told if nobody takes it.
    pub(crate) fn complete(&self, result: Result<T, Slot<E>>, unjoined: Option<Unjoined>) {
        let mut inner = self.0.lock();
        inner.state = State::Complete(result, unjoined);
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

    pub(crate) fn is_complete(&self) -> bool {
        !matches!(self.0.lock().state, State::Pending)
    }

    /// The wait's question: true if complete, else `parker` is unparked on completion.
    pub(crate) fn is_complete_or_wake(&self, parker: &Parker) -> bool {
        let mut inner = self.0.lock();
        let complete = !matches!(inner.state, State::Pending);
        if !complete {
            inner.joiner = Some(parker.clone());
        }
        complete
    }

    pub(crate) fn take(&self) -> Found<T, E> {
        let mut inner = self.0.lock();
        match std::mem::replace(&mut inner.state, State::Taken) {
            State::Pending => {
                inner.state = State::Pending;
                Found::Pending
            }
            State::Complete(result, unjoined) => {
                if let Some(unjoined) = unjoined {
                    unjoined.take();
                }
                Found::Result(result)
            }
            State::Taken => Found::Nothing,
        }
    }

    /// Drops the result, if there is one, on this thread: nobody will take it.
    pub(crate) fn discard(&self) {
        let mut inner = self.0.lock();
        if matches!(inner.state, State::Complete(..)) {
            let untaken = std::mem::replace(&mut inner.state, State::Taken);
            drop(inner);
            drop(untaken);
        }
    }

    pub(crate) fn on_complete(&self, callback: Callback) {
        let mut inner = self.0.lock();
        if matches!(inner.state, State::Pending) {
            inner.callbacks.push(callback);
            return;
        }
        drop(inner);
        contain(callback);
    }
}
