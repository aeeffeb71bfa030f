//! `reunite serve`: a folder over HTTP.

pub(crate) mod args;
mod plan;
mod report;

use std::time::Duration;

use reunite::ScopeBuilder;

use crate::complain::complain;
use crate::exit::Exit;
use crate::interrupt;
use args::Serve;
use plan::Plan;

pub(crate) fn run(args: &Serve) -> Exit {
    let plan = match plan::plan(args) {
        Ok(plan) => plan,
        Err(message) => {
            complain(&message);
            return Exit::CouldNotBegin;
        }
    };
    // Where the system refuses more, its refusals are told when they come.
    let _as_it_was = reunite_net::Limits::raise_descriptors();
    let Plan {
        mut site,
        listeners,
        limits,
        timeouts,
    } = plan;
    if let Some(log) = report::log(args.log) {
        site = site.log(log);
    }
    let builder = site.builder().limits(limits).timeouts(timeouts);
    let builder = listeners
        .into_iter()
        .fold(builder, |builder, listener| builder.listen(listener))
        .on_event(report::event);
    let ended = ScopeBuilder::new().name("serve").scope_ended(|scope| {
        interrupt::cancel_on_ctrl_c(scope.canceller());
        match builder.start(site.handler()) {
            Ok(server) => {
                report::begun(args, &server);
                // Until it is cancelled.
                while reunite::sleep(Duration::from_secs(3600)).is_ok() {}
                report::ended(args, &server.shutdown(args.limits.drain))
            }
            Err(error) => {
                complain(&format!("cannot serve: {error}"));
                Exit::CouldNotBegin
            }
        }
    });
    // It ends by being cancelled.
    ended.value.unwrap_or(Exit::CouldNotBegin)
}
