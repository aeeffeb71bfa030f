//! Names and reasons of users, made safe for a terminal.

use std::fmt::{self, Write};

/// Text with the characters escaped that a terminal would obey or hide: control characters, format characters such as
/// U+202E, which reverses the direction of the text, and separators of lines and paragraphs. U+200C and U+200D stay
/// between visible characters outside ASCII, where they are part of words and emoji.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text) = self;
        if !text.contains(is_hidden) {
            return f.write_str(text);
        }
        let mut before = None;
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            let after = rest.clone().next();
            if is_hidden(c) && !(is_joiner(c) && is_joined(before) && is_joined(after)) {
                write!(f, "{}", c.escape_default())?;
            } else {
                f.write_char(c)?;
            }
            before = Some(c);
        }
        Ok(())
    }
}

fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

fn is_joined(neighbour: Option<char>) -> bool {
    neighbour.is_some_and(|c| !c.is_ascii() && !c.is_whitespace() && !is_hidden(c))
}

/// Returns true for the general categories Control, Format, Line Separator and Paragraph Separator of Unicode 18.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{600}'..='\u{605}'
                | '\u{61c}'
                | '\u{6dd}'
                | '\u{70f}'
                | '\u{890}'..='\u{891}'
                | '\u{8e2}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{2064}'
                | '\u{2066}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{110bd}'
                | '\u{110cd}'
                | '\u{13430}'..='\u{1343f}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0001}'
                | '\u{e0020}'..='\u{e007f}'
        )
}
