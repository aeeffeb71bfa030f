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
    pub(crate) is_reexport: bool,
}

/// One name that a `use` brings into a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    /// `*` for all that the path offers.
    pub(crate) name: String,
    /// The path, without a `self` or `*` at its end.
    pub(crate) segments: Vec<String>,
    pub(crate) is_reexport: bool,
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
            [TokenTree::Ident(word), _, ..] if word == "use" => {
                let first = found.len();
                let is_reexport = is_public(&tokens[..at]);
                at = read_path(&tokens, after_colons(&tokens, at + 1), &[], module, found);
                for path in &mut found[first..] {
                    path.is_reexport = is_reexport;
                }
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

/// Returns whether `before` ends in a `pub`, with a scope or without.
fn is_public(before: &[TokenTree]) -> bool {
    match before {
        [.., TokenTree::Ident(word), TokenTree::Group(group)] => {
            word == "pub" && is_scope_of_visibility(group)
        }
        [.., TokenTree::Ident(word)] => word == "pub",
        _ => false,
    }
}

/// Past the `::` of `use ::std`.
fn after_colons(tokens: &[TokenTree], at: usize) -> usize {
    let colons = tokens[at..].iter().take_while(|token| is_punct(token, ':'));
    at + colons.count()
}

/// Returns the names that each `use` brings into a module, including those inside functions, without those of inner
/// modules.
pub(crate) fn imports(tokens: &TokenStream) -> Vec<Import> {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(word) if word == "use" => {
                let first = found.len();
                let end = tokens[at..].iter().position(|token| is_punct(token, ';'));
                let end = end.map_or(tokens.len(), |length| at + length);
                let tree = &tokens[after_colons(&tokens, at + 1).min(end)..end];
                read_imports(tree, &[], &mut found);
                let is_reexport = is_public(&tokens[..at]);
                for import in &mut found[first..] {
                    import.is_reexport = is_reexport;
                }
            }
            TokenTree::Group(group) if !is_body_of_module(&tokens[..at]) => {
                found.extend(imports(&group.stream()));
            }
            _ => {}
        }
    }
    found
}

/// Reads the branches of a `use` tree.
fn read_imports(tree: &[TokenTree], prefix: &[String], found: &mut Vec<Import>) {
    for branch in tree.split(|token| is_punct(token, ',')) {
        let mut segments = prefix.to_vec();
        let mut name = None;
        let mut rest = branch.iter();
        while let Some(token) = rest.next() {
            match token {
                TokenTree::Ident(word) if word == "as" => {
                    name = rest.next().map(ToString::to_string);
                }
                TokenTree::Ident(word) => segments.push(word.to_string()),
                TokenTree::Group(group) => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    read_imports(&inner, &segments, found);
                    segments.clear();
                }
                star if is_punct(star, '*') => name = Some("*".to_owned()),
                _ => {}
            }
        }
        segments.pop_if(|last| last == "self");
        let name = name.or_else(|| segments.last().cloned());
        if let Some(name) = name.filter(|name| name != "_" && !segments.is_empty()) {
            found.push(Import {
                name,
                segments,
                is_reexport: false,
            });
        }
    }
}

/// Returns whether a group after `before` is the body of `mod name`.
fn is_body_of_module(before: &[TokenTree]) -> bool {
    matches!(before, [.., TokenTree::Ident(word), TokenTree::Ident(_)] if word == "mod")
}

/// The modules that a file has inside itself, each with its body.
pub(crate) fn inline_modules(tokens: &TokenStream) -> Vec<(String, TokenStream)> {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let modules = tokens.windows(3).filter_map(|window| match window {
        [
            TokenTree::Ident(word),
            TokenTree::Ident(name),
            TokenTree::Group(body),
        ] if word == "mod" => Some((name.to_string(), body.stream())),
        _ => None,
    });
    modules.collect()
}

/// The line of the first token that is `name`, but for those in a `use`.
pub(crate) fn first_use(tokens: &TokenStream, name: &str) -> Option<usize> {
    let mut is_import = false;
    for token in tokens.clone() {
        match &token {
            TokenTree::Ident(word) if word == "use" => is_import = true,
            TokenTree::Punct(punct) if punct.as_char() == ';' => is_import = false,
            TokenTree::Ident(word) if !is_import && word == name => {
                return Some(word.span().start().line);
            }
            TokenTree::Group(group) if !is_import => {
                if let Some(line) = first_use(&group.stream(), name) {
                    return Some(line);
                }
            }
            _ => {}
        }
    }
    None
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
            is_reexport: false,
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
