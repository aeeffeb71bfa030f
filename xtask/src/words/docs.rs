//! Doc comments open with what the item is or does.

use super::rule::Hit;

/// Words that open a question, a condition, a negation or the end of a sentence that began elsewhere.
const OPENINGS: &[&str] = &[
    "and", "because", "but", "how", "if", "no", "nobody", "not", "nothing", "of", "or", "so",
    "that", "unless", "what", "whatever", "when", "whether", "which", "who", "whoever", "whom",
    "whose", "why",
];

/// Finds the doc comments, of items and of files, that open with such a word.
pub(super) fn hits(text: &str) -> Vec<Hit> {
    let mut hits = Vec::new();
    let mut before = None;
    for (line, text) in (1..).zip(text.lines()) {
        let marker = marker(text);
        if let Some((marker, rest)) = marker
            && before != Some(marker)
            && opens_badly(rest)
        {
            hits.push(Hit {
                line,
                text: rest.to_owned(),
            });
        }
        before = marker.map(|(marker, _)| marker);
    }
    hits
}

/// Splits a line of a doc comment into its marker and its text.
fn marker(line: &str) -> Option<(&'static str, &str)> {
    let line = line.trim_start();
    ["///", "//!"].into_iter().find_map(|marker| {
        let rest = line.strip_prefix(marker)?;
        (!rest.starts_with('/')).then(|| (marker, rest.trim()))
    })
}

fn opens_badly(text: &str) -> bool {
    if is_absence(text) {
        return false;
    }
    let word = text.split([' ', ',', ':', '?', '.']).next();
    let word = word.unwrap_or_default().to_lowercase();
    OPENINGS.contains(&word.as_str())
}

/// Returns true for a noun phrase of at most four words that begins with "No", which names a variant: "No access log".
fn is_absence(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    text.starts_with("No ") && text.split(' ').count() <= 4 && !text.contains([',', ':', '.', '?'])
}

#[cfg(test)]
mod tests {
    use super::hits;

    #[test]
    fn noun_and_verb_phrases_pass() {
        for text in [
            "/// Returns whether it is done.",
            "/// The number of tasks.\n/// If there is none, zero.",
            "/// `if` and other words.",
            "/// No-op.",
            "/// No compression.",
            "/// No access log",
            "/// Notes the time.",
            "// What is no doc comment may ask.",
            "//// What is no doc comment may ask.",
        ] {
            assert_eq!(hits(text), [], "{text}");
        }
    }

    #[test]
    fn questions_conditions_and_negations_fail() {
        for text in [
            "/// Whether it is done.",
            "    /// Who asked?",
            "//! What was typed.",
            "/// If so, the time.",
            "/// Not for everybody.",
            "/// No, if that was done before.",
            "/// No task waits for it.",
            "/// No bit: it is queued.",
            "/// Of JPEG and WebP",
        ] {
            assert_eq!(hits(text).len(), 1, "{text}");
        }
        let two = hits("//! What a file is.\n/// Whether.\nfn f() {}\n/// Who.\nfn g() {}");
        let lines: Vec<usize> = two.iter().map(|hit| hit.line).collect();
        assert_eq!(lines, [1, 2, 4]);
    }
}
