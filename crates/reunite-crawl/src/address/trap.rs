//! Traps: sites with an endless number of addresses.
//!
//! A relative link on an error page with status 200 leads to `/a/b/a/b/a/b/…`. A calendar or a filter makes a new
//! query for each click. The first kind is recognised by the address alone. The second kind is limited: only so
//! many addresses that differ only in the values of their query parameters are followed.

use std::collections::HashMap;

use url::Url;

/// The deepest path that is taken for one made by a person.
const MAX_DEPTH: usize = 48;
/// The largest number of times that one segment may occur in a path.
const MAX_REPEATS: usize = 4;

/// Returns true if the path repeats itself or is too deep.
pub(crate) fn is_trap(url: &Url) -> bool {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (depth, segment) in url.path().split('/').filter(|s| !s.is_empty()).enumerate() {
        let count = seen.entry(segment).or_default();
        *count += 1;
        if depth >= MAX_DEPTH || *count > MAX_REPEATS {
            return true;
        }
    }
    false
}

/// Returns the address with the names of its query parameters but not their values, or `None` without a query.
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
    fn repeating_and_deep_paths_are_traps_and_ordinary_ones_are_not() {
        assert!(is_trap(&url("/a/b/a/b/a/b/a/b/a/b")));
        assert!(is_trap(&url(&"/x1/y2".repeat(30))));
        let deep: String = (0..60).map(|n| format!("/{n}")).collect();
        assert!(is_trap(&url(&deep)));
        assert!(!is_trap(&url("/2024/01/01/01/a-page/")));
        assert!(!is_trap(&url("/")));
    }

    #[test]
    fn queries_with_the_same_parameter_names_have_the_same_shape() {
        let shape = |path| shape(&url(path));
        assert_eq!(shape("/c?year=1&month=2"), shape("/c?month=3&year=9"));
        assert_ne!(shape("/c?year=1"), shape("/d?year=1"));
        assert_eq!(shape("/c"), None);
    }
}
