//! Messages on standard error.

use std::io::{Write, stderr};

use reunite_base::escape::terminal;

use crate::progress::aside;

/// Writes a message to standard error as one line. If standard error is closed, only the message is lost.
pub(crate) fn complain(message: &str) {
    let _closed = aside(|| writeln!(stderr(), "reunite: {}", terminal(message)));
}
