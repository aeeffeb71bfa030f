//! `reunite crawl report`, and what `--check` tells at the end.

use std::io::stdout;

use reunite_crawl::report::{Format, Report};
use reunite_crawl::save;
use reunite_crawl::store::Store;

use super::args;
use crate::complain::complain;
use crate::exit::Exit;

/// Entries in each list at the end of a check.
const SOME: usize = 100;

pub(super) fn report(args: &args::Report) -> Exit {
    let found = Store::open_existing(&args.store)
        .and_then(|store| Report::of(&store, args.most))
        .map_err(|error| error.to_string());
    let report = match found {
        Ok(report) => report,
        Err(message) => {
            complain(&message);
            return Exit::CouldNotBegin;
        }
    };
    let format = match args.format {
        args::FormatArg::Text => Format::Text,
        args::FormatArg::Json => Format::Json,
        args::FormatArg::Junit => Format::Junit,
        args::FormatArg::Html => Format::Html,
    };
    match &args.out {
        None => {
            let _closed = report.write(format, &mut stdout().lock());
        }
        Some(path) => {
            if let Err(error) = save(path, |out| report.write(format, out)) {
                complain(&format!("{}: {error}", path.display()));
                return Exit::CouldNotBegin;
            }
        }
    }
    verdict(&report)
}

/// Tells what is broken, if anybody wants to know.
pub(super) fn check(store: &Store, quiet: bool) -> Exit {
    match Report::of(store, SOME) {
        Ok(report) => {
            if !quiet {
                let _closed = report.write(Format::Text, &mut stdout().lock());
            }
            verdict(&report)
        }
        Err(error) => {
            complain(&error.to_string());
            Exit::SomeFailed
        }
    }
}

fn verdict(report: &Report) -> Exit {
    if report.is_clean() {
        Exit::Done
    } else {
        Exit::SomeFailed
    }
}
