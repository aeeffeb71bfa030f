//! A handler for several test programs.

use std::io::{Read, Write};

use reunite_net::{Connection, Outcome};

/// Sends back what it receives.
pub(crate) fn echo(mut client: Connection) -> Outcome {
    let mut bytes = [0; 1024];
    while client.more()? {
        client.head_is_read();
        let count = client.read(&mut bytes)?;
        client.write_all(&bytes[..count])?;
    }
    client.close();
    Ok(())
}
