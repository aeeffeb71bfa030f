//! The program `reunite`: tools that do many things at a time and lose none of them.
#![forbid(unsafe_code)]

mod args;
mod commands;
mod complain;
mod exit;
mod interrupt;
mod units;

use std::io::Write;

use clap::{CommandFactory, Parser};

use args::{Args, Command};
use exit::Exit;

fn main() -> std::process::ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help and version are errors to clap, but not to whoever asked for them.
            let _closed_output = error.print();
            return if error.use_stderr() {
                Exit::CouldNotBegin
            } else {
                Exit::Done
            }
            .into();
        }
    };
    match args.command {
        Command::Images(args) => {
            commands::dump::answer();
            commands::images::run(&args)
        }
        Command::Dump(args) => commands::dump::run(&args),
        Command::Crawl(args) => {
            commands::dump::answer();
            commands::crawl::run(&args)
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "reunite", &mut script);
            let _closed_output = std::io::stdout().write_all(&script);
            Exit::Done
        }
    }
    .into()
}
