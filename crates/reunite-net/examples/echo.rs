//! An echo server: `cargo run -p reunite-net --example echo`, then `nc 127.0.0.1 7000`. Enter ends it.

use std::io::{Read, Write, stdin};
use std::time::Duration;

use reunite_net::Server;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::bind("127.0.0.1:7000")?.start(|mut client| {
        let mut bytes = [0; 4096];
        while client.more()? {
            let count = client.read(&mut bytes)?;
            client.write_all(&bytes[..count])?;
        }
        Ok(())
    })?;
    stdin().read_line(&mut String::new())?;
    println!("{:?}", server.shutdown(Duration::from_secs(10))?);
    Ok(())
}
