//! `reunite bench table`: the essay's experiment on this machine.
//!
//! Its table: a job takes 35 s one step after another, 15 s on threads without coordination, 22 s if every thread is
//! joined where it is started. Here the job is photos: fetched from a paced server on this machine, made smaller,
//! saved. The fourth way is ours: as fast as without coordination, in order, no error lost.

mod fetch;
mod measure;
mod report;
mod ways;

use reunite::ScopeBuilder;

use crate::args::Table;
use crate::complain::complain;
use crate::exit::Exit;
use crate::interrupt;
use measure::measure;

pub(crate) fn table(args: &Table) -> Exit {
    let ended = ScopeBuilder::new().name("bench").scope_ended(|scope| {
        interrupt::cancel_on_ctrl_c(scope.canceller());
        measure(args)
    });
    match ended.value {
        Some(Ok(measured)) => match report::tell(args, &measured) {
            Ok(()) => Exit::Done,
            Err(error) => {
                complain(&error);
                Exit::SomeFailed
            }
        },
        _ if interrupt::was_interrupted() => {
            complain("interrupted before all was measured");
            Exit::Interrupted
        }
        Some(Err(error)) => {
            complain(&error);
            Exit::CouldNotBegin
        }
        // Only an interruption leaves the body.
        None => Exit::CouldNotBegin,
    }
}
