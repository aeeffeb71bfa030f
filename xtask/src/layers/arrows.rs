//! Checks the uses between modules against the table of layers.

use std::collections::BTreeMap;

use super::circles::Arrows;
use super::paths::Named;
use super::rooms::Room;

pub(crate) struct House<'a> {
    layers: &'a [&'a [&'a str]],
    /// Arrows between rooms on the same line.
    level: Arrows,
}

impl<'a> House<'a> {
    pub(crate) fn new(layers: &'a [&'a [&'a str]]) -> Self {
        Self {
            layers,
            level: Arrows::default(),
        }
    }

    pub(crate) fn knows(&self, room: &str) -> bool {
        self.floor(room).is_some()
    }

    /// The line of the table, counted from the roof.
    fn floor(&self, room: &str) -> Option<usize> {
        self.layers.iter().position(|line| line.contains(&room))
    }

    /// Records the use that `path` stands for, if it leaves its module, and returns what is wrong with it.
    pub(crate) fn enter(
        &mut self,
        room: &Room,
        path: &Named,
        homes: &BTreeMap<String, String>,
    ) -> Option<String> {
        let inside = absolute(path)?;
        let place = format!("  {}:{}", room.file, path.line);
        let shown = path.segments.join("::");
        let from = &room.module[0];
        let Some(first) = inside.first().filter(|first| *first != "*") else {
            return Some(format!(
                "{place}: `{shown}` takes in the whole crate: name the room"
            ));
        };
        let home = homes
            .get(first)
            .or_else(|| homes.get(&inside.get(..2)?.join("::")));
        let to = match (self.knows(first), home) {
            (true, _) => first,
            (false, Some(home)) if self.knows(home) => home,
            // A module without a layer is reported once, at the module itself.
            (false, Some(home)) if home == first => return None,
            _ => {
                return Some(format!(
                    "{place}: `{shown}`: `{first}` is in no layer: add it to the table in \
                     xtask/src/layers/mod.rs"
                ));
            }
        };
        if from == to {
            return None;
        }
        match self.floor(to).cmp(&self.floor(from)) {
            std::cmp::Ordering::Less => {
                Some(format!("{place}: {from} -> {to} points upward: `{shown}`"))
            }
            std::cmp::Ordering::Greater => None,
            std::cmp::Ordering::Equal => {
                self.level
                    .draw(from, to, || format!("{}:{}", room.file, path.line));
                None
            }
        }
    }

    /// Every circle of arrows between rooms on one line.
    pub(crate) fn circles(&self) -> Vec<String> {
        self.level.circles()
    }
}

/// The path from the crate's root, or nothing if it does not start with `crate`, `super` or `self`.
fn absolute(path: &Named) -> Option<Vec<String>> {
    let mut module = path.module.clone();
    let mut rest = path.segments.as_slice();
    match rest.first()?.as_str() {
        "crate" => {
            module.clear();
            rest = &rest[1..];
        }
        "self" | "super" => {}
        _ => return None,
    }
    while let Some(word) = rest.first() {
        match word.as_str() {
            "self" => {}
            "super" => drop(module.pop()),
            _ => break,
        }
        rest = &rest[1..];
    }
    module.extend_from_slice(rest);
    Some(module)
}
