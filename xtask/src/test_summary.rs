//! Adds up the result lines of many test binaries.

use std::fmt;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use crate::shell;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TestSummary {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl TestSummary {
    /// Adds the counts of `line` if it is the result line of a test binary.
    fn read(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result: ") else {
            return;
        };
        let counts = counts.split_once(". ").map_or(counts, |(_, counts)| counts);
        for part in counts.split("; ") {
            match part.split_once(' ') {
                Some((number, "passed")) => self.passed += number.parse().unwrap_or(0),
                Some((number, "failed")) => self.failed += number.parse().unwrap_or(0),
                Some((number, "ignored")) => self.skipped += number.parse().unwrap_or(0),
                _ => {}
            }
        }
    }
}

impl std::ops::AddAssign for TestSummary {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for TestSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

/// Runs a `cargo test` command, prints its output as it arrives, and counts the tests.
pub(crate) fn run(command: &mut Command) -> Result<TestSummary, String> {
    let shown = shell::line_of(command);
    println!("    {shown}");
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|why| format!("`{shown}` did not start: {why}"))?;
    let mut summary = TestSummary::default();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line.map_err(|why| format!("reading from `{shown}`: {why}"))?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            summary.read(&line);
        }
    }
    let status = child.wait().map_err(|why| format!("`{shown}`: {why}"))?;
    if !status.success() {
        return Err(format!("`{shown}` failed ({status}; {summary})"));
    }
    if summary.passed == 0 {
        return Err(format!("`{shown}` ran no test"));
    }
    Ok(summary)
}

#[cfg(test)]
mod tests {
    use super::TestSummary;

    #[test]
    fn result_lines_add_up_and_other_lines_do_not_count() {
        let mut summary = TestSummary::default();
        for line in [
            "test a::b ... ok",
            "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.0s",
            "the code printed: 7 passed; 7 failed",
            "test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out",
        ] {
            summary.read(line);
        }
        assert_eq!(
            summary,
            TestSummary {
                passed: 7,
                failed: 3,
                skipped: 1
            }
        );
        assert_eq!(summary.to_string(), "7 passed, 3 failed, 1 skipped");
    }
}
