//! Code of this library's users whose panic must end nothing else: callbacks, reporters, destructors.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Calls `f`. Of its panic the panic hook has told; what it panicked with is dropped here, and should that
/// panic in turn, the library's thread goes on all the same.
pub(crate) fn contain(f: impl FnOnce()) {
    let Err(payload) = catch_unwind(AssertUnwindSafe(f)) else {
        return;
    };
    if let Err(worse) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // A third destructor could panic as well: better a leak.
        std::mem::forget(worse);
    }
}
