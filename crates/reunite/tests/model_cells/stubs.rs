//! Stand-ins for what the checked files use of the rest of the library: as little as they need.

#[path = "../../src/deadlock/lock_number.rs"]
mod lock_number;

pub(crate) mod observe {
    /// The operation of a lock.
    #[derive(Clone, Copy)]
    pub(crate) enum Verb {
        Lock,
        Read,
        Write,
    }

    /// The result of a job.
    pub(crate) enum Completion {
        Value,
        Error,
        Panic,
        Cancelled,
    }
}

pub(crate) mod contain {
    pub(crate) fn assert_outside() {}
}

pub(crate) mod current {
    pub(crate) type ForkMark = usize;
}

pub(crate) mod cut_short {
    use std::any::Any;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    pub(crate) fn catch_part<R>(f: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
        catch_unwind(AssertUnwindSafe(f))
    }
}

pub(crate) mod deadlock {
    use std::panic::Location;

    pub(crate) use super::lock_number::LockNumber;

    #[derive(Clone, Copy)]
    pub(crate) enum Resource {
        Lock(u64),
        Upgradable(u64),
        Read(u64),
    }

    pub(crate) enum WaitsOn {
        Resource(Resource),
        Read { lock: u64, came: u64 },
        Write { lock: u64, came: u64 },
        Upgradable { lock: u64, came: u64 },
        Upgrade { lock: u64 },
    }

    pub(crate) enum WaitObject {
        Made(&'static str, &'static Location<'static>),
    }

    pub(crate) struct WaitSite {
        pub(crate) verb: crate::observe::Verb,
        pub(crate) object: WaitObject,
        pub(crate) at: &'static Location<'static>,
        pub(crate) on: WaitsOn,
    }

    pub(crate) fn hold(_: Resource, _: &'static Location<'static>) {}

    pub(crate) fn let_go(_: Resource) {}

    pub(crate) fn forget_leaked(_: Resource, _: usize) {}
}

pub(crate) mod error {
    use std::any::Any;

    use crate::primitive::Duration;

    pub(crate) enum Cancelled {}

    pub(crate) enum Refusal {}

    /// A stub that is never made, as no task leaves here.
    pub(crate) enum CutShort {
        Cancelled(Cancelled),
        Refused(Refusal),
    }

    impl CutShort {
        pub(crate) fn of_payload(_: &(dyn Any + Send)) -> Option<Self> {
            None
        }
    }

    #[derive(Debug)]
    pub(crate) struct WaitError;

    impl WaitError {
        pub(crate) fn timed_out(_: Duration) -> Self {
            Self
        }

        pub(crate) fn cancelled(never: Cancelled) -> Self {
            match never {}
        }

        pub(crate) fn refused(never: Refusal) -> Self {
            match never {}
        }
    }
}

pub(crate) mod wait {
    use std::marker::PhantomData;

    use crate::deadlock::WaitSite;
    use crate::error::{Cancelled, Refusal};
    use crate::park::{Parker, park_until};
    use crate::primitive::Instant;

    pub(crate) enum Heed<'a> {
        Task,
        Node(PhantomData<&'a ()>),
    }

    pub(crate) enum WaitOutcome {
        Ready,
        TimedOut,
        Cancelled(Cancelled),
        Refused(Refusal),
    }

    /// A wait with a deadline gives up as soon as it could sleep.
    pub(crate) fn block_until(
        _: WaitSite,
        deadline: Option<Instant>,
        _: Heed<'_>,
        mut ready: impl FnMut(&Parker) -> bool,
    ) -> WaitOutcome {
        let parker = Parker::current();
        loop {
            parker.begin_check();
            if ready(&parker) {
                return WaitOutcome::Ready;
            }
            parker.end_check();
            if deadline.is_some() {
                return WaitOutcome::TimedOut;
            }
            park_until(None);
        }
    }
}
