//! What goes to standard error.

use std::io::{Write, stderr};

use crate::progress::aside;
use crate::terminal::plain;

/// A line for people. Where nobody listens any more it is lost, and nothing else is.
pub(crate) fn complain(message: &str) {
    let _closed = aside(|| writeln!(stderr(), "reunite: {}", plain(message)));
}
