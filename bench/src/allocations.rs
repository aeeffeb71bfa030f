//! The number of allocations for each thread of a scope. valgrind counts those of two runs of this program, of which
//! the second starts more threads. A counting allocator would disturb all other measurements.

use std::error::Error;
use std::hint::black_box;
use std::process::{Command, Stdio};

use crate::table::Table;

/// The hidden command by which this program starts threads, one after the other.
pub(crate) const COMMAND: &str = "spawn-and-join";

const STD: &str = "std::thread::scope";
const MINE: &str = "reunite::scope";

/// Runs [`COMMAND`].
pub(crate) fn spawn_and_join(home: &str, count: usize) -> Result<(), Box<dyn Error>> {
    match home {
        STD => std::thread::scope(|s| {
            (0..count).for_each(|n| drop(black_box(s.spawn(move || black_box(n)).join())));
        }),
        MINE => reunite::scope(|s| {
            (0..count).for_each(|n| drop(black_box(s.spawn(move || black_box(n)).join())));
        }),
        _ => return Err(format!("no thread is started by `{home}`").into()),
    }
    Ok(())
}

pub(crate) fn measure(table: &mut Table) {
    const FEWER: usize = 200;
    const MORE: usize = 600;
    let mut counts = Vec::new();
    for home in [STD, MINE] {
        let (Some(fewer), Some(more)) = (allocations(home, FEWER), allocations(home, MORE)) else {
            println!("\nallocations were not counted: valgrind is not installed, or failed");
            return;
        };
        counts.push((home, vec![(more - fewer) / (MORE - FEWER) as f64]));
    }
    let what = "spawn one in a scope, join it: allocations";
    println!("\n{what}");
    table.add(what, "", counts.into_iter());
}

/// The allocations of a whole process.
fn allocations(home: &str, count: usize) -> Option<f64> {
    let program = std::env::current_exe().ok()?;
    let output = Command::new("valgrind")
        .args(["--leak-check=no", "--undef-value-errors=no"])
        .arg(program)
        .args([COMMAND, home, &count.to_string()])
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stderr);
    let (_, usage) = text.split_once("total heap usage: ")?;
    let (allocations, _) = usage.split_once(" allocs")?;
    allocations.replace(',', "").parse().ok()
}
