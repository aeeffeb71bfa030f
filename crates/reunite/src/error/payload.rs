//! What a task unwinds with that is left, where that cannot be returned as a value.

use std::any::Any;
use std::panic::resume_unwind;

use super::{Cancelled, CutShort, Deadlock, RecvError, Refusal, WaitError};
use crate::unwind::{Mark, leave};

/// What a task unwinds with of which a wait was refused. (With a cancellation it unwinds as that.)
struct Refused {
    refusal: Refusal,
    mark: Option<Mark>,
}

impl CutShort {
    /// Unwinds with it, without a word of the panic hook.
    pub(crate) fn unwind(self) -> ! {
        match self {
            Self::Cancelled(mut cancelled) => leave(|mark| {
                *cancelled.mark() = Some(mark);
                cancelled
            }),
            Self::Refused(refusal) => leave(|mark| Refused {
                refusal,
                mark: Some(mark),
            }),
        }
    }

    /// What it would unwind with.
    pub(crate) fn into_payload(self) -> Box<dyn Any + Send> {
        match self {
            Self::Cancelled(cancelled) => Box::new(cancelled),
            Self::Refused(refusal) => Box::new(Refused {
                refusal,
                mark: None,
            }),
        }
    }

    /// Tells a task that leaves from one that panics: by its payload, which is one of the library's errors.
    ///
    /// # Errors
    /// Gives the payload of a panic back.
    pub(crate) fn from_payload(payload: Box<dyn Any + Send>) -> Result<Self, Box<dyn Any + Send>> {
        // Copies, as the payload is to go: nobody leaves with it any more.
        Self::of_payload(&*payload).ok_or(payload)
    }

    /// Why a task leaves that unwinds with this, if it does not panic.
    pub(crate) fn of_payload(payload: &(dyn Any + Send)) -> Option<Self> {
        if let Some(cancelled) = payload.downcast_ref::<Cancelled>() {
            Some(Self::Cancelled(cancelled.clone()))
        } else if let Some(refused) = payload.downcast_ref::<Refused>() {
            Some(Self::Refused(refused.refusal.clone()))
        } else if let Some(error) = payload.downcast_ref::<WaitError>() {
            error.cut_short()
        } else if let Some(error) = payload.downcast_ref::<RecvError>() {
            error.cut_short()
        } else {
            let deadlock = payload.downcast_ref::<Deadlock>();
            deadlock.map(|deadlock| Self::Refused(Refusal::Deadlock(deadlock.clone())))
        }
    }
}

/// Goes on unwinding with a payload that was caught, be it on another thread.
pub(crate) fn resume(mut payload: Box<dyn Any + Send>) -> ! {
    let mark = if let Some(cancelled) = payload.downcast_mut::<Cancelled>() {
        Some(cancelled.mark())
    } else {
        let refused = payload.downcast_mut::<Refused>();
        refused.map(|refused| &mut refused.mark)
    };
    if let Some(mark) = mark {
        mark.get_or_insert_with(Mark::new).raise();
    }
    resume_unwind(payload)
}
