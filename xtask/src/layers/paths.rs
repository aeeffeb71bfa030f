//! The paths that a file names, `use` trees spread out.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::source::is_punct;

/// A path of two segments or more; the last may be `*`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
    /// The module, inline ones counted, in which it is named.
    pub(crate) module: Vec<String>,
}

pub(crate) fn named(tokens: &TokenStream, module: &[String]) -> Vec<Named> {
    let mut found = Vec::new();
    walk(tokens, module, &mut found);
    found
}

fn walk(tokens: &TokenStream, module: &[String], found: &mut Vec<Named>) {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at..] {
            [TokenTree::Ident(word), TokenTree::Group(group), ..]
                if word == "pub" && is_scope_of_visibility(group) =>
            {
                at += 2;
            }
            [
                TokenTree::Ident(word),
                TokenTree::Ident(name),
                TokenTree::Group(body),
                ..,
            ] if word == "mod" => {
                let inner = [module, &[name.to_string()]].concat();
                walk(&body.stream(), &inner, found);
                at += 3;
            }
            [TokenTree::Ident(_), ..] => at = read_path(&tokens, at, &[], module, found),
            [TokenTree::Group(group), ..] => {
                walk(&group.stream(), module, found);
                at += 1;
            }
            _ => at += 1,
        }
    }
}

/// The group of `pub(crate)`, `pub(super)`, `pub(in path)`; not that of a tuple field `pub (A, B)`.
fn is_scope_of_visibility(group: &proc_macro2::Group) -> bool {
    let first = group.stream().into_iter().next();
    group.delimiter() == Delimiter::Parenthesis
        && matches!(first, Some(TokenTree::Ident(word))
            if ["crate", "super", "self", "in"].iter().any(|known| word == known))
}

/// Reads the path at `at`, after `prefix`, and returns where it ends.
fn read_path(
    tokens: &[TokenTree],
    mut at: usize,
    prefix: &[String],
    module: &[String],
    found: &mut Vec<Named>,
) -> usize {
    let mut segments = prefix.to_vec();
    let line = tokens[at].span().start().line;
    loop {
        match tokens.get(at) {
            Some(TokenTree::Ident(word)) => segments.push(word.to_string()),
            Some(star) if is_punct(star, '*') => segments.push("*".to_owned()),
            Some(TokenTree::Group(tree)) if tree.delimiter() == Delimiter::Brace => {
                read_tree(tree, &segments, module, found);
                return at + 1;
            }
            // A turbofish: what stands in it is read as paths of its own.
            _ => break,
        }
        at += 1;
        match (tokens.get(at), tokens.get(at + 1)) {
            (Some(a), Some(b)) if is_punct(a, ':') && is_punct(b, ':') => at += 2,
            _ => break,
        }
    }
    if segments.len() > 1 {
        found.push(Named {
            segments,
            line,
            module: module.to_vec(),
        });
    }
    at
}

/// `{a::b, c as d, self}` after `prefix::`.
fn read_tree(
    tree: &proc_macro2::Group,
    prefix: &[String],
    module: &[String],
    found: &mut Vec<Named>,
) {
    let tokens: Vec<TokenTree> = tree.stream().into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        at = read_path(&tokens, at, prefix, module, found).max(at + 1);
        while tokens.get(at).is_some_and(|token| !is_punct(token, ',')) {
            at += 1;
        }
        at += 1;
    }
}

/// The names that lib.rs re-exports, each with its room; those it gathers in a module as `module::name`.
pub(crate) fn reexports(tokens: &TokenStream) -> Vec<(String, String)> {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let mut names = Vec::new();
    for at in 0..tokens.len() {
        match &tokens[at..] {
            [TokenTree::Ident(word), _, ..] if word == "use" => {
                let mut found = Vec::new();
                read_path(&tokens, at + 1, &[], &[], &mut found);
                for mut path in found {
                    path.segments
                        .retain(|segment| segment != "crate" && segment != "super");
                    if let (Some(first), Some(last)) = (path.segments.first(), path.segments.last())
                    {
                        names.push((last.clone(), first.clone()));
                    }
                }
            }
            [
                TokenTree::Ident(word),
                TokenTree::Ident(module),
                TokenTree::Group(body),
                ..,
            ] if word == "mod" => {
                let inside = reexports(&body.stream()).into_iter();
                names.extend(inside.map(|(name, room)| (format!("{module}::{name}"), room)));
            }
            _ => {}
        }
    }
    names
}

/// The macros that a file defines.
pub(crate) fn macros(tokens: &TokenStream) -> Vec<String> {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let mut names = Vec::new();
    for window in tokens.windows(3) {
        if let [TokenTree::Ident(word), bang, TokenTree::Ident(name)] = window
            && word == "macro_rules"
            && is_punct(bang, '!')
        {
            names.push(name.to_string());
        }
    }
    names
}
