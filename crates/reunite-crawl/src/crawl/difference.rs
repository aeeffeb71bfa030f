//! The settings in which a crawl differs from its store.

use std::fmt;

use serde_json::{Map, Value};

/// A setting that differs from the one that the store was created with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The name of the field of [`ScopeRules`](crate::address::ScopeRules) or [`Follow`](crate::Follow).
    pub setting: String,
    /// The value in the store, as text for people.
    pub stored: String,
    /// The value of this crawl, as text for people.
    pub given: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            setting,
            stored,
            given,
        } = self;
        write!(f, "{setting}: stored {stored}, given {given}")
    }
}

/// Returns the differing fields of two different JSON objects. Never empty: if all fields are equal, or a text is not
/// an object, the whole is the difference, named `key`.
pub(super) fn between(key: &str, stored: &str, given: &str) -> Vec<Difference> {
    let object = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap_or_default();
    let (old, new) = (object(stored), object(given));
    let added = new.keys().filter(|name| !old.contains_key(*name));
    let differing = old.keys().chain(added);
    let differing = differing.filter(|&name| old.get(name) != new.get(name));
    let mut differences: Vec<Difference> = differing
        .map(|name| Difference {
            setting: name.clone(),
            stored: readable(old.get(name)),
            given: readable(new.get(name)),
        })
        .collect();
    if differences.is_empty() {
        differences.push(Difference {
            setting: key.to_owned(),
            stored: stored.to_owned(),
            given: given.to_owned(),
        });
    }
    differences
}

fn readable(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "none".to_owned(),
        Some(Value::Bool(true)) => "yes".to_owned(),
        Some(Value::Bool(false)) => "no".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(values)) if values.is_empty() => "none".to_owned(),
        Some(Value::Array(values)) => {
            let values: Vec<String> = values.iter().map(|value| readable(Some(value))).collect();
            values.join(" ")
        }
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_differing_settings_are_named() {
        let stored = r#"{"seeds":["a","b"],"below":false,"hosts":[],"depth":1}"#;
        let given = r#"{"seeds":["a","b"],"below":true,"hosts":["c"],"depth":1}"#;
        let told: Vec<String> = between("scope", stored, given)
            .iter()
            .map(Difference::to_string)
            .collect();
        let expected = ["below: stored no, given yes", "hosts: stored none, given c"];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_text_that_is_no_object_is_the_difference() {
        let told = between("scope", "x", "y");
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].to_string(), "scope: stored x, given y");
    }
}
