//! How names look on a terminal.

use std::borrow::Cow;

/// Without what a terminal would obey: a file's name can hold anything.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(obeyed) {
        return Cow::Borrowed(text);
    }
    let show = |c: char| match obeyed(c) {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    Cow::Owned(text.chars().map(show).collect())
}

/// Control characters, and those that turn the direction of what follows.
fn obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
