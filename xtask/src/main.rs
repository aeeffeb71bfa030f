//! `cargo xtask`: the checks that guard this repository.

#![forbid(unsafe_code)]

mod exports;
mod gate;
mod layers;
mod metadata;
mod msrv;
mod scaling;
mod shell;
mod source;
mod test_summary;
mod unsafe_census;
mod words;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask COMMAND

  check [-p NAME]  the fast checks, of all crates or of one: format, clippy,
                   rustdoc, unsafe-census, exports, layers, words
  unsafe-census    count `unsafe` per file; fail on a file off the list
  layers           no circle of files in any crate; in crates/reunite, modules
                   use only what is below them
  exports          no crate exports a name at two paths
  words [-p NAME] [--list] [--lower]
                   plain words: commit subjects, type names, doc comments, help
                   texts, plurals, metaphors; --list prints every hit, --lower
                   lowers the ceilings in xtask/words.txt
  msrv             no dependency needs a newer Rust than promised
  test             every test and doc test of the workspace
  model            the model checks of crates/reunite
  no-looks         the tests of crates/reunite with waits that never look up
                   again by themselves
  scaling [PART]   count the instructions of each public operation at growing
                   sizes, or of those whose name contains PART; needs valgrind
  browser          the generated pages in Chromium, which must be installed
  ci               all of the above
  samples          render samples/photos again
  samples --many N --out DIR
                   render N distinct 4000x3000 JPEGs to measure with
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["check"] => gate::check(None),
        ["check", "-p", package] => gate::check(Some(package)),
        ["unsafe-census"] => unsafe_census::run(),
        ["layers"] => layers::run(),
        ["exports"] => exports::run(),
        ["words", rest @ ..] => words_options(rest).and_then(|options| words::run(&options)),
        ["msrv"] => msrv::run(),
        ["test"] => gate::test(),
        ["model"] => gate::model(),
        ["no-looks"] => gate::no_looks(),
        ["scaling"] => scaling::run(""),
        ["scaling", part] => scaling::run(part),
        ["browser"] => gate::browser(),
        ["ci"] => gate::ci(),
        ["samples", rest @ ..] => gate::samples(rest),
        [] | ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        other => Err(format!("unknown command `{}`\n\n{USAGE}", other.join(" "))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}

fn words_options<'a>(args: &[&'a str]) -> Result<words::Options<'a>, String> {
    let mut options = words::Options::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match *arg {
            "--list" => options.list = true,
            "--lower" => options.lower = true,
            "-p" => options.package = Some(args.next().ok_or("-p needs the name of a crate")?),
            other => return Err(format!("unknown option `{other}` of `cargo xtask words`")),
        }
    }
    Ok(options)
}
