//! The store: one SQLite file with the frontier, the pages and their links.
//!
#![doc = include_str!("schema.md")]

mod error;
mod frontier;
mod host;
mod job;
mod open;
mod record;

use std::collections::HashMap;

use rusqlite::Connection;

pub use error::StoreError;
pub(crate) use frontier::Admission;
pub(crate) use host::HostRow;
pub use host::{Counts, HostCounts};
pub use job::{Job, Role};
pub(crate) use record::{Record, milliseconds};

/// An open store. Only one process can have it open at a time.
pub struct Store {
    db: Connection,
    /// Recently admitted addresses, so that links found on every page of a site cost no query.
    seen: HashMap<String, Seen>,
    /// Row numbers of hosts, by origin.
    hosts: HashMap<String, i64>,
    max_depth: i64,
    max_variants: i64,
    in_transaction: bool,
}

/// The data of an address that is known without a query.
#[derive(Clone, Copy)]
struct Seen {
    id: i64,
    depth: i64,
    /// True if another link that is not shorter changes nothing.
    settled: bool,
}

/// Addresses remembered, about ten megabytes.
const MAX_SEEN: usize = 1 << 16;

impl Store {
    /// Commits everything written since the last commit, as one transaction.
    ///
    /// # Errors
    /// The file cannot be written. Nothing written since the last commit is in it then.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        if self.in_transaction {
            self.in_transaction = false;
            self.db.execute_batch("COMMIT")?;
        }
        Ok(())
    }

    /// Returns true if something written is not committed yet.
    pub fn is_dirty(&self) -> bool {
        self.in_transaction
    }

    /// Returns the connection for writing. Begins a transaction unless one is open.
    fn write(&mut self) -> Result<&Connection, StoreError> {
        if !self.in_transaction {
            self.db.execute_batch("BEGIN IMMEDIATE")?;
            self.in_transaction = true;
        }
        Ok(&self.db)
    }

    /// Returns the connection for reading.
    pub(crate) fn db(&self) -> &Connection {
        &self.db
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.db.path().unwrap_or_default())
    }
}
