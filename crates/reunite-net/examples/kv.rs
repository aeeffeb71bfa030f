//! A key-value store: `cargo run -p reunite-net --example kv`, then `nc 127.0.0.1 7002`. Its commands are
//! `SET name words`, `GET name`, `DEL name` and `COUNT`. Enter ends it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write, stdin};
use std::sync::Arc;
use std::time::Duration;

use reunite::sync::RwLock;
use reunite_net::{Connection, Outcome, Server};

type Store = RwLock<HashMap<String, String>>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = Arc::new(Store::new(HashMap::new()));
    let server = Server::bind("127.0.0.1:7002")?.start(move |client| serve(&store, client))?;
    stdin().read_line(&mut String::new())?;
    println!("{:?}", server.shutdown(Duration::from_secs(10))?);
    Ok(())
}

fn serve(store: &Store, client: Connection) -> Outcome {
    let mut client = BufReader::new(client);
    loop {
        // A command that arrived together with the one before is in the buffer already.
        if client.buffer().is_empty() && !client.get_mut().more()? {
            return Ok(());
        }
        let mut line = String::new();
        if client.by_ref().take(64 * 1024).read_line(&mut line)? == 0 {
            return Ok(());
        }
        client.get_mut().head_is_read();
        let answer = obey(store, line.trim_end())?;
        client.get_mut().write_all(answer.as_bytes())?;
    }
}

fn obey(store: &Store, line: &str) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let mut words = line.splitn(3, ' ');
    let command = (words.next().unwrap_or_default(), words.next(), words.next());
    Ok(match command {
        ("SET", Some(name), Some(value)) => {
            store.write()?.insert(name.to_owned(), value.to_owned());
            "OK\n".to_owned()
        }
        ("GET", Some(name), None) => match store.read()?.get(name) {
            Some(value) => format!("{value}\n"),
            None => "NONE\n".to_owned(),
        },
        ("DEL", Some(name), None) => match store.write()?.remove(name) {
            Some(_) => "OK\n".to_owned(),
            None => "NONE\n".to_owned(),
        },
        ("COUNT", None, None) => format!("{}\n", store.read()?.len()),
        _ => "WHAT? Try SET name words, GET name, DEL name, COUNT\n".to_owned(),
    })
}
