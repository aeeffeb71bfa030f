//! What goes to standard error.

use std::io::{Write, stderr};

use reunite_base::escape::terminal;

use crate::progress::aside;

/// A line for people. Where nobody listens any more it is lost, and nothing else is.
pub(crate) fn complain(message: &str) {
    let _closed = aside(|| writeln!(stderr(), "reunite: {}", terminal(message)));
}
