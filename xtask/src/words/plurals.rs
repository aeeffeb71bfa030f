//! Plurals come from a helper: text built by hand says `1 pages`.

use proc_macro2::{TokenStream, TokenTree};

use super::rule::Hit;
use super::tokens::{each_level, line, string, string_in_block};

/// Nouns that are counted in messages and pages.
const NOUNS: &[&str] = &[
    "addresses",
    "clients",
    "connections",
    "cores",
    "entries",
    "errors",
    "events",
    "failures",
    "files",
    "folders",
    "forks",
    "hosts",
    "items",
    "joins",
    "lines",
    "links",
    "locks",
    "others",
    "pages",
    "permits",
    "photos",
    "pictures",
    "pixels",
    "redirects",
    "reports",
    "requests",
    "restarts",
    "scopes",
    "sites",
    "tasks",
    "threads",
    "times",
    "warnings",
    "workers",
];

/// Words that may stand between a count and its noun.
const ADJECTIVES: &[&str] = &["broken", "failed", "more", "new", "other"];

/// Finds counts before a fixed plural, and endings chosen by hand.
pub(super) fn hits(tokens: &TokenStream) -> Vec<Hit> {
    let mut hits = Vec::new();
    each_level(tokens, &mut |level| {
        for token in level {
            if let Some(text) = string(token)
                && let Some(noun) = counted(&text)
            {
                hits.push(Hit {
                    line: line(token),
                    text: format!("`{noun}` after a count"),
                });
            }
        }
        for pair in level.windows(2) {
            if let [TokenTree::Ident(word), block] = pair
                && word == "else"
                && let Some(ending) = string_in_block(block)
                && matches!(ending.as_str(), "s" | "es" | "ies")
            {
                hits.push(Hit {
                    line: line(block),
                    text: format!("the ending `{ending}` chosen by hand"),
                });
            }
        }
    });
    hits
}

/// Returns the noun that follows a placeholder in a format string.
fn counted(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("} ") {
        let mut words = after
            .split(|c: char| !c.is_ascii_lowercase())
            .skip_while(|word| ADJECTIVES.contains(word));
        let word = words.next().unwrap_or_default();
        if NOUNS.contains(&word) {
            return Some(word);
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::hits;

    fn count(text: &str) -> usize {
        hits(&text.parse().unwrap()).len()
    }

    #[test]
    fn other_words_after_a_placeholder_pass() {
        for text in [
            r#"fn f() { format!("{name} waits for {} ms", 3) }"#,
            r#"fn f() { format!("{} at {}", counted(n, "page"), place) }"#,
            r#"fn f() { format!("{} bytes", n) }"#,
            r#"fn f() { if fast { "a" } else { "slow" } }"#,
            r#"fn f() { g("pages") }"#,
        ] {
            assert_eq!(count(text), 0, "{text}");
        }
    }

    #[test]
    fn plurals_built_by_hand_fail() {
        for text in [
            r#"fn f() { format!("{} pages stored", n) }"#,
            r#"fn f() { format!("{n} tasks") }"#,
            r#"fn f() { format!("and {} more tasks", n) }"#,
            r#"fn f() { if n == 1 { "" } else { "s" } }"#,
            r##"fn f() { format!(r#"<b>{n} links</b>"#) }"##,
        ] {
            assert_eq!(count(text), 1, "{text}");
        }
    }
}
