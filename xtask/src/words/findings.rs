//! The hits of all rules in the source of the packages.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proc_macro2::TokenStream;

use super::rule::{Hit, Rule};
use super::{docs, help, metaphors, names, plurals};
use crate::layers::rooms;
use crate::source;

/// The hits in the source of the packages.
#[derive(Default)]
pub(crate) struct Findings {
    pub(super) files: usize,
    pub(super) packages: Vec<String>,
    pub(super) hits: BTreeMap<(Rule, String), Vec<String>>,
    /// The places of each type name that a package defines more than once.
    pub(super) repeated: BTreeMap<(String, String), Vec<String>>,
}

impl Findings {
    pub(super) fn add(
        &mut self,
        root: &Path,
        package: &str,
        manifest: &Path,
    ) -> Result<(), String> {
        self.packages.push(package.to_owned());
        let folder = manifest.parent().unwrap_or(root);
        let shown = |file: &Path| {
            let file = file.strip_prefix(root).unwrap_or(file);
            file.to_string_lossy().replace('\\', "/")
        };
        for part in ["src", "tests", "examples", "benches"] {
            let dir = folder.join(part);
            if !dir.is_dir() {
                continue;
            }
            for file in source::rust_files(&dir)? {
                self.files += 1;
                let text = fs::read_to_string(&file)
                    .map_err(|why| format!("{}: {why}", file.display()))?;
                let tokens: TokenStream = text
                    .parse()
                    .map_err(|why| format!("{}: not Rust: {why}", file.display()))?;
                let file = shown(&file);
                self.note(Rule::DocOpening, package, &file, docs::hits(&text));
                self.note(Rule::HelpWidth, package, &file, help::hits(&text, &tokens));
                self.note(Rule::Metaphor, package, &file, metaphors::hits(&tokens));
            }
        }
        let src = folder.join("src");
        let mut types = names::Types::default();
        for room in rooms::read(&src)? {
            let file = shown(&src.join(&room.file));
            self.note(Rule::Plural, package, &file, plurals::hits(&room.tokens));
            types.add(&file, &room.tokens);
        }
        for (name, places) in types.repeated() {
            self.repeated.insert((package.to_owned(), name), places);
        }
        Ok(())
    }

    pub(super) fn note(&mut self, rule: Rule, package: &str, file: &str, hits: Vec<Hit>) {
        let all = self.hits.entry((rule, package.to_owned())).or_default();
        all.extend(
            hits.into_iter()
                .map(|hit| format!("  {file}:{}: {rule}: {}", hit.line, hit.text)),
        );
    }

    pub(super) fn count(&self, rule: Rule, package: &str) -> usize {
        self.hits
            .get(&(rule, package.to_owned()))
            .map_or(0, Vec::len)
    }

    pub(super) fn is_repeated(&self, package: &str, name: &str) -> bool {
        let key = (package.to_owned(), name.to_owned());
        self.repeated.contains_key(&key)
    }
}
