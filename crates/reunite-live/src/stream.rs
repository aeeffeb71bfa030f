//! The stream of events, and the cache of snapshots that all streams share.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reunite::channel::Receiver;
use reunite::sync::Mutex;
use reunite_net::{Connection, Outcome};

use crate::counters::EventCounters;
use crate::snapshot::Snapshot;

/// The time between two snapshots.
const PAUSE: Duration = Duration::from_millis(250);

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
    Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n";

/// The latest snapshot, which all streams share.
pub(crate) struct SnapshotCache {
    counters: Arc<EventCounters>,
    last: Mutex<Option<(Instant, Arc<str>)>>,
}

impl SnapshotCache {
    pub(crate) fn new(counters: Arc<EventCounters>) -> Self {
        Self {
            counters,
            last: Mutex::default(),
        }
    }

    /// Returns the latest snapshot as an event, or a new one if the latest is older than `age`. A stream that asks
    /// while another one takes a snapshot waits for it, even if it was cancelled because the program ends.
    fn event(&self, age: Duration) -> io::Result<Arc<str>> {
        // If taking a snapshot panicked, the one before is still valid.
        self.last.clear_poison();
        let mut last = reunite::shield(|| self.last.lock()).map_err(io::Error::other)?;
        if let Some((at, event)) = &*last
            && at.elapsed() < age
        {
            return Ok(Arc::clone(event));
        }
        let snapshot = serde_json::to_string(&Snapshot::now(&self.counters))?;
        let event: Arc<str> = format!("data: {snapshot}\n\n").into();
        *last = Some((Instant::now(), Arc::clone(&event)));
        Ok(event)
    }
}

/// Sends snapshots until `end` is closed, then a final event; fails if the client closes the connection.
pub(crate) fn send(
    snapshots: &SnapshotCache,
    end: &Receiver<Infallible>,
    mut client: Connection,
) -> Outcome {
    client.send_more(HEAD)?;
    let mut next = Instant::now();
    loop {
        client.send(snapshots.event(PAUSE / 2)?.as_bytes())?;
        // Leaves a pause even if taking the snapshot took long.
        next = (next + PAUSE).max(Instant::now() + PAUSE / 2);
        match end.recv_deadline(next) {
            Err(error) if error.is_timeout() => {}
            _ => break,
        }
    }
    client.send_more(snapshots.event(Duration::ZERO)?.as_bytes())?;
    client.send(b"event: end\ndata: end\n\n")?;
    client.close();
    Ok(())
}
