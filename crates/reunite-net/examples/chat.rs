//! A chat server: every line that a client sends goes to all other clients. Start it with
//! `cargo run -p reunite-net --example chat`, then run `nc 127.0.0.1 7001` in two terminals. Enter ends it.
//!
//! Each client has a bounded queue and a task of its own that empties it, so a client that does not read delays no
//! other: when its queue is full, it misses lines.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, stdin};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reunite::channel;
use reunite_net::{Connection, Outcome, Server};

/// The queues of the connected clients, by name.
type Room = Mutex<BTreeMap<String, channel::Sender<Arc<str>>>>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let room = Arc::new(Room::default());
    let server = Server::bind("127.0.0.1:7001")?.start(move |client| visit(&room, client))?;
    stdin().read_line(&mut String::new())?;
    println!("{:?}", server.shutdown(Duration::from_secs(10))?);
    Ok(())
}

fn visit(room: &Room, client: Connection) -> Outcome {
    let name = client.peer().to_string();
    let out = client.sender();
    let (queue, lines) = channel::bounded(64);
    with(room, |room| room.insert(name.clone(), queue));
    reunite::scope(|s| {
        s.spawn(move || {
            while let Ok(line) = lines.recv() {
                let line: Arc<str> = line;
                if out.send(line.as_bytes()).is_err() {
                    return;
                }
            }
        });
        let outcome = listen(room, &name, client);
        // Dropping the last sender closes the queue, which ends the task that empties it.
        with(room, |room| room.remove(&name));
        outcome
    })
}

fn listen(room: &Room, name: &str, client: Connection) -> Outcome {
    let mut client = BufReader::new(client);
    loop {
        if client.buffer().is_empty() && !client.get_mut().more()? {
            return Ok(());
        }
        // A person may pause for a while within a line.
        client.get_mut().read_until(None);
        let mut line = String::new();
        if client.by_ref().take(1000).read_line(&mut line)? == 0 {
            return Ok(());
        }
        let line: Arc<str> = format!("{name}: {}\n", line.trim_end()).into();
        with(room, |room| {
            for (_, queue) in room.iter().filter(|(other, _)| *other != name) {
                let _full_or_gone = queue.try_send(Arc::clone(&line));
            }
        });
    }
}

fn with<T>(
    room: &Room,
    f: impl FnOnce(&mut BTreeMap<String, channel::Sender<Arc<str>>>) -> T,
) -> T {
    f(&mut room.lock().unwrap_or_else(PoisonError::into_inner))
}
