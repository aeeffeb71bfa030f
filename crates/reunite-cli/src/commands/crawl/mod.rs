//! `reunite crawl`: a site into one file.

pub(crate) mod args;
mod findings;
mod output;
mod plan;
mod progress;

use std::path::Path;

use reunite::ScopeBuilder;
use reunite_base::file::{Durability, replace};
use reunite_crawl::store::Store;
use reunite_crawl::{Ended, crawl, warc};

use crate::complain::complain;
use crate::exit::Exit;
use crate::interrupt;
use args::{Crawl, CrawlCommand, Run};
use progress::Report;

pub(crate) fn run(args: &Crawl) -> Exit {
    match (&args.command, &args.run.store) {
        (Some(CrawlCommand::Report(args)), _) => findings::report(args),
        (None, Some(store)) => run_crawl(&args.run, store),
        (None, None) => {
            complain("--store FILE is missing; see reunite crawl --help");
            Exit::CouldNotBegin
        }
    }
}

fn run_crawl(args: &Run, file: &Path) -> Exit {
    let mut report = Report::new(args);
    let begun = plan::settings(args).and_then(|settings| {
        let store = Store::open(file).map_err(|error| error.to_string())?;
        Ok((settings, store))
    });
    let (settings, mut store) = match begun {
        Ok(begun) => begun,
        Err(message) => return report.broken(&message),
    };
    let mut builder = ScopeBuilder::new().name("crawl");
    if let Some(timeout) = args.limits.timeout {
        builder = builder.timeout(timeout);
    }
    let ended = builder.scope_ended(|scope| {
        interrupt::cancel_on_ctrl_c(scope.canceller());
        crawl(&mut store, &settings, &mut |event| report.event(event))
    });
    let timed_out = ended.error.is_some_and(|error| error.is_timeout());
    match ended.value {
        Some(Ok(ended)) => {
            let exit = report.end(&store, &ended, timed_out, interrupt::was_interrupted());
            afterwards(args, &store, &ended, exit)
        }
        Some(Err(error)) => report.broken(&error.to_string()),
        // Its waits return their cancellations, so it is never left.
        None => Exit::CouldNotBegin,
    }
}

/// What is made of the store when the crawl is over.
fn afterwards(args: &Run, store: &Store, ended: &Ended, exit: Exit) -> Exit {
    if *ended == Ended::Stopped {
        if let Some(path) = &args.warc {
            complain(&format!(
                "{} is written when nothing is left",
                path.display()
            ));
        }
        return exit;
    }
    let mut exit = exit;
    if args.check {
        exit = findings::check(store, args.json || args.quiet, exit);
    }
    if let Some(path) = &args.warc {
        let gzip = path.extension().is_some_and(|extension| extension == "gz");
        let written = replace(path, Durability::PowerFailure, |out| {
            warc::write(store, gzip, out)
        });
        if let Err(error) = written {
            complain(&format!("{}: {error}", path.display()));
            exit = Exit::SomeFailed;
        }
    }
    exit
}
