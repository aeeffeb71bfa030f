//! `reunite crawl`: stores sites in one file.

pub(crate) mod args;
mod findings;
mod hints;
mod output;
mod plan;
mod progress;

use std::path::Path;

use reunite::ScopeBuilder;
use reunite_base::file::{Durability, replace};
use reunite_crawl::store::Store;
use reunite_crawl::{CrawlEnd, crawl, warc};

use crate::complain::complain;
use crate::exit::Exit;
use crate::interrupt;
use args::{Crawl, CrawlCommand, Run};
use progress::RunOutput;

pub(crate) fn run(args: &Crawl) -> Exit {
    match (&args.command, &args.run.store) {
        (Some(CrawlCommand::Report(args)), _) => findings::report(args),
        (None, Some(store)) => run_crawl(&args.run, store),
        (None, None) => {
            complain("missing --store FILE; see reunite crawl --help");
            Exit::CouldNotBegin
        }
    }
}

fn run_crawl(args: &Run, file: &Path) -> Exit {
    let mut output = RunOutput::new(args);
    let settings = match plan::settings(args) {
        Ok(settings) => settings,
        Err(error) => return output.failed(&error.to_string()),
    };
    let mut store = match Store::open(file) {
        Ok(store) => store,
        Err(error) => {
            return output.failed(&hints::unusable(file, "name a file for --store", &error));
        }
    };
    let mut builder = ScopeBuilder::new().name("crawl");
    if let Some(timeout) = args.limits.timeout {
        builder = builder.timeout(timeout);
    }
    let ended = builder.scope_ended(|scope| {
        interrupt::cancel_on_ctrl_c(scope.canceller());
        crawl(&mut store, &settings, &mut |event| output.event(event))
    });
    let timed_out = ended.error.is_some_and(|error| error.is_timeout());
    match ended.value {
        Some(Ok(end)) => {
            let exit = output.end(&store, end, timed_out, interrupt::was_interrupted());
            finish(args, &store, end, exit)
        }
        Some(Err(error)) => output.failed(&hints::crawl_error(&error)),
        // Unreachable: the crawl's waits return a cancellation as a value and never unwind with it.
        None => Exit::CouldNotBegin,
    }
}

/// Checks links and writes the WARC file, as far as the arguments ask for it and the crawl was not stopped.
fn finish(args: &Run, store: &Store, end: CrawlEnd, exit: Exit) -> Exit {
    if end == CrawlEnd::Stopped {
        if let Some(path) = &args.warc {
            complain(&format!(
                "{} was not written: the crawl is not complete",
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
        let compression = match path.extension() {
            Some(extension) if extension == "gz" => warc::Compression::Gzip,
            _ => warc::Compression::None,
        };
        let written = replace(path, Durability::PowerFailure, |out| {
            warc::write(store, compression, out)
        });
        if let Err(error) = written {
            complain(&format!("{}: {error}", path.display()));
            exit = Exit::SomeFailed;
        }
    }
    exit
}
