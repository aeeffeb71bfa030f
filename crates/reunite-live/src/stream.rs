//! The stream of events: what is seen, again and again, until the end.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reunite::channel::Receiver;
use reunite::sync::Mutex;
use reunite_net::{Connection, Outcome};

use crate::moment::Moment;
use crate::tally::Tally;

/// How often it looks.
const PAUSE: Duration = Duration::from_millis(250);

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
    Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n";

/// Looks at the tree, each for all who watch.
pub(crate) struct Looks {
    tally: Arc<Tally>,
    last: Mutex<Option<(Instant, Arc<str>)>>,
}

impl Looks {
    pub(crate) fn new(tally: Arc<Tally>) -> Self {
        Self {
            tally,
            last: Mutex::default(),
        }
    }

    /// The last as an event, unless that is older than `age`. Whoever comes while another looks waits for that look,
    /// also one that is to send the last event because the program ends.
    fn event(&self, age: Duration) -> io::Result<Arc<str>> {
        // A look that panicked has left the one before.
        self.last.clear_poison();
        let mut last = reunite::shield(|| self.last.lock()).map_err(io::Error::other)?;
        if let Some((at, event)) = &*last
            && at.elapsed() < age
        {
            return Ok(Arc::clone(event));
        }
        let moment = serde_json::to_string(&Moment::now(&self.tally))?;
        let event: Arc<str> = format!("data: {moment}\n\n").into();
        *last = Some((Instant::now(), Arc::clone(&event)));
        Ok(event)
    }
}

/// Sends until `end` is closed, or the client is gone.
pub(crate) fn send(looks: &Looks, end: &Receiver<Infallible>, mut client: Connection) -> Outcome {
    client.send(HEAD, true)?;
    let mut next = Instant::now();
    loop {
        client.send(looks.event(PAUSE / 2)?.as_bytes(), false)?;
        // After a look that took long it looks less often.
        next = (next + PAUSE).max(Instant::now() + PAUSE / 2);
        match end.recv_deadline(next) {
            Err(error) if error.is_timeout() => {}
            _ => break,
        }
    }
    client.send(looks.event(Duration::ZERO)?.as_bytes(), true)?;
    client.send(b"event: end\ndata: end\n\n", false)?;
    client.close();
    Ok(())
}
