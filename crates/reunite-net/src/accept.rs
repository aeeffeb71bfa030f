//! The accepting task and the tasks it starts.

use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reunite::{Builder, JoinHandle, Scope, ScopeBuilder};
use rustix::event::{PollFd, PollFlags};

use crate::clients::Clients;
use crate::drain::Drain;
use crate::event::{Event, RefusalReason};
use crate::lifecycle::{linger, perform_handshake, send_until};
use crate::limits::{Limits, Timeouts};
use crate::listen::Listener;
use crate::raw::poll_until;
use crate::socket::Socket;
use crate::{Connection, Outcome, Peer};

/// The pause before accepting again when the system is out of resources: at first, and at most.
const PAUSE: Duration = Duration::from_millis(10);
const MAX_PAUSE: Duration = Duration::from_secs(1);
/// The time that a refused client has to receive the refusal.
const REFUSAL_TIME: Duration = Duration::from_secs(1);

pub(crate) type EventHook = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

/// The state that the accepting task and the clients' tasks share.
pub(crate) struct Shared<H> {
    pub(crate) handler: H,
    pub(crate) limits: Limits,
    pub(crate) timeouts: Timeouts,
    pub(crate) refusal: Vec<u8>,
    pub(crate) on_event: EventHook,
    pub(crate) drain: Arc<Drain>,
    pub(crate) clients: Arc<Clients>,
}

/// Accepts clients until draining begins, then accepts those that are still queued, closes the listeners and waits for
/// the clients' tasks.
pub(crate) fn run<H>(shared: &Arc<Shared<H>>, listeners: Vec<Listener>)
where
    H: Fn(Connection) -> Outcome + Send + Sync + 'static,
{
    // Panics are taken from the handles in the client list, so the scope has none to return.
    let _cut_short = ScopeBuilder::new().name("clients").scope(|scope| {
        let mut pause = PAUSE;
        loop {
            // Checked first: a client that connected before draining began is accepted in the same round.
            let last = shared.drain.since().is_some() || scope.is_cancelled();
            let exhausted = listeners
                .iter()
                .any(|from| !accept_all(shared, scope, from));
            if last {
                break;
            }
            if exhausted {
                wait_for_client(&shared.drain, &[], Instant::now().checked_add(pause));
                pause = (pause * 2).min(MAX_PAUSE);
            } else {
                wait_for_client(&shared.drain, &listeners, None);
                pause = PAUSE;
            }
        }
        drop(listeners);
    });
}

/// Accepts all queued clients. Returns false if the system failed to accept one.
fn accept_all<'scope, H>(
    shared: &Arc<Shared<H>>,
    scope: &'scope Scope<'scope, '_>,
    listener: &Listener,
) -> bool
where
    H: Fn(Connection) -> Outcome + Send + Sync + 'static,
{
    loop {
        match listener.accept() {
            Ok((socket, peer)) => admit(shared, scope, socket, peer),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => return true,
                // The client has already closed the connection.
                ErrorKind::Interrupted | ErrorKind::ConnectionAborted => {}
                _ => {
                    (shared.on_event)(&Event::AcceptFailed { error: &error });
                    return false;
                }
            },
        }
    }
}

fn admit<'scope, H>(
    shared: &Arc<Shared<H>>,
    scope: &'scope Scope<'scope, '_>,
    socket: Socket,
    peer: Peer,
) where
    H: Fn(Connection) -> Outcome + Send + Sync + 'static,
{
    let socket = Arc::new(socket);
    let id = match shared.clients.add(peer, &socket, &shared.limits) {
        Ok(id) => id,
        Err(reason) => return refuse(shared, scope, &socket, peer, reason),
    };
    let (drain, timeouts) = (Arc::clone(&shared.drain), shared.timeouts);
    let mut connection = Connection::new(socket, drain, timeouts, peer);
    let inside = Arc::clone(shared);
    let builder = Builder::new().name(format!("client {peer}"));
    let handle = scope.spawn_with(builder, move || {
        if connection.handshake()? {
            (inside.handler)(connection)
        } else {
            Ok(())
        }
    });
    let after = Arc::clone(shared);
    handle.on_complete(move || {
        if let Some(handle) = after.clients.completed(id) {
            record_result(&after, peer, handle);
        }
    });
    if let Some(handle) = shared.clients.started(id, handle) {
        record_result(shared, peer, handle);
    }
}

/// Takes the result of a completed client's task, counts it and reports failures.
fn record_result<H>(shared: &Shared<H>, peer: Peer, mut handle: JoinHandle<Outcome>) {
    let Some(result) = handle.try_join() else {
        return;
    };
    shared.clients.count(|served| served.connections += 1);
    match result {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            shared.clients.count(|served| served.failed += 1);
            (shared.on_event)(&Event::Failed {
                peer,
                error: &*error,
            });
        }
        Err(error) => {
            if let Some(error) = error.io_error() {
                shared.clients.count(|served| {
                    served.connections -= 1;
                    served.refused += 1;
                });
                (shared.on_event)(&Event::NoThread { peer, error });
            } else if let Some(message) = error.panic_message() {
                shared.clients.count(|served| served.panicked += 1);
                (shared.on_event)(&Event::Panicked { peer, message });
            }
        }
    }
}

fn refuse<'scope, H>(
    shared: &Arc<Shared<H>>,
    scope: &'scope Scope<'scope, '_>,
    socket: &Arc<Socket>,
    peer: Peer,
    reason: RefusalReason,
) where
    H: Send + Sync + 'static,
{
    (shared.on_event)(&Event::Refused { peer, reason });
    let Some(slot) = shared.clients.start_refusal() else {
        return;
    };
    let (shared, socket) = (Arc::clone(shared), Arc::clone(socket));
    let builder = Builder::new().name(format!("refusal of {peer}"));
    // If no thread can be started, the client is closed without an answer.
    scope.spawn_with(builder, move || {
        let _slot = slot;
        let until = Instant::now().checked_add(REFUSAL_TIME);
        let can_answer = perform_handshake(&socket, until, None).unwrap_or(false);
        if can_answer && send_until(&socket, &shared.refusal, until).is_ok() {
            linger(&socket, REFUSAL_TIME);
        }
    });
}

/// Waits until a client connects, draining begins, or the deadline passes.
fn wait_for_client(drain: &Drain, listeners: &[Listener], until: Option<Instant>) {
    let mut fds = vec![PollFd::new(drain, PollFlags::IN)];
    fds.extend(
        listeners
            .iter()
            .map(|listener| PollFd::new(listener, PollFlags::IN)),
    );
    if poll_until(&mut fds, until).is_err() {
        // The system is out of memory: try again after a pause.
        let _cancelled = reunite::sleep(PAUSE);
    }
}

/// The default event hook.
pub(crate) fn on_standard_error(event: &Event<'_>) {
    if matches!(event, Event::Failed { .. } | Event::Refused { .. }) {
        return;
    }
    // The server continues even if standard error is closed.
    let _closed: io::Result<()> = writeln!(io::stderr(), "reunite: {event}");
}
