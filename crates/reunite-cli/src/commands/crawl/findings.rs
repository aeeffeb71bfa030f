//! `reunite crawl report`, and the list of faults that `--check` prints at the end.

use std::io::stdout;

use reunite_base::file::{Durability, replace};
use reunite_crawl::report::{Format, SiteReport};
use reunite_crawl::store::Store;

use super::args;
use super::hints::{add_options, unusable};
use super::output::Output;
use crate::complain::complain;
use crate::exit::Exit;

/// Entries per list at the end of a check.
const MAX_ENTRIES: usize = 100;

pub(super) fn report(args: &args::ReportArgs) -> Exit {
    let found = Store::open_existing(&args.store)
        .and_then(|store| SiteReport::of(&store, args.most))
        .map_err(|error| unusable(&args.store, "name the store of a crawl", &error));
    let report = match found {
        Ok(mut report) => {
            add_options(&mut report);
            report
        }
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
            let mut output = Output::default();
            output.said(report.write(format, &mut stdout().lock()));
            return output.exit(verdict(&report));
        }
        Some(path) => {
            let written = replace(path, Durability::PowerFailure, |out| {
                report.write(format, out)
            });
            if let Err(error) = written {
                let path = path.display();
                complain(&format!("cannot write the report to --out {path}: {error}"));
                return Exit::CouldNotBegin;
            }
        }
    }
    verdict(&report)
}

/// Prints the report unless `quiet`. Returns the exit code of the check, or `crawl` if nothing is broken.
pub(super) fn check(store: &Store, quiet: bool, crawl: Exit) -> Exit {
    match SiteReport::of(store, MAX_ENTRIES) {
        Ok(mut report) => {
            add_options(&mut report);
            let mut output = Output::default();
            if !quiet {
                output.said(report.write(Format::Text, &mut stdout().lock()));
            }
            match verdict(&report) {
                Exit::Done => output.exit(crawl),
                bad => bad,
            }
        }
        Err(error) => {
            complain(&error.to_string());
            Exit::SomeFailed
        }
    }
}

fn verdict(report: &SiteReport) -> Exit {
    if report.is_clean() {
        Exit::Done
    } else {
        Exit::SomeFailed
    }
}
