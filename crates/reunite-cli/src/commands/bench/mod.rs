//! `reunite bench table`: repeats on this machine the experiment of an essay on joining threads.
//!
//! In the essay's table a job takes 35 s one step after another, 15 s on threads without coordination, and 22 s if
//! every thread is joined where it is started. Here the job is to fetch photos from a slow server on this machine, to
//! resize them, and to save them. The fourth way uses reunite: it is as fast as the way without coordination, keeps
//! the order, and loses no error.

mod error;
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
        Some(Ok(measured)) => match report::print(args, &measured) {
            Ok(()) => Exit::Done,
            Err(error) => {
                complain(&error.to_string());
                Exit::SomeFailed
            }
        },
        _ if interrupt::was_interrupted() => {
            complain("interrupted before all ways were measured");
            Exit::Interrupted
        }
        Some(Err(error)) => {
            complain(&error.to_string());
            Exit::CouldNotBegin
        }
        // The body returns early only when interrupted.
        None => Exit::CouldNotBegin,
    }
}
