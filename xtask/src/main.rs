//! `cargo xtask`: the checks that guard this repository, and the sample photos it ships.

#![forbid(unsafe_code)]

mod exports;
mod gate;
mod layers;
mod metadata;
mod msrv;
mod samples;
mod scaling;
mod shell;
mod source;
#[cfg(feature = "samples")]
mod studio;
mod tally;
mod unsafe_census;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask COMMAND

  check           the fast gate: format, clippy, rustdoc, unsafe census, exports, layers
  unsafe-census   every `unsafe` under crates/*/src; fails on a file off the list
  layers          no circle of files in any crate; in reunite, arrows point only downward
  exports         no name is exported at two paths of a crate
  msrv            no dependency asks for a newer Rust than we promise
  test            every test and doc test of the workspace
  model           the model checks of crates/reunite
  no-looks        the tests of crates/reunite, with waits that never look up by themselves
  scaling [PART]  counts the instructions of each public operation beside ever more of what it could depend on, or of
                  those whose name contains PART; needs valgrind
  browser         the pages that the program makes, in Chromium, which has to be installed
  ci              all of the above
  samples         renders samples/photos anew
  samples --many N --out DIR
                  renders N distinct 4000x3000 JPEGs to measure with
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["check"] => gate::check(),
        ["unsafe-census"] => unsafe_census::run(),
        ["layers"] => layers::run(),
        ["exports"] => exports::run(),
        ["msrv"] => msrv::run(),
        ["test"] => gate::test(),
        ["model"] => gate::model(),
        ["no-looks"] => gate::no_looks(),
        ["scaling"] => scaling::run(""),
        ["scaling", part] => scaling::run(part),
        ["browser"] => gate::browser(),
        ["ci"] => gate::ci(),
        ["samples", rest @ ..] => samples::run(rest),
        [] | ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        other => Err(format!(
            "`{}` is not a command of xtask\n\n{USAGE}",
            other.join(" ")
        )),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}
