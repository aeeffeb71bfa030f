//! Stand-ins for what the checked files use of the rest of the library: as little as they need.

#[path = "../../src/deadlock/number.rs"]
mod number;

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

    pub(crate) use super::number::Number;

    #[derive(Clone, Copy)]
    pub(crate) enum Bond {
        Lock(u64),
        Read(u64),
    }

    pub(crate) enum On {
        Bond(Bond),
        Read { lock: u64, came: u64 },
        Write { lock: u64, came: u64 },
    }

    pub(crate) enum Object {
        Made(&'static str, &'static Location<'static>),
    }

    pub(crate) struct Site {
        pub(crate) verb: crate::observe::Verb,
        pub(crate) object: Object,
        pub(crate) at: &'static Location<'static>,
        pub(crate) on: On,
    }

    pub(crate) fn hold(_: Bond, _: &'static Location<'static>) {}

    pub(crate) fn let_go(_: Bond) {}

    pub(crate) fn bury(_: Bond, _: usize) {}
}

pub(crate) mod error {
    use std::any::Any;

    use crate::primitive::Duration;

    pub(crate) enum Cancelled {}

    pub(crate) enum Refusal {}

    /// No task leaves here.
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

    use crate::deadlock::Site;
    use crate::error::{Cancelled, Refusal};
    use crate::park::{Parker, park_until};
    use crate::primitive::Instant;

    pub(crate) enum Heed<'a> {
        Task,
        Node(PhantomData<&'a ()>),
    }

    pub(crate) enum Wait {
        Ready,
        TimedOut,
        Cancelled(Cancelled),
        Refused(Refusal),
    }

    /// A wait with a deadline gives up as soon as it could sleep.
    pub(crate) fn block_until(
        _: Site,
        deadline: Option<Instant>,
        _: Heed<'_>,
        mut ready: impl FnMut(&Parker) -> bool,
    ) -> Wait {
        let parker = Parker::here();
        loop {
            parker.begin_to_ask();
            if ready(&parker) {
                return Wait::Ready;
            }
            parker.has_asked();
            if deadline.is_some() {
                return Wait::TimedOut;
            }
            park_until(None);
        }
    }
}
