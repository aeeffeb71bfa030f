//! Reports of the library about itself: events, stragglers, stalled waits, unjoined errors, leaked locks.

mod count;
mod event;
mod report;
mod stall;
mod straggler;
mod verb;

pub(crate) use count::{count_blocked, count_stolen, count_thread, counted};
pub use event::{Completion, Event, Observer, Observing, observe};
pub(crate) use event::{Quiet, is_on, is_quiet, on_quiet, tell};
pub use report::{UnjoinedError, on_stall, on_stragglers, on_unjoined_error};
pub(crate) use report::{
    report_forgotten, report_leak, report_stall, report_stragglers, report_unjoined,
};
pub(crate) use stall::stall_threshold;
pub use stall::{Stall, stall_after};
pub use straggler::{Straggler, Stragglers};
pub use verb::Verb;
