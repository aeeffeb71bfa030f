//! The failures of one scope, each until its joiner or the scope's end takes it.

use crate::error::{Failure, JoinError};
use crate::id::Label;
use crate::primitive::{Arc, Mutex};

/// One failure, shared by the packet and the group: whoever takes it first has it.
pub(crate) type Slot<E> = Arc<Mutex<Option<JoinError<E>>>>;

pub(crate) struct Failures<E>(Mutex<List<E>>);

struct List<E> {
    slots: Vec<Slot<E>>,
    next: u64,
    cancelled: usize,
}

impl<E> Failures<E> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(List {
            slots: Vec::new(),
            next: 0,
            cancelled: 0,
        }))
    }

    /// Records how a task failed, before anyone is told. The order of calls is the order of failures.
    pub(crate) fn record(&self, task: Label, failure: Failure<E>, after_cancel: bool) -> Slot<E> {
        let mut list = self.0.lock();
        let order = list.next;
        list.next += 1;
        let error = JoinError::completed(task, failure, order, after_cancel);
        let is_cancelled = error.is_cancelled();
        let slot = Arc::new(Mutex::new(Some(error)));
        if is_cancelled {
            list.cancelled += 1;
        } else {
            list.slots.push(Arc::clone(&slot));
        }
        slot
    }

    /// A failure of the scope's body, which nobody else can claim.
    pub(crate) fn order(&self) -> u64 {
        let mut list = self.0.lock();
        list.next += 1;
        list.next - 1
    }

    /// Takes the failures that no join took, and the number of tasks that completed cancelled.
    pub(crate) fn take_unclaimed(&self) -> (Vec<JoinError<E>>, usize) {
        let list = self.0.lock();
        let unclaimed = list
            .slots
            .iter()
            .filter_map(|slot| slot.lock().take())
            .collect();
        (unclaimed, list.cancelled)
    }
}
