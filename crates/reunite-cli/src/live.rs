//! `--live`, of every command.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use clap::CommandFactory;
use reunite_live::{Live, Options};

use crate::args::Args;
use crate::complain::complain;
use crate::exit::Exit;
use crate::interrupt;

/// `8000`, `127.0.0.1:8000`, `[::1]:8000`, `localhost:8000`.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let port = text.strip_prefix("localhost:").unwrap_or(text);
    match port.parse() {
        Ok(port) => Ok(SocketAddr::new(local, port)),
        Err(_) => text
            .parse()
            .map_err(|_| "give a port, or an address with one, such as 127.0.0.1:8000".to_owned()),
    }
}

/// Says where to look, if that was asked for. Ends with what is returned.
pub(crate) fn begin(address: Option<SocketAddr>, anywhere: bool) -> Result<Option<Live>, Exit> {
    let Some(address) = address else {
        return Ok(None);
    };
    let options = Options::new(title()).anywhere(anywhere);
    match Live::start(address, options, interrupt::interrupt) {
        Ok(live) => {
            eprintln!("live view: {}", live.url());
            Ok(Some(live))
        }
        Err(error) => {
            complain(&refused(address, &error));
            Err(Exit::CouldNotBegin)
        }
    }
}

/// The program and its command.
fn title() -> String {
    let program = Args::command();
    let mut words = std::env::args_os().skip(1);
    let command = words.find_map(|word| program.find_subcommand(word));
    match command {
        Some(command) => format!("reunite {}", command.get_name()),
        None => "reunite".to_owned(),
    }
}

fn refused(address: SocketAddr, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::InvalidInput => format!("--live {address}: {error}; --live-anywhere allows it"),
        ErrorKind::AddrInUse => {
            format!("--live {address}: {error}; give another port, or 0 for any that is free")
        }
        _ => format!("--live {address}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_on_this_machine_unless_they_say_otherwise() {
        for text in ["8000", "127.0.0.1:8000", "localhost:8000"] {
            assert_eq!(address(text).unwrap().to_string(), "127.0.0.1:8000");
        }
        assert_eq!(address("[::1]:0").unwrap().to_string(), "[::1]:0");
        assert_eq!(address("0.0.0.0:80").unwrap().to_string(), "0.0.0.0:80");
        for text in ["", "localhost", "example.org:80", "127.0.0.1", "99999"] {
            assert!(address(text).is_err(), "{text}");
        }
    }
}
