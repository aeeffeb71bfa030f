//! `cargo xtask words`: checks the rules of plain words that a program can check.
//!
//! Five rules read the source, one reads the commit subjects. `xtask/words.txt` records how many hits each crate still has
//! of each rule. These ceilings may only fall.

mod commits;
mod docs;
mod findings;
mod help;
mod metaphors;
mod names;
mod plurals;
mod record;
mod rule;
mod tokens;

use std::fs;
use std::path::Path;

use crate::metadata::{self, Metadata};
use crate::shell::workspace_root;
use findings::Findings;
use record::Record;

/// The options of `cargo xtask words`.
#[derive(Default)]
pub(crate) struct Options<'a> {
    /// Checks this package alone.
    pub(crate) package: Option<&'a str>,
    /// Prints every hit, below the ceilings too.
    pub(crate) list: bool,
    /// Lowers the ceilings in `xtask/words.txt` to what was counted.
    pub(crate) lower: bool,
}

pub(crate) fn run(options: &Options<'_>) -> Result<(), String> {
    let root = workspace_root();
    let path = root.join("xtask/words.txt");
    let text = fs::read_to_string(&path).map_err(|why| format!("{}: {why}", path.display()))?;
    let record = Record::parse(&text).map_err(|why| format!("{}: {why}", path.display()))?;
    let mut findings = Findings::default();
    for package in Metadata::load()?.member_packages() {
        let name = metadata::text(&package["name"]);
        if options.package.is_none_or(|wanted| wanted == name) {
            let manifest = Path::new(metadata::text(&package["manifest_path"]));
            findings.add(&root, name, manifest)?;
        }
    }
    if let (Some(name), true) = (options.package, findings.packages.is_empty()) {
        return Err(format!("words: the workspace has no package `{name}`"));
    }
    let mut faults = record.faults(&findings, options.list);
    match commits::since(&root, record.base())? {
        commits::Outcome::Checked(long) => faults.extend(long),
        commits::Outcome::Skipped(reason) => println!("words: commit subjects skipped: {reason}"),
    }
    if options.lower {
        let lowered = record.lower(&text, &findings);
        fs::write(&path, lowered).map_err(|why| format!("{}: {why}", path.display()))?;
    }
    if faults.is_empty() {
        println!(
            "words: no rule above its ceiling; files read: {}",
            findings.files
        );
        Ok(())
    } else {
        Err(format!("words:\n{}", faults.join("\n")))
    }
}
