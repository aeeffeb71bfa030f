//! The live tree: every open scope and task, what each is doing, and what it waits for.

mod counters;
mod json;
#[cfg(all(unix, feature = "signal"))]
mod signal;
mod text;
mod tree;

pub use counters::{Counters, counters};
#[cfg(all(unix, feature = "signal"))]
pub use signal::{answer_dump_requests, request_dump};
pub use tree::{Dump, DumpScope, DumpTask, DumpWait, dump};
