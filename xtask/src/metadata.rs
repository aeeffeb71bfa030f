//! The output of `cargo metadata` for the workspace.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::shell;

pub(crate) struct Metadata(Value);

impl Metadata {
    pub(crate) fn load() -> Result<Self, String> {
        let output = shell::cargo()
            .args(["metadata", "--format-version", "1", "--all-features"])
            .output()
            .map_err(|why| format!("`cargo metadata` did not start: {why}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("`cargo metadata` failed:\n{said}"));
        }
        serde_json::from_slice(&output.stdout)
            .map(Self)
            .map_err(|why| format!("`cargo metadata` printed something else than JSON: {why}"))
    }

    #[cfg(test)]
    pub(crate) fn from_value(value: Value) -> Self {
        Self(value)
    }

    pub(crate) fn target_directory(&self) -> &str {
        text(&self.0["target_directory"])
    }

    pub(crate) fn package(&self, name: &str) -> Option<&Value> {
        self.packages()
            .find(|package| text(&package["name"]) == name)
    }

    fn packages(&self) -> impl Iterator<Item = &Value> {
        list(&self.0["packages"])
    }

    pub(crate) fn members(&self) -> BTreeSet<&str> {
        list(&self.0["workspace_members"]).map(text).collect()
    }

    pub(crate) fn member_packages(&self) -> impl Iterator<Item = &Value> {
        let members = self.members();
        self.packages()
            .filter(move |package| members.contains(text(&package["id"])))
    }

    /// Returns the packages that the wanted members need to be built: themselves and their dependencies, without
    /// dev-dependencies.
    pub(crate) fn needed_to_build(&self, wanted: impl Fn(&Value) -> bool) -> Vec<&Value> {
        let edges: BTreeMap<&str, Vec<&str>> = list(&self.0["resolve"]["nodes"])
            .map(|node| {
                let built = list(&node["deps"])
                    .filter(|dep| list(&dep["dep_kinds"]).any(|kind| kind["kind"] != "dev"))
                    .map(|dep| text(&dep["pkg"]));
                (text(&node["id"]), built.collect())
            })
            .collect();
        let mut reached = BTreeSet::new();
        let mut next: Vec<&str> = self
            .member_packages()
            .filter(|member| wanted(member))
            .map(|member| text(&member["id"]))
            .collect();
        while let Some(id) = next.pop() {
            if reached.insert(id) {
                next.extend(edges.get(id).into_iter().flatten());
            }
        }
        self.packages()
            .filter(|package| reached.contains(text(&package["id"])))
            .collect()
    }
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
