//! Checks that no two types of a crate share a name.

use std::collections::BTreeMap;

use proc_macro2::{TokenStream, TokenTree};

use super::tokens::{each_level, line};

/// The places that define each type of a crate. Type aliases do not count.
#[derive(Default)]
pub(super) struct Types(BTreeMap<String, Vec<String>>);

impl Types {
    pub(super) fn add(&mut self, file: &str, tokens: &TokenStream) {
        if file.ends_with("tests.rs") {
            return;
        }
        each_level(tokens, &mut |level| {
            for pair in level.windows(2) {
                if let [TokenTree::Ident(kind), TokenTree::Ident(name)] = pair
                    && ["struct", "enum", "union", "trait"]
                        .iter()
                        .any(|known| kind == known)
                {
                    let places = self.0.entry(name.to_string()).or_default();
                    places.push(format!("{file}:{}", line(&pair[1])));
                }
            }
        });
    }

    pub(super) fn repeated(self) -> impl Iterator<Item = (String, Vec<String>)> {
        self.0.into_iter().filter(|(_, places)| places.len() > 1)
    }
}

#[cfg(test)]
mod tests {
    use super::Types;

    fn repeated(files: &[(&str, &str)]) -> Vec<(String, Vec<String>)> {
        let mut types = Types::default();
        for (file, text) in files {
            types.add(file, &text.parse().unwrap());
        }
        types.repeated().collect()
    }

    #[test]
    fn types_of_different_names_and_aliases_pass() {
        let files = [
            ("a.rs", "struct A; enum B {} type C = A; impl A {}"),
            ("b.rs", "type A = super::A; type C = u8; fn a(a: A) {}"),
            ("b_tests.rs", "struct A;"),
        ];
        assert_eq!(repeated(&files), []);
    }

    #[test]
    fn types_of_one_name_fail_whatever_their_kinds() {
        let files = [
            ("a.rs", "struct Core<T>(T);"),
            ("b.rs", "mod inner {\n pub trait Core {} }"),
        ];
        let places = vec!["a.rs:1".to_owned(), "b.rs:2".to_owned()];
        assert_eq!(repeated(&files), [("Core".to_owned(), places)]);
    }
}
