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
use plan::ServePlan;

pub(crate) fn run(args: &Serve) -> Exit {
    let plan = match plan::plan(args) {
        Ok(plan) => plan,
        Err(error) => {
            complain(&error.to_string());
            return Exit::CouldNotBegin;
        }
    };
    // If the limit cannot be raised, connections that are refused later are reported when that happens.
    let _unchanged = reunite_net::Limits::raise_descriptors();
    let ServePlan {
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
                report::started(args, &server);
                // Sleeps until the scope is cancelled.
                while reunite::sleep(Duration::from_secs(3600)).is_ok() {}
                report::ended(args, &server.shutdown(args.limits.drain))
            }
            Err(error) => {
                complain(&format!("cannot serve: {error}"));
                Exit::CouldNotBegin
            }
        }
    });
    // The scope ends by cancellation; its body returns a value all the same.
    ended.value.unwrap_or(Exit::CouldNotBegin)
}
