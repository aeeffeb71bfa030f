//! The payloads with which a task unwinds when it leaves.

use std::any::Any;
use std::panic::resume_unwind;

use super::{Cancelled, CutShort, Deadlock, RecvError, Refusal, WaitError};
use crate::unwind::{UnwindMark, leave};

/// The payload of a task that leaves because a wait was refused. (A cancelled task unwinds with its `Cancelled`.)
struct Refused {
    refusal: Refusal,
    mark: Option<UnwindMark>,
}

impl CutShort {
    /// Unwinds with this reason, without calling the panic hook.
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

    /// The payload with which [`unwind`](Self::unwind) would unwind.
    pub(crate) fn into_payload(self) -> Box<dyn Any + Send> {
        match self {
            Self::Cancelled(cancelled) => Box::new(cancelled),
            Self::Refused(refusal) => Box::new(Refused {
                refusal,
                mark: None,
            }),
        }
    }

    /// Distinguishes a task that leaves from one that panics by its payload: a task leaves with one of the library's
    /// errors.
    ///
    /// # Errors
    /// Gives the payload back if it is that of a panic.
    pub(crate) fn from_payload(payload: Box<dyn Any + Send>) -> Result<Self, Box<dyn Any + Send>> {
        // The copy has no mark: the payload is dropped here, so no thread unwinds with it any more.
        Self::of_payload(&*payload).ok_or(payload)
    }

    /// The reason for which a task leaves with this payload; `None` if it panics.
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

/// Continues unwinding with a caught payload, also on another thread than the one that caught it.
pub(crate) fn resume(mut payload: Box<dyn Any + Send>) -> ! {
    let mark = if let Some(cancelled) = payload.downcast_mut::<Cancelled>() {
        Some(cancelled.mark())
    } else {
        let refused = payload.downcast_mut::<Refused>();
        refused.map(|refused| &mut refused.mark)
    };
    if let Some(mark) = mark {
        mark.get_or_insert_with(UnwindMark::new).raise();
    }
    resume_unwind(payload)
}
