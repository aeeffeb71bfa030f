//! The limits of a server: how many clients it serves, and how long each step may take.

use std::io;
use std::time::Duration;

/// The maximum number of clients that are served at a time; further clients are refused.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The maximum in total.
    pub connections: usize,
    /// The maximum from one IP address.
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
    /// Raises this process's limit on open descriptors to the highest value that needs no privileges. Returns the new
    /// limit; `None` if it is unlimited.
    ///
    /// # Errors
    /// Returns the system's error; the limit is then unchanged.
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

/// The maximum duration of each state of a connection; see the [protocol](crate#protocol).
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// The time between two requests.
    pub idle: Duration,
    /// The time from the first byte of a request's head to its last.
    pub header: Duration,
    /// The time from the first byte of a request to its last.
    pub request: Duration,
    /// The time for a client to accept the next 64 KiB.
    pub write: Duration,
    /// The time that a server which shuts down waits for requests in transit.
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
