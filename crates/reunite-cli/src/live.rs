//! The option `--live`, which every command has.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use reunite_live::{Live, Options};

use crate::args::{Args, Command};
use crate::complain::complain;
use crate::exit::Exit;
use crate::interrupt;

/// Parses an address such as `8000`, `127.0.0.1:8000`, `[::1]:8000` or `localhost:8000`.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let port = text.strip_prefix("localhost:").unwrap_or(text);
    match port.parse() {
        Ok(port) => Ok(SocketAddr::new(local, port)),
        Err(_) => text.parse().map_err(|_| {
            "use a port, or an address with a port, such as 127.0.0.1:8000".to_owned()
        }),
    }
}

/// The reason why there is no live view.
#[derive(Debug)]
enum LiveError {
    /// The command ends at once.
    NothingToWatch,
    /// The address cannot be used.
    Refused(SocketAddr, io::Error),
}

impl fmt::Display for LiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (address, error) = match self {
            Self::NothingToWatch => {
                return f.write_str(
                    "--live: this command has nothing to watch; use it with images, crawl, serve or bench",
                );
            }
            Self::Refused(address, error) => (address, error),
        };
        write!(f, "--live {address}: {error}")?;
        match error.kind() {
            ErrorKind::InvalidInput => f.write_str("; add --live-anywhere to allow that"),
            ErrorKind::AddrInUse => f.write_str("; use another port, or 0 for a free one"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for LiveError {}

/// Starts the live view and prints its URL, if `--live` was given. The view ends when the returned value is dropped.
pub(crate) fn begin(args: &Args) -> Result<Option<Live>, Exit> {
    let Some(address) = args.live else {
        return Ok(None);
    };
    let started = match title(&args.command) {
        Some(title) => start(address, Options::new(title).anywhere(args.live_anywhere)),
        None => Err(LiveError::NothingToWatch),
    };
    match started {
        Ok(live) => {
            eprintln!("live view: {}", live.url());
            Ok(Some(live))
        }
        Err(error) => {
            complain(&error.to_string());
            Err(Exit::CouldNotBegin)
        }
    }
}

fn start(address: SocketAddr, options: Options) -> Result<Live, LiveError> {
    // Pressing the button twice has no further effect: only a second Ctrl-C at the terminal exits at once.
    let cancel = || {
        interrupt::interrupt();
        true
    };
    Live::start(address, options, cancel).map_err(|error| LiveError::Refused(address, error))
}

/// Returns the title of the view: the program and its command. None for commands that end at once.
fn title(command: &Command) -> Option<&'static str> {
    match command {
        Command::Images(_) => Some("reunite images"),
        Command::Crawl(_) => Some("reunite crawl"),
        Command::Serve(_) => Some("reunite serve"),
        Command::Bench { .. } => Some("reunite bench"),
        Command::Desk(_) | Command::Dump(_) | Command::Completions { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_host_is_on_this_machine() {
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
