//! Checks that a crate exports each name at one public path. A module `prelude` does not count: it has names once more, to
//! be imported together.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::layers::named;
use crate::source::{is_punct, read_tokens, without_tests};

/// The paths at which each name is exported.
type Exports = BTreeMap<String, Vec<String>>;

pub(crate) fn run() -> Result<(), String> {
    let mut wrong = Vec::new();
    let mut names = 0;
    let crates = fs::read_dir("crates").map_err(|why| format!("crates: {why}"))?;
    for dir in crates {
        let src = dir
            .map_err(|why| format!("crates: {why}"))?
            .path()
            .join("src");
        if !src.join("lib.rs").exists() {
            continue;
        }
        let mut found = Exports::new();
        collect_file(&src, &src.join("lib.rs"), "crate", &mut found)?;
        names += found.len();
        wrong.extend(doubles(&found).map(|double| format!("{}: {double}", src.display())));
    }
    if !wrong.is_empty() {
        return Err(format!("exported twice:\n  {}", wrong.join("\n  ")));
    }
    println!("exports: each of {names} names has one path");
    Ok(())
}

/// Finds the names that are exported at several paths.
fn doubles(found: &Exports) -> impl Iterator<Item = String> {
    let several = found.iter().filter(|(_, paths)| paths.len() > 1);
    several.map(|(name, paths)| format!("{name} at {}", paths.join(" and ")))
}

/// `dir` is where the modules of `file` lie.
fn collect_file(dir: &Path, file: &Path, path: &str, found: &mut Exports) -> Result<(), String> {
    let tokens = without_tests(read_tokens(file)?, &mut Vec::new());
    for module in collect(&tokens, path, found) {
        let (alone, inside) = (dir.join(format!("{module}.rs")), dir.join(&module));
        let file = match alone.exists() {
            true => alone,
            false => inside.join("mod.rs"),
        };
        collect_file(&inside, &file, &format!("{path}::{module}"), found)?;
    }
    Ok(())
}

/// Records the re-exports of a module, and returns its public modules that have files of their own.
fn collect(tokens: &TokenStream, path: &str, found: &mut Exports) -> Vec<String> {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let is_word =
        |token: &TokenTree, word: &str| matches!(token, TokenTree::Ident(it) if it == word);
    let mut modules = Vec::new();
    for at in 0..tokens.len() {
        match &tokens[at..] {
            [public, using, rest @ ..] if is_word(public, "pub") && is_word(using, "use") => {
                let tree = rest.iter().take_while(|token| !is_punct(token, ';'));
                for leaf in named(&tree.cloned().collect(), &[]) {
                    let name = leaf.segments.last().cloned().unwrap_or_default();
                    found.entry(name).or_default().push(path.to_owned());
                }
            }
            [
                public,
                module,
                TokenTree::Ident(name),
                TokenTree::Group(body),
                ..,
            ] if is_word(public, "pub")
                && is_word(module, "mod")
                && body.delimiter() == Delimiter::Brace =>
            {
                if name == "prelude" {
                    continue;
                }
                // Modules in files below inline modules: this repository has none.
                collect(&body.stream(), &format!("{path}::{name}"), found);
            }
            [public, module, TokenTree::Ident(name), ..]
                if is_word(public, "pub") && is_word(module, "mod") =>
            {
                modules.push(name.to_string());
            }
            _ => {}
        }
    }
    modules
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exports(text: &str) -> Exports {
        let mut found = Exports::new();
        collect(&text.parse().unwrap(), "crate", &mut found);
        found
    }

    #[test]
    fn a_name_at_two_paths_is_found() {
        let found = exports(
            "pub use one::{Completion, Event}; pub mod policy { pub use crate::task::{Completion, Verdict}; }",
        );
        let doubles: Vec<_> = doubles(&found).collect();
        assert_eq!(doubles, ["Completion at crate and crate::policy"]);
    }

    #[test]
    fn what_others_do_not_see_does_not_count() {
        let found = exports(
            "use one::Event; pub use one::Event; pub(crate) use two::Event; mod inner { pub use one::Event; }",
        );
        assert_eq!(found["Event"], ["crate"]);
        let found = exports("pub use one::Event; pub mod prelude { pub use crate::one::Event; }");
        assert_eq!(found["Event"], ["crate"]);
        assert_eq!(exports("pub mod sync; mod task;").len(), 0);
    }
}
