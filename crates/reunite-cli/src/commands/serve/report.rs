//! Messages and the access log of the server.

use std::io::{Write, stdout};

use reunite::Stragglers;
use reunite_base::units::counted;
use reunite_net::{Event, Served, Server};
use reunite_serve::Entry;

use super::args::{LogArg, Serve};
use crate::complain::complain;
use crate::exit::Exit;

/// Returns a function that writes an entry of the access log, or `None` if there is no log.
pub(super) fn log(kind: LogArg) -> Option<impl Fn(&Entry<'_>) + Send + Sync> {
    let line: fn(&Entry<'_>) -> String = match kind {
        LogArg::None => return None,
        LogArg::Common => reunite_serve::common,
        LogArg::Json => reunite_serve::json,
    };
    Some(move |entry: &Entry<'_>| {
        // A closed standard output does not stop the server.
        let _closed = writeln!(stdout(), "{}", line(entry));
    })
}

/// Reports an event that concerns the server. Clients that vanish and connections that are refused are not reported.
pub(super) fn event(event: &Event<'_>) {
    if !matches!(event, Event::Failed { .. } | Event::Refused { .. }) {
        complain(&event.to_string());
    }
}

/// Reports the addresses that the server listens on.
pub(super) fn started(args: &Serve, server: &Server) {
    if args.quiet {
        return;
    }
    let folder = args.folder.display();
    let scheme = if args.tls.tls_cert.is_some() {
        "https"
    } else {
        "http"
    };
    for address in server.addresses() {
        complain(&format!("serving {folder} at {scheme}://{address}/"));
    }
    for path in args.listen.iter().filter_map(|at| at.strip_prefix("unix:")) {
        complain(&format!("serving {folder} at unix:{path}"));
    }
}

/// Reports how the server ended, and returns the exit code.
pub(super) fn ended(args: &Serve, outcome: &Result<Served, Stragglers<Served>>) -> Exit {
    match outcome {
        Ok(served) => {
            if !args.quiet {
                let (connections, refused) = (served.connections, served.refused);
                complain(&format!(
                    "{} served, {refused} refused",
                    counted(connections, "connection")
                ));
            }
            Exit::Done
        }
        Err(late) => {
            for straggler in late.iter() {
                complain(&format!(
                    "a client was disconnected before its answer was complete: {straggler}"
                ));
            }
            Exit::SomeFailed
        }
    }
}
