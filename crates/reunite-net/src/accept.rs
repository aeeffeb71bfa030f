//! The task that accepts, and the ones it starts.

use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reunite::{Builder, JoinHandle, Scope, ScopeBuilder};
use rustix::event::{PollFd, PollFlags};

use crate::drain::Drain;
use crate::event::{Event, Why};
use crate::limits::{Limits, Timeouts};
use crate::listen::Listener;
use crate::manners::{greet, linger, send_until};
use crate::roster::Roster;
use crate::socket::{Socket, poll_until};
use crate::{Connection, Outcome, Peer};

/// How long to wait when the system cannot give a client to us: at first, and at most.
const PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long a client that is refused has to hear it.
const TO_REFUSE: Duration = Duration::from_secs(1);

pub(crate) type Report = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

/// What the accepting task and its children share.
pub(crate) struct House<H> {
    pub(crate) handler: H,
    pub(crate) limits: Limits,
    pub(crate) timeouts: Timeouts,
    pub(crate) refusal: Vec<u8>,
    pub(crate) report: Report,
    pub(crate) drain: Arc<Drain>,
    pub(crate) roster: Arc<Roster>,
}

/// Accepts until draining, then takes what queues, closes the listeners and waits for the clients' tasks.
pub(crate) fn run<H>(house: &Arc<House<H>>, listeners: Vec<Listener>)
where
    H: Fn(Connection) -> Outcome + Send + Sync + 'static,
{
    // Tasks take their panics to the roster, so the scope has none to tell.
    let _cut_short = ScopeBuilder::new().name("clients").scope(|scope| {
        let mut pause = PAUSE;
        loop {
            // Looked at first: who connected before the draining began is found by the round that follows.
            let last = house.drain.since().is_some() || scope.is_cancelled();
            let exhausted = listeners.iter().any(|from| !accept_all(house, scope, from));
            if last {
                break;
            }
            if exhausted {
                wait_for(&house.drain, &[], Instant::now().checked_add(pause));
                pause = (pause * 2).min(LONGEST_PAUSE);
            } else {
                wait_for(&house.drain, &listeners, None);
                pause = PAUSE;
            }
        }
        drop(listeners);
    });
}

/// Whether it took all who are there.
fn accept_all<'scope, H>(
    house: &Arc<House<H>>,
    scope: &'scope Scope<'scope, '_>,
    listener: &Listener,
) -> bool
where
    H: Fn(Connection) -> Outcome + Send + Sync + 'static,
{
    loop {
        match listener.accept() {
            Ok((socket, peer)) => admit(house, scope, socket, peer),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => return true,
                // The client is gone already.
                ErrorKind::Interrupted | ErrorKind::ConnectionAborted => {}
                _ => {
                    (house.report)(&Event::AcceptFailed { error: &error });
                    return false;
                }
            },
        }
    }
}

fn admit<'scope, H>(
    house: &Arc<House<H>>,
    scope: &'scope Scope<'scope, '_>,
    socket: Socket,
    peer: Peer,
) where
    H: Fn(Connection) -> Outcome + Send + Sync + 'static,
{
    let socket = Arc::new(socket);
    let id = match house.roster.enter(peer, &socket, &house.limits) {
        Ok(id) => id,
        Err(why) => return refuse(house, scope, &socket, peer, why),
    };
    let (drain, timeouts) = (Arc::clone(&house.drain), house.timeouts);
    let mut connection = Connection::new(socket, drain, timeouts, peer);
    let inside = Arc::clone(house);
    let builder = Builder::new().name(format!("client {peer}"));
    let handle = scope.spawn_with(builder, move || {
        if connection.greet()? {
            (inside.handler)(connection)
        } else {
            Ok(())
        }
    });
    let after = Arc::clone(house);
    handle.on_complete(move || {
        if let Some(handle) = after.roster.is_back(id) {
            take(&after, peer, handle);
        }
    });
    if let Some(handle) = house.roster.started(id, handle) {
        take(house, peer, handle);
    }
}

/// The result of a client's task, which has completed.
fn take<H>(house: &House<H>, peer: Peer, mut handle: JoinHandle<Outcome>) {
    let Some(result) = handle.try_join() else {
        return;
    };
    house.roster.count(|served| served.connections += 1);
    match result {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            house.roster.count(|served| served.failed += 1);
            (house.report)(&Event::Failed {
                peer,
                error: &*error,
            });
        }
        Err(error) => {
            if let Some(error) = error.io_error() {
                house.roster.count(|served| {
                    served.connections -= 1;
                    served.refused += 1;
                });
                (house.report)(&Event::NoThread { peer, error });
            } else if let Some(message) = error.panic_message() {
                house.roster.count(|served| served.panicked += 1);
                (house.report)(&Event::Panicked { peer, message });
            }
        }
    }
}

fn refuse<'scope, H>(
    house: &Arc<House<H>>,
    scope: &'scope Scope<'scope, '_>,
    socket: &Arc<Socket>,
    peer: Peer,
    why: Why,
) where
    H: Send + Sync + 'static,
{
    (house.report)(&Event::Refused { peer, why });
    let Some(turn) = house.roster.may_refuse() else {
        return;
    };
    let (house, socket) = (Arc::clone(house), Arc::clone(socket));
    let builder = Builder::new().name(format!("refusal of {peer}"));
    // Without a thread to tell it on, the client is closed without a word.
    scope.spawn_with(builder, move || {
        let _turn = turn;
        let until = Instant::now().checked_add(TO_REFUSE);
        let hears = greet(&socket, until, None).unwrap_or(false);
        if hears && send_until(&socket, &house.refusal, until).is_ok() {
            linger(&socket, TO_REFUSE);
        }
    });
}

/// Until a client comes, the draining begins, or the instant passes.
fn wait_for(drain: &Drain, listeners: &[Listener], until: Option<Instant>) {
    let mut fds = vec![PollFd::new(drain, PollFlags::IN)];
    fds.extend(
        listeners
            .iter()
            .map(|listener| PollFd::new(listener, PollFlags::IN)),
    );
    if poll_until(&mut fds, until).is_err() {
        // No memory for it: a moment later there may be.
        let _cancelled = reunite::sleep(PAUSE);
    }
}

/// Unless the server was told otherwise.
pub(crate) fn on_standard_error(event: &Event<'_>) {
    if matches!(event, Event::Failed { .. } | Event::Refused { .. }) {
        return;
    }
    // Where nobody reads it any more, the server goes on.
    let _closed: io::Result<()> = writeln!(io::stderr(), "reunite: {event}");
}
