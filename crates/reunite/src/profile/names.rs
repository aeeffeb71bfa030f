//! Names in the outputs, and JSON quoting.

use std::fmt::Write;
use std::panic::Location;

use crate::id::Label;
use crate::observe::Completion;

/// The name of a task, or its line if it has none, so that all tasks of one line have one colour.
pub(super) fn title(label: &Label) -> String {
    label
        .name()
        .map_or_else(|| place(label.spawned_at()), str::to_owned)
}

pub(super) fn place(at: &Location<'_>) -> String {
    format!("{}:{}", at.file(), at.line())
}

/// Returns the line that started a task; `None` for a thread that this library did not start.
pub(super) fn origin(label: &Label) -> Option<String> {
    (!label.is_foreign()).then(|| place(label.spawned_at()))
}

pub(super) fn completion_name(completion: Completion) -> &'static str {
    match completion {
        Completion::Value => "value",
        Completion::Error => "error",
        Completion::Panic => "panic",
        Completion::Cancelled => "cancelled",
    }
}

/// Writes `text` as a JSON string that may also stand inside `<script>`.
pub(super) fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            // `</script>` and `<!--` would end or change the script around it.
            '\0'..' ' | '<' | '>' | '&' | '\u{7f}' | '\u{2028}' | '\u{2029}' => {
                let _infallible = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn quoted_text_is_read_back_and_closes_no_script() {
        let nasty = "</script><!--\"\\\n\r\t\0\u{1f}\u{7f}\u{2028}& é 🦀";
        let mut quoted = String::new();
        quote(&mut quoted, nasty);
        assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), nasty);
        assert!(!quoted.contains(['<', '>', '&', '\n', '\u{2028}']));
    }
}
