//! Checks that the cost of each public operation does not grow with what else exists: counts its instructions at three sizes.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::metadata::Metadata;
use crate::shell;

/// The factor by which an operation may cost more at a larger size than at the smallest.
const TOLERANCE: f64 = 1.10;

/// The number of attempts for an operation whose cost seems to grow. One attempt without growth is enough: the work of other
/// threads is counted too, and on a busy machine more of it falls into the longer sections. A cost that really grows does so in
/// each attempt.
const ATTEMPTS: usize = 8;

/// Counts all operations of the crate `scaling` whose name contains `part`, and fails if one grows.
pub(crate) fn run(part: &str) -> Result<(), String> {
    let program = build()?;
    let listed = shell::output(shell::tool(&program).arg("list"))?;
    let listed = listed.lines().filter_map(|line| line.split_once(' '));
    let operations: Vec<_> = listed.filter(|(name, _)| name.contains(part)).collect();
    if operations.is_empty() {
        return Err(format!("no operation is named like `{part}`"));
    }
    let mut growing = Vec::new();
    for (name, growth) in operations {
        let is_logarithmic = growth == "logarithm";
        let mut counted = count(&program, name)?;
        let mut attempts = 1;
        while counted.grows(is_logarithmic) && attempts < ATTEMPTS {
            counted = count(&program, name)?;
            attempts += 1;
        }
        let grows = counted.grows(is_logarithmic);
        println!("    {counted}{}", if grows { "  GROWS" } else { "" });
        if grows {
            growing.push(name);
        }
    }
    if growing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "cost more than {:.0} % more at the largest size: {}",
        (TOLERANCE - 1.0) * 100.0,
        growing.join(", ")
    ))
}

/// Builds the program so that waits park at once: how often they ask before depends on the time.
fn build() -> Result<String, String> {
    let target = PathBuf::from(Metadata::load()?.target_directory()).join("no-looks");
    shell::run(
        shell::cargo()
            .args(["build", "--release", "-p", "scaling", "--target-dir"])
            .arg(&target)
            .env("RUSTFLAGS", "--cfg reunite_no_looks"),
    )?;
    Ok(target.join("release/scaling").display().to_string())
}

/// The instructions per operation at each size.
struct Counted {
    name: String,
    /// Smallest size first.
    costs: Vec<(usize, f64)>,
}

impl Counted {
    /// Returns whether the cost at the largest size exceeds that at the smallest. Sizes between them are ignored, because there
    /// the allocator may have another layout.
    fn grows(&self, is_logarithmic: bool) -> bool {
        let [(least, smallest), .., (most, largest)] = self.costs.as_slice() else {
            return false;
        };
        let allowed = if is_logarithmic {
            (*most as f64).ln() / (*least as f64).ln()
        } else {
            1.0
        };
        *largest > smallest * allowed * TOLERANCE
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:52}", self.name)?;
        for (size, cost) in &self.costs {
            write!(f, " {size:>6}: {cost:>8.0}")?;
        }
        Ok(())
    }
}

/// Runs one operation under callgrind.
fn count(program: &str, name: &str) -> Result<Counted, String> {
    let folder = Path::new(program).with_file_name("scaling-counts");
    // What an earlier run left would be taken for this one's.
    let _nothing_there = std::fs::remove_dir_all(&folder);
    let failed = |why| format!("{}: {why}", folder.display());
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let out = folder.join("counts");
    let told = shell::output(
        shell::tool("valgrind")
            .args(["--tool=callgrind", "--quiet", "--max-threads=4000"])
            .arg("--dump-before=scaling::meter::boundary*")
            .arg(format!("--callgrind-out-file={}", out.display()))
            .args([program, name])
            // Or an allocator gives memory back to the system, and asks for it again, at some sizes and not at others.
            .envs(["MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_"].map(|name| (name, "1000000000"))),
    )?;
    let mut costs: Vec<(usize, f64)> = Vec::new();
    for (at, line) in told.lines().enumerate() {
        let (size, operations) = section(line).ok_or(format!("{name}: `{line}`"))?;
        // Dumps are numbered from one; each section is between two of them.
        let path = format!("{}.{}", out.display(), 2 * at + 2);
        let dump = std::fs::read_to_string(&path).map_err(|why| format!("{path}: {why}"))?;
        let instructions = total(&dump).ok_or(format!("{path} has no total"))?;
        let cost = instructions / operations;
        match costs.last_mut().filter(|(last, _)| *last == size) {
            Some((_, least)) => *least = least.min(cost),
            None => costs.push((size, cost)),
        }
    }
    if costs.len() != 3 {
        return Err(format!("{name} has not measured three sizes"));
    }
    Ok(Counted {
        name: name.to_owned(),
        costs,
    })
}

/// The size and the number of operations in a line that the program prints.
fn section(line: &str) -> Option<(usize, f64)> {
    let (size, operations) = line.split_once(' ')?;
    Some((size.parse().ok()?, operations.parse().ok()?))
}

/// The instructions that a dump of callgrind counts.
fn total(dump: &str) -> Option<f64> {
    let line = dump
        .lines()
        .find_map(|line| line.strip_prefix("totals: "))?;
    line.trim().parse().ok()
}
