//! The record of what the tree still has: `xtask/words.txt`.

use std::collections::BTreeMap;

use super::findings::Findings;
use super::rule::Rule;

/// A parsed `xtask/words.txt`. Each line is empty, a comment (`#`), or one of:
///
/// - `base COMMIT`: the commit after which subjects are checked
/// - `ceiling RULE CRATE COUNT`: the number of hits that a rule may have in a crate; without a line, none
/// - `same-name CRATE NAME [REASON]`: a name that several types of a crate have; with a reason, for good
#[derive(Debug)]
pub(crate) struct Record {
    base: String,
    ceilings: BTreeMap<(Rule, String), usize>,
    names: Vec<(String, String)>,
}

enum Line<'a> {
    Text,
    Base(&'a str),
    Ceiling(Rule, &'a str, usize),
    SameName(&'a str, &'a str),
}

impl Line<'_> {
    fn parse(text: &str) -> Option<Line<'_>> {
        let mut words = text.split_whitespace();
        Some(match words.next() {
            None => Line::Text,
            Some(word) if word.starts_with('#') => Line::Text,
            Some("base") => Line::Base(words.next()?),
            Some("ceiling") => {
                let (rule, package) = (words.next()?, words.next()?);
                let rule = Rule::ALL.into_iter().find(|known| known.name() == rule)?;
                Line::Ceiling(rule, package, words.next()?.parse().ok()?)
            }
            Some("same-name") => Line::SameName(words.next()?, words.next()?),
            Some(_) => return None,
        })
    }
}

impl Record {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut record = Self {
            base: String::new(),
            ceilings: BTreeMap::new(),
            names: Vec::new(),
        };
        for line in text.lines() {
            match Line::parse(line).ok_or_else(|| format!("malformed line `{line}`"))? {
                Line::Text => {}
                Line::Base(base) => record.base = base.to_owned(),
                Line::Ceiling(rule, package, count) => {
                    record.ceilings.insert((rule, package.to_owned()), count);
                }
                Line::SameName(package, name) => {
                    record.names.push((package.to_owned(), name.to_owned()));
                }
            }
        }
        Ok(record)
    }

    pub(super) fn base(&self) -> &str {
        &self.base
    }

    pub(super) fn ceiling(&self, rule: Rule, package: &str) -> usize {
        let key = (rule, package.to_owned());
        self.ceilings.get(&key).copied().unwrap_or(0)
    }

    pub(super) fn names<'a>(&'a self, package: &str) -> impl Iterator<Item = &'a str> {
        let of_package = self.names.iter().filter(move |(at, _)| at == package);
        of_package.map(|(_, name)| name.as_str())
    }

    /// Returns the findings above the record, and prints the ceilings that could fall.
    pub(super) fn faults(&self, findings: &Findings, list: bool) -> Vec<String> {
        let mut faults = Vec::new();
        for package in &findings.packages {
            for rule in Rule::ALL {
                let (count, ceiling) = (findings.count(rule, package), self.ceiling(rule, package));
                let hits = findings.hits.get(&(rule, package.clone()));
                if list {
                    hits.into_iter().flatten().for_each(|hit| println!("{hit}"));
                }
                if count > ceiling {
                    faults.extend(hits.into_iter().flatten().cloned());
                    let advice = rule.advice();
                    faults.push(format!(
                        "  {package}: {rule}: {count} above the ceiling of {ceiling}: {advice}"
                    ));
                } else if count < ceiling {
                    println!(
                        "words: {package}: {rule}: {count} below the ceiling of {ceiling}: run \
                         `cargo xtask words --lower`"
                    );
                }
            }
            for name in self.names(package) {
                if !findings.is_repeated(package, name) {
                    println!(
                        "words: {package}: `{name}` names at most one type by now: run `cargo xtask \
                         words --lower`"
                    );
                }
            }
        }
        for ((package, name), places) in &findings.repeated {
            if !self.names(package).any(|known| known == name) {
                faults.push(format!(
                    "  {package}: same-name: several types are called `{name}`: {}",
                    places.join(", ")
                ));
            }
        }
        faults
    }

    /// Returns `text` with its ceilings lowered to what was counted, and without names that one type alone has.
    pub(super) fn lower(&self, text: &str, findings: &Findings) -> String {
        let is_checked = |package: &str| findings.packages.iter().any(|name| name == package);
        let mut lowered = String::new();
        for line in text.lines() {
            let line = match Line::parse(line) {
                Some(Line::Ceiling(rule, package, ceiling)) if is_checked(package) => {
                    match ceiling.min(findings.count(rule, package)) {
                        0 => continue,
                        count => format!("ceiling {rule} {package} {count}"),
                    }
                }
                Some(Line::SameName(package, name))
                    if is_checked(package) && !findings.is_repeated(package, name) =>
                {
                    continue;
                }
                _ => line.to_owned(),
            };
            lowered.push_str(&line);
            lowered.push('\n');
        }
        lowered
    }
}

#[cfg(test)]
mod tests {
    use super::super::rule::Hit;
    use super::*;

    const TEXT: &str = "\
# A comment
base abc

ceiling plural one 2
ceiling plural two 5
same-name one Core
same-name one Iter as in std
";

    fn findings(plurals: usize, repeated: &[&str]) -> Findings {
        let mut findings = Findings {
            packages: vec!["one".to_owned()],
            ..Findings::default()
        };
        let hit = |line| Hit {
            line,
            text: String::new(),
        };
        findings.note(Rule::Plural, "one", "a.rs", (0..plurals).map(hit).collect());
        for name in repeated {
            let key = ("one".to_owned(), (*name).to_owned());
            findings.repeated.insert(key, Vec::new());
        }
        findings
    }

    #[test]
    fn counts_up_to_the_ceiling_and_recorded_names_pass() {
        let record = Record::parse(TEXT).unwrap();
        assert_eq!(record.base(), "abc");
        for plurals in 0..=2 {
            let faults = record.faults(&findings(plurals, &["Core", "Iter"]), false);
            assert_eq!(faults, Vec::<String>::new());
        }
    }

    #[test]
    fn counts_above_the_ceiling_and_other_names_fail() {
        let record = Record::parse(TEXT).unwrap();
        let faults = record.faults(&findings(3, &[]), false);
        assert_eq!(faults.len(), 4, "three hits and a sum: {faults:?}");
        let faults = record.faults(&findings(0, &["Desk"]), false);
        assert_eq!(faults.len(), 1, "{faults:?}");
    }

    #[test]
    fn ceilings_fall_and_never_rise() {
        let record = Record::parse(TEXT).unwrap();
        let lowered = record.lower(TEXT, &findings(1, &["Iter"]));
        let lower = TEXT.replace("plural one 2", "plural one 1");
        assert_eq!(lowered, lower.replace("same-name one Core\n", ""));
        let names = ["Core", "Iter"];
        assert_eq!(record.lower(TEXT, &findings(3, &names)), TEXT);
        let gone = TEXT.replace("ceiling plural one 2\n", "");
        assert_eq!(record.lower(TEXT, &findings(0, &names)), gone);
    }

    #[test]
    fn a_malformed_line_is_an_error() {
        for text in ["ceiling plural one", "ceiling style one 2", "other"] {
            assert!(Record::parse(text).is_err(), "{text}");
        }
    }
}
