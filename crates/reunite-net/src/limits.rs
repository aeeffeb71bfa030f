//! The limits of a server: how many clients it serves, and how long they may take.

use std::io;
use std::time::Duration;

/// How many clients are served at a time; those beyond are refused.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// In all.
    pub connections: usize,
    /// From one address.
    pub per_address: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            per_address: usize::MAX,
        }
    }
}

impl Limits {
    /// Lets this process have as many descriptors open as the system grants without asking anybody. Returns how
    /// many; `None` for as many as there are.
    ///
    /// # Errors
    /// The system refuses; the limit is what it was.
    pub fn raise_descriptors() -> io::Result<Option<u64>> {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let maximum = getrlimit(Resource::Nofile).maximum;
        setrlimit(
            Resource::Nofile,
            Rlimit {
                current: maximum,
                maximum,
            },
        )?;
        Ok(maximum)
    }
}

/// How long things may take; see the [protocol](crate#protocol).
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Between two requests.
    pub idle: Duration,
    /// From the first byte of a request's head to its last.
    pub header: Duration,
    /// From the first byte of a request to its last.
    pub request: Duration,
    /// For a client to take the next 64 KiB.
    pub write: Duration,
    /// When the server shuts down, for requests that are on their way.
    pub grace: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(60),
            header: Duration::from_secs(10),
            request: Duration::from_secs(60),
            write: Duration::from_secs(30),
            grace: Duration::from_millis(100),
        }
    }
}
