//! Rust source as tokens: words in comments and strings, and parts of longer names, are never matched.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// Every `.rs` file under `dir`, in order of name.
pub(crate) fn rust_files(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    let mut next = vec![dir.to_path_buf()];
    while let Some(dir) = next.pop() {
        let entries = fs::read_dir(&dir).map_err(|why| format!("{}: {why}", dir.display()))?;
        for entry in entries {
            let path = entry
                .map_err(|why| format!("{}: {why}", dir.display()))?
                .path();
            if path.is_dir() {
                next.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

pub(crate) fn read_tokens(file: &Path) -> Result<TokenStream, String> {
    let text = fs::read_to_string(file).map_err(|why| format!("{}: {why}", file.display()))?;
    text.parse()
        .map_err(|why| format!("{}: not Rust: {why}", file.display()))
}

/// Returns `tokens` without attributes (doc comments are attributes) and without code that is built for tests only. The
/// names of `#[cfg(test)] mod name;`, whose code is elsewhere, go to `test_modules`.
pub(crate) fn without_tests(tokens: TokenStream, test_modules: &mut Vec<String>) -> TokenStream {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if let Some((attribute, inner, after)) = attribute_at(&tokens, at) {
            at = after;
            if is_cfg_test(attribute) {
                if inner {
                    return TokenStream::new();
                }
                at = skip_item(&tokens, at, test_modules);
            }
            continue;
        }
        kept.push(match &tokens[at] {
            TokenTree::Group(group) => {
                let inside = without_tests(group.stream(), test_modules);
                let mut copy = Group::new(group.delimiter(), inside);
                copy.set_span(group.span());
                copy.into()
            }
            token => token.clone(),
        });
        at += 1;
    }
    kept.into_iter().collect()
}

/// The attribute that starts at `at`, whether it is an inner one (`#![…]`), and where it ends.
fn attribute_at(tokens: &[TokenTree], at: usize) -> Option<(&Group, bool, usize)> {
    if !is_punct(tokens.get(at)?, '#') {
        return None;
    }
    let inner = is_punct(tokens.get(at + 1)?, '!');
    let body = at + 1 + usize::from(inner);
    match tokens.get(body)? {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
            Some((group, inner, body + 1))
        }
        _ => None,
    }
}

/// `cfg(test)` and `cfg(all(test, …))`, not `cfg(not(test))` nor `cfg(any(test, …))`.
fn is_cfg_test(attribute: &Group) -> bool {
    fn demands_test(tokens: TokenStream) -> bool {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        tokens
            .iter()
            .enumerate()
            .any(|(at, token)| match (token, tokens.get(at + 1)) {
                (TokenTree::Ident(word), Some(TokenTree::Group(inside))) if word == "all" => {
                    demands_test(inside.stream())
                }
                (TokenTree::Ident(word), Some(next)) => word == "test" && is_punct(next, ','),
                (TokenTree::Ident(word), None) => word == "test",
                _ => false,
            })
    }
    let tokens: Vec<TokenTree> = attribute.stream().into_iter().collect();
    match tokens.as_slice() {
        [TokenTree::Ident(cfg), TokenTree::Group(inside)] if cfg == "cfg" => {
            demands_test(inside.stream())
        }
        _ => false,
    }
}

/// Returns the end of the item, statement or field that starts at `at`.
fn skip_item(tokens: &[TokenTree], mut at: usize, test_modules: &mut Vec<String>) -> usize {
    while let Some((_, _, after)) = attribute_at(tokens, at) {
        at = after;
    }
    let mut words = tokens[at..].iter().filter_map(|token| match token {
        TokenTree::Ident(word) if word != "pub" => Some(word.to_string()),
        _ => None,
    });
    let (first, second) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let ends_at_semicolon = match first.as_str() {
        "use" | "static" | "type" | "let" => true,
        "const" => !matches!(second.as_str(), "fn" | "unsafe" | "extern" | "async"),
        _ => false,
    };
    let ends_at_comma = !ends_at_semicolon
        && !matches!(
            first.as_str(),
            "fn" | "const"
                | "mod"
                | "struct"
                | "enum"
                | "union"
                | "trait"
                | "impl"
                | "unsafe"
                | "async"
                | "extern"
                | "macro_rules"
        );
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Punct(punct) if punct.as_char() == ';' => {
                if first == "mod" {
                    test_modules.push(second);
                }
                break;
            }
            TokenTree::Punct(punct) if punct.as_char() == ',' && ends_at_comma => break,
            TokenTree::Group(group)
                if group.delimiter() == Delimiter::Brace && !ends_at_semicolon =>
            {
                break;
            }
            _ => {}
        }
    }
    at
}

pub(crate) fn is_punct(token: &TokenTree, wanted: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

#[cfg(test)]
mod tests {
    use super::without_tests;

    fn kept(source: &str) -> (String, Vec<String>) {
        let mut test_modules = Vec::new();
        let tokens = without_tests(source.parse().unwrap(), &mut test_modules);
        (tokens.to_string().replace(' ', ""), test_modules)
    }

    #[test]
    fn test_only_items_go_and_their_neighbours_stay() {
        for (source, left) in [
            (
                "#[cfg(test)] mod tests { use super::*; } fn a() {}",
                "fna(){}",
            ),
            ("#[cfg(test)] use x::{y, z}; fn a() {}", "fna(){}"),
            (
                "#[cfg(all(test, unix))] #[inline] fn t<A, B>() {} fn a() {}",
                "fna(){}",
            ),
            (
                "#[cfg(test)] const T: [u8; 2] = { [1, 2] }; fn a() {}",
                "fna(){}",
            ),
            (
                "struct S { #[cfg(test)] t: Vec<u8>, a: u8 }",
                "structS{a:u8}",
            ),
            ("fn f() { #[cfg(test)] { t(); } a(); }", "fnf(){a();}"),
            ("#![cfg(test)] fn t() {}", ""),
        ] {
            assert_eq!(kept(source).0, left, "{source}");
        }
    }

    #[test]
    fn code_that_is_built_without_tests_too_stays() {
        for source in [
            "#[cfg(not(test))] fn a() {}",
            "#[cfg(any(test, unix))] fn a() {}",
        ] {
            assert_eq!(kept(source).0, "fna(){}", "{source}");
        }
    }

    #[test]
    fn doc_comments_are_no_code() {
        assert_eq!(kept("/// crate::scope\n fn a() {}").0, "fna(){}");
    }

    #[test]
    fn test_modules_in_files_of_their_own_are_named() {
        assert_eq!(kept("#[cfg(test)] mod tests; mod code;").1, ["tests"]);
    }
}
