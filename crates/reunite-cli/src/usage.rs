//! Clap's messages: what is wrong with the arguments, or the help that was asked for.

use std::io::{self, Write, stderr};

use clap::Parser;
use reunite_base::escape::terminal;

use crate::args::Args;

/// Prints the message with its colours, and the arguments that it repeats escaped.
///
/// Clap writes arguments to a terminal as they are, between codes for colours that are to stay. So the arguments are
/// escaped and parsed once more, and the message about the escaped ones is printed.
pub(crate) fn print(error: &clap::Error) -> io::Result<()> {
    match escaped_arguments().map(Args::try_parse_from) {
        None => error.print(),
        Some(Err(escaped)) if escaped.kind() == error.kind() => escaped.print(),
        // Escaping changed what is wrong. The whole message is escaped, so it has no colours.
        Some(_) => {
            let text = error.render().to_string();
            text.lines()
                .try_for_each(|line| writeln!(stderr(), "{}", terminal(line)))
        }
    }
}

/// Returns the arguments as a terminal may show them, or `None` if they are so already.
fn escaped_arguments() -> Option<Vec<String>> {
    let given: Vec<_> = std::env::args_os()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let escaped: Vec<_> = given
        .iter()
        .map(|argument| terminal(argument).into_owned())
        .collect();
    (escaped != given).then_some(escaped)
}
