//! The program `reunite`: tools that do many things at a time and lose none of them.
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

use std::io::{self, ErrorKind, Write};

use clap::{CommandFactory, Parser};
use reunite_base::escape::terminal;

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
        Err(exit) => return nothing_began(exit).into(),
    };
    let profile = profile::begin(args.profile);
    let showing = progress::begin(args.progress);
    let exit = run(args.command);
    drop(showing);
    profile.write(exit).into()
}

fn run(command: Command) -> Exit {
    commands::dump::answer();
    match command {
        Command::Images(args) => commands::images::run(&args),
        Command::Crawl(args) => commands::crawl::run(&args),
        Command::Bench {
            what: Bench::Table(args),
        } => commands::bench::table(&args),
        Command::Desk(args) => commands::desk::run(&args),
        Command::Dump(args) => commands::dump::run(&args),
        #[cfg(unix)]
        Command::Serve(args) => commands::serve::run(&args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "reunite", &mut script);
            printed(io::stdout().write_all(&script))
        }
    }
}

/// What clap has to say: what is wrong with the arguments, or the help that was asked for.
fn refused(error: &clap::Error) -> Exit {
    let text = error.render().to_string();
    let told = if text.lines().any(|line| terminal(line) != line) {
        // Without the colours, whose codes would be escaped with the rest.
        text.lines()
            .try_for_each(|line| writeln!(io::stderr(), "{}", terminal(line)))
    } else {
        error.print()
    };
    if !error.use_stderr() {
        return printed(told.and_then(|()| io::stdout().flush()));
    }
    nothing_began(Exit::CouldNotBegin)
}

/// Programs hear of that, too.
fn nothing_began(exit: Exit) -> Exit {
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|word| word == "images") && words.any(|word| word == "--json") {
        commands::images::nothing_began();
    }
    exit
}

/// A reader that has read enough is no fault; a disk that is full is.
fn printed(outcome: io::Result<()>) -> Exit {
    match outcome {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            complain(&format!("standard output: {error}"));
            Exit::SomeFailed
        }
        _ => Exit::Done,
    }
}
