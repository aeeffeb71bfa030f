//! `reunite crawl`: a site into one file.

pub(crate) mod args;
mod plan;
mod report;

use reunite::ScopeBuilder;
use reunite_crawl::crawl;
use reunite_crawl::store::Store;

use crate::complain::complain;
use crate::exit::Exit;
use crate::interrupt;
use args::Crawl;
use report::Report;

pub(crate) fn run(args: &Crawl) -> Exit {
    let begun = plan::settings(args).and_then(|settings| {
        let store = Store::open(&args.store).map_err(|error| error.to_string())?;
        Ok((settings, store))
    });
    let (settings, mut store) = match begun {
        Ok(begun) => begun,
        Err(message) => {
            complain(&message);
            return Exit::CouldNotBegin;
        }
    };
    let mut report = Report::new(args);
    let mut builder = ScopeBuilder::new().name("crawl");
    if let Some(timeout) = args.limits.timeout {
        builder = builder.timeout(timeout);
    }
    let mut outcome = None;
    let ended = builder.scope(|scope| {
        interrupt::cancel_on_ctrl_c(scope.canceller());
        outcome = Some(crawl(&mut store, &settings, &mut |event| {
            report.event(event)
        }));
    });
    let timed_out = ended.is_err_and(|error| error.is_timeout());
    match outcome {
        Some(Ok(ended)) => report.end(&store, &ended, timed_out, interrupt::was_interrupted()),
        Some(Err(error)) => report.broken(&error),
        // The scope's body always runs.
        None => Exit::CouldNotBegin,
    }
}
