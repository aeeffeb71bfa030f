//! The program `reunite`: resizes pictures, crawls web sites and serves folders, in parallel.
#![forbid(unsafe_code)]

mod args;
mod commands;
mod complain;
mod exit;
mod interrupt;
#[cfg(unix)]
mod live;
mod profile;
mod progress;
mod units;
mod usage;

use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;

use clap::{CommandFactory, Parser};

use args::{Args, Bench, Command};
use complain::complain;
use exit::Exit;

fn main() -> std::process::ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return refused(&error).into(),
    };
    #[cfg(unix)]
    let _live = match live::begin(&args) {
        Ok(live) => live,
        Err(exit) => return nothing_started(exit).into(),
    };
    let (profile, of_window) = match args.command {
        Command::Desk(_) => (None, args.profile),
        _ => (args.profile, None),
    };
    let profile = profile::begin(profile);
    let display = progress::begin(args.progress);
    let exit = run(args.command, of_window);
    drop(display);
    profile.write(exit).into()
}

/// Runs the command. The window is a program of its own, so it writes its profile itself, into the file `of_window`.
fn run(command: Command, of_window: Option<PathBuf>) -> Exit {
    commands::dump::answer();
    match command {
        Command::Images(args) => commands::images::run(&args),
        Command::Crawl(args) => commands::crawl::run(&args),
        Command::Bench {
            what: Bench::Table(args),
        } => commands::bench::table(&args),
        Command::Desk(args) => commands::desk::run(&args, of_window),
        Command::Dump(args) => commands::dump::run(&args),
        #[cfg(unix)]
        Command::Serve(args) => commands::serve::run(&args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "reunite", &mut script);
            print_outcome(io::stdout().write_all(&script))
        }
    }
}

/// Prints what is wrong with the arguments, or the help that was asked for.
fn refused(error: &clap::Error) -> Exit {
    let printed = usage::print(error);
    if !error.use_stderr() {
        return print_outcome(printed.and_then(|()| io::stdout().flush()));
    }
    nothing_started(Exit::CouldNotBegin)
}

/// Prints the JSON summary that `images --json` owes other programs, although nothing was started.
fn nothing_started(exit: Exit) -> Exit {
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|word| word == "images") && words.any(|word| word == "--json") {
        commands::images::nothing_started();
    }
    exit
}

/// Returns the exit code for a write to standard output: a closed reader is no failure, a full disk is.
fn print_outcome(outcome: io::Result<()>) -> Exit {
    match outcome {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            complain(&format!("cannot write to standard output: {error}"));
            Exit::SomeFailed
        }
        _ => Exit::Done,
    }
}
