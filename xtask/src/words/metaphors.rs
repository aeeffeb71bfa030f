//! Names use the plain term instead of a private metaphor.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};

use super::rule::Hit;
use super::tokens::{each_level, line};

/// Each metaphor and the plain term to use instead.
const METAPHORS: &[(&str, &str)] = &[
    ("bond", "resource"),
    ("bonds", "resources"),
    ("buried", "forgotten"),
    ("bury", "forget"),
    ("clerk", "coordinator"),
    ("crew", "task set"),
    ("errand", "background task"),
    ("errands", "background tasks"),
    ("landed", "fetch result"),
    ("manners", "lifecycle"),
    ("roster", "clients, workers"),
    ("shelf", "cache"),
    ("studio", "painter"),
    ("tally", "counters, summary"),
];

/// Finds the identifiers that contain a metaphor, each once.
pub(super) fn hits(tokens: &TokenStream) -> Vec<Hit> {
    let mut seen = BTreeSet::new();
    let mut hits = Vec::new();
    each_level(tokens, &mut |level| {
        for token in level {
            let TokenTree::Ident(name) = token else {
                continue;
            };
            let name = name.to_string();
            if let Some(plain) = plain_term(&name)
                && seen.insert(name.clone())
            {
                hits.push(Hit {
                    line: line(token),
                    text: format!("`{name}`: say {plain}"),
                });
            }
        }
    });
    hits
}

fn plain_term(name: &str) -> Option<&'static str> {
    words(name).into_iter().find_map(|word| {
        let found = METAPHORS.iter().find(|(metaphor, _)| *metaphor == word);
        found.map(|(_, plain)| *plain)
    })
}

/// Splits `snake_case` and `CamelCase` into words in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        if c == '_' || (c.is_ascii_uppercase() && was_lower) {
            words.push(String::new());
        }
        was_lower = c.is_ascii_lowercase();
        if c != '_' {
            words
                .last_mut()
                .expect("there is at least one word")
                .push(c.to_ascii_lowercase());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::hits;

    fn count(text: &str) -> usize {
        hits(&text.parse().unwrap()).len()
    }

    #[test]
    fn plain_names_comments_and_strings_pass() {
        for text in [
            "struct Coordinator; fn metallyic() {}",
            "// the clerk\n fn f() { g(\"clerk\") }",
            "fn clerkship() {}",
        ] {
            assert_eq!(count(text), 0, "{text}");
        }
    }

    #[test]
    fn metaphors_fail_in_snake_and_camel_case_once_each() {
        for text in [
            "mod clerk;",
            "struct TheClerk;",
            "const CLERK: u8 = 0;",
            "fn ask_the_clerk() {}",
            "fn f(clerk: u8) { clerk + clerk; }",
        ] {
            assert_eq!(count(text), 1, "{text}");
        }
    }
}
