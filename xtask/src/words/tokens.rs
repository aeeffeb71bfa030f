//! Walks through tokens at every depth.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Calls `visit` with the tokens of each group and of the whole, each as a slice.
pub(super) fn each_level(tokens: &TokenStream, visit: &mut impl FnMut(&[TokenTree])) {
    let level: Vec<TokenTree> = tokens.clone().into_iter().collect();
    visit(&level);
    for token in &level {
        if let TokenTree::Group(group) = token {
            each_level(&group.stream(), visit);
        }
    }
}

pub(super) fn line(token: &TokenTree) -> usize {
    token.span().start().line
}

/// Returns the source text of the string literal between its quotes, escapes as written.
pub(super) fn string(token: &TokenTree) -> Option<String> {
    let TokenTree::Literal(literal) = token else {
        return None;
    };
    let source = literal.to_string();
    let body = source.trim_start_matches(['r', '#']);
    let body = body.strip_prefix('"')?.trim_end_matches('#');
    Some(body.strip_suffix('"')?.to_owned())
}

/// Returns the string literal that is alone in a block.
pub(super) fn string_in_block(token: &TokenTree) -> Option<String> {
    let TokenTree::Group(group) = token else {
        return None;
    };
    let inside: Vec<TokenTree> = group.stream().into_iter().collect();
    match inside.as_slice() {
        [only] if group.delimiter() == Delimiter::Brace => string(only),
        _ => None,
    }
}
