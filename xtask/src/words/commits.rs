//! Commit subjects have at most 72 characters.

use std::path::Path;
use std::process::Command;

const CHARACTERS: usize = 72;

pub(super) enum Outcome {
    /// The subjects that are too long.
    Checked(Vec<String>),
    /// The reason why there is nothing to check.
    Skipped(String),
}

/// Checks the subjects of the commits after `base`.
pub(super) fn since(root: &Path, base: &str) -> Result<Outcome, String> {
    let git = |args: &[&str]| {
        let mut command = Command::new("git");
        command.current_dir(root).args(args).output()
    };
    let Ok(known) = git(&["merge-base", "--is-ancestor", base, "HEAD"]) else {
        return Ok(Outcome::Skipped("git is not installed".to_owned()));
    };
    if !known.status.success() {
        let why = String::from_utf8_lossy(&known.stderr);
        let why = why.trim();
        return Ok(Outcome::Skipped(match why {
            "" => format!("{base}, after which they are checked, is not in the history"),
            _ => why.to_owned(),
        }));
    }
    let log = git(&["log", "--format=%h %s", &format!("{base}..HEAD")])
        .map_err(|why| format!("git: {why}"))?;
    if !log.status.success() {
        return Err(format!("git: {}", String::from_utf8_lossy(&log.stderr)));
    }
    Ok(Outcome::Checked(too_long(&String::from_utf8_lossy(
        &log.stdout,
    ))))
}

/// Finds the subjects that are too long, one `HASH SUBJECT` per line.
fn too_long(log: &str) -> Vec<String> {
    log.lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(hash, subject)| (hash, subject, subject.chars().count()))
        .filter(|(_, _, count)| *count > CHARACTERS)
        .map(|(hash, subject, count)| {
            format!("  commit {hash}: subject of {count} characters: {subject}")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Outcome, since, too_long};

    #[test]
    fn subjects_of_72_characters_pass_and_longer_ones_fail() {
        let (fits, long) = ("é".repeat(72), "x".repeat(73));
        let log = format!("abc1234 {fits}\ndef5678 {long}\n0123456 \n");
        let found = too_long(&log);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("def5678"), "{found:?}");
    }

    #[test]
    fn a_folder_without_history_or_base_is_skipped() {
        let base = "0123456789012345678901234567890123456789";
        for root in [std::path::Path::new("/"), &crate::shell::workspace_root()] {
            assert!(matches!(since(root, base), Ok(Outcome::Skipped(_))));
        }
    }
}
