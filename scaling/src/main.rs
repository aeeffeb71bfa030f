//! Performs each public operation of the library with n, 4n and 16n of what its cost could depend on. `cargo xtask
//! scaling` runs it under callgrind and compares the instructions for each operation.
#![forbid(unsafe_code)]

mod cancel;
mod channels;
mod lasting;
mod locks;
mod maps;
mod meter;
mod operation;
mod pools;
mod threads;
mod waiting_threads;

use std::process::ExitCode;

use meter::Meter;
use operation::Operation;

const ROOMS: [&[Operation]; 7] = [
    pools::OPERATIONS,
    threads::OPERATIONS,
    locks::OPERATIONS,
    channels::OPERATIONS,
    cancel::OPERATIONS,
    maps::OPERATIONS,
    lasting::OPERATIONS,
];

const USAGE: &str = "\
scaling list   print the names of the operations, and how their cost may grow
               with the size: `none` or `logarithm`
scaling NAME   perform one, and print a line for each section that was counted:
               the size and the number of operations
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let operations = || ROOMS.into_iter().flatten();
    let [word] = args.as_slice() else {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    };
    if word == "list" {
        operations()
            .for_each(|operation| println!("{} {}", operation.name, operation.growth.word()));
        return ExitCode::SUCCESS;
    }
    let Some(operation) = operations().find(|operation| operation.name == word) else {
        eprint!("unknown operation `{word}`\n\n{USAGE}");
        return ExitCode::from(2);
    };
    // Which waits last depends on the time, and so would their cost: see `lasting`.
    reunite::refuse_deadlocks(false);
    for times in [1, 4, 16] {
        let size = operation.size * times;
        (operation.measure)(size, &mut Meter::new(size));
    }
    ExitCode::SUCCESS
}
