//! Circles of arrows: between rooms on one line of the table, and between files.

use std::collections::{BTreeMap, BTreeSet};

/// The uses between names, each with the place where it was found first.
#[derive(Default)]
pub(crate) struct Arrows {
    from: BTreeMap<String, BTreeMap<String, String>>,
}

impl Arrows {
    /// Records that `from` uses `to`, unless that is recorded already.
    pub(crate) fn draw(&mut self, from: &str, to: &str, place: impl FnOnce() -> String) {
        let arrows = self.from.entry(from.to_owned()).or_default();
        arrows.entry(to.to_owned()).or_insert_with(place);
    }

    /// Describes every circle: for each name that lies on one, the shortest through it.
    pub(crate) fn circles(&self) -> Vec<String> {
        let mut reported = BTreeSet::new();
        let mut faults = Vec::new();
        for start in self.from.keys() {
            let Some(circle) = self.way_back(start) else {
                continue;
            };
            let mut members = circle.clone();
            members.sort();
            if reported.insert(members) {
                faults.push(self.describe(&circle));
            }
        }
        faults
    }

    /// The shortest way from `start` along the arrows back to `start`.
    fn way_back(&self, start: &str) -> Option<Vec<String>> {
        let mut ways = vec![vec![start.to_owned()]];
        let mut seen = BTreeSet::new();
        while !ways.is_empty() {
            let mut longer = Vec::new();
            for way in ways {
                let last = way.last()?;
                for next in self.from.get(last).into_iter().flat_map(BTreeMap::keys) {
                    if next == start {
                        return Some(way);
                    }
                    if seen.insert(next) {
                        longer.push([way.as_slice(), std::slice::from_ref(next)].concat());
                    }
                }
            }
            ways = longer;
        }
        None
    }

    fn describe(&self, circle: &[String]) -> String {
        let arrows = circle.iter().enumerate().map(|(at, from)| {
            let to = &circle[(at + 1) % circle.len()];
            format!("{from} -> {to} ({})", self.from[from][to])
        });
        format!(" circle: {}", arrows.collect::<Vec<_>>().join(", "))
    }
}
