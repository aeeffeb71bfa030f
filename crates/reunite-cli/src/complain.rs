//! What goes to standard error.

use std::io::{Write, stderr};

/// A line for people. Where nobody listens any more it is lost, and nothing else is.
pub(crate) fn complain(message: &str) {
    let _closed = writeln!(stderr(), "reunite: {message}");
}
