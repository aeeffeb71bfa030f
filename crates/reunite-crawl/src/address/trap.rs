//! Addresses that go on for ever.
//!
//! A relative link on an error page that answers 200 makes `/a/b/a/b/a/b/…`; a calendar or a filter makes
//! a new query for every click. The first is told by the address alone; of the second kind, so many
//! addresses that differ only in the values of their queries are followed and no more.

use std::collections::HashMap;

use url::Url;

const DEEPEST: usize = 48;
const REPEATS: usize = 4;

/// Whether the path runs in circles or is deeper than any made by a person.
pub(crate) fn is_trap(url: &Url) -> bool {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (depth, segment) in url.path().split('/').filter(|s| !s.is_empty()).enumerate() {
        let count = seen.entry(segment).or_default();
        *count += 1;
        if depth >= DEEPEST || *count > REPEATS {
            return true;
        }
    }
    false
}

/// What addresses that differ only in the values of their queries have in common; none without a query.
pub(crate) fn shape(url: &Url) -> Option<String> {
    let query = url.query()?;
    let mut names: Vec<&str> = query
        .split('&')
        .map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name))
        .collect();
    names.sort_unstable();
    names.dedup();
    let mut shape = url.clone();
    shape.set_query(Some(&names.join("&")));
    Some(shape.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(path: &str) -> Url {
        Url::parse(&format!("http://h.test{path}")).unwrap()
    }

    #[test]
    fn circles_are_traps_and_ordinary_paths_are_not() {
        assert!(is_trap(&url("/a/b/a/b/a/b/a/b/a/b")));
        assert!(is_trap(&url(&"/x1/y2".repeat(30))));
        let deep: String = (0..60).map(|n| format!("/{n}")).collect();
        assert!(is_trap(&url(&deep)));
        assert!(!is_trap(&url("/2024/01/01/01/a-page/")));
        assert!(!is_trap(&url("/")));
    }

    #[test]
    fn queries_with_the_same_names_have_one_shape() {
        let shape = |path| shape(&url(path));
        assert_eq!(shape("/c?year=1&month=2"), shape("/c?month=3&year=9"));
        assert_ne!(shape("/c?year=1"), shape("/d?year=1"));
        assert_eq!(shape("/c"), None);
    }
}
