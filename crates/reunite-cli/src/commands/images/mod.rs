//! `reunite images`: resizes pictures.

mod events;
mod plan;
mod report;

use reunite::ScopeBuilder;
use reunite::sync::Mutex;
use reunite_images::batch::{self, lock_shielded};

use crate::args::Images;
use crate::exit::Exit;
use crate::interrupt;
use plan::ImagesPlan;
use report::ImagesReport;

pub(crate) use report::nothing_started;

pub(crate) fn run(args: &Images) -> Exit {
    let mut plan = match ImagesPlan::new(args) {
        Ok(plan) => plan,
        Err(refusal) => return ImagesReport::new(args, 0).refuse(&refusal),
    };
    let mut report = ImagesReport::new(args, plan.jobs.len());
    report.planned(&plan);
    if args.dry_run {
        return report.dry_run(&plan);
    }
    let (report, ledger) = (Mutex::new(report), Mutex::new(&mut plan.ledger));
    let (jobs, options) = (&plan.jobs, &plan.options);
    let (report, ledger) = (&report, &ledger);

    let mut builder = ScopeBuilder::new().name("images");
    if let Some(timeout) = args.timeout {
        builder = builder.timeout(timeout);
    }
    let ended = builder.scope(|scope| {
        let canceller = scope.canceller();
        interrupt::cancel_on_ctrl_c(canceller.clone());
        if args.fail_fast && lock_shielded(report).has_failures() {
            return;
        }
        batch::run(scope, jobs, options, move |index, outcome| {
            let job = &jobs[index];
            if outcome.is_ok() {
                lock_shielded(ledger).record(job, &options.transform);
            }
            let failed = lock_shielded(report).one(index, job, outcome);
            if failed && args.fail_fast {
                canceller.cancel("--fail-fast");
            }
        });
    });
    let saved = lock_shielded(ledger).save();
    let mut report = lock_shielded(report);
    if let Err(error) = saved {
        report.warn(&format!(
            "cannot record all results, so the next run will make some again: {error}"
        ));
    }
    let timed_out = ended.is_err_and(|error| error.is_timeout());
    report.end(jobs, timed_out, interrupt::was_interrupted())
}
