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

/// The function that chooses the ending for all others.
const HELPER: &str = "plural";

/// Finds counts before a fixed plural, and endings chosen by hand outside the helper. A number with decimals takes the
/// plural whatever its value.
pub(super) fn hits(tokens: &TokenStream) -> Vec<Hit> {
    let is_helper = defines_helper(tokens);
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
                && !is_helper
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

fn defines_helper(tokens: &TokenStream) -> bool {
    let mut is_defined = false;
    each_level(tokens, &mut |level| {
        is_defined |= level.windows(2).any(|pair| {
            matches!(pair, [TokenTree::Ident(first), TokenTree::Ident(name)] if first == "fn" && name == HELPER)
        });
    });
    is_defined
}

/// Returns the noun that follows a placeholder in a format string.
fn counted(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("} ") {
        let (_, placeholder) = before.rsplit_once('{').unwrap_or_default();
        let mut words = after
            .split(|c: char| !c.is_ascii_lowercase())
            .skip_while(|word| ADJECTIVES.contains(word));
        let word = words.next().unwrap_or_default();
        if NOUNS.contains(&word) && !placeholder.contains(":.") {
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
            r#"fn f() { format!("{rate:.1} pages per second") }"#,
            r#"fn plural(n: u8) -> &str { if n == 1 { "" } else { "s" } }"#,
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
