//! The file: the frontier, the pages, the links.
//!
#![doc = include_str!("schema.md")]

mod error;
mod frontier;
mod open;
mod record;

use std::collections::HashMap;

use rusqlite::Connection;

pub use error::StoreError;
mod host;

pub(crate) use frontier::Admission;
pub use frontier::{Job, Role, Skipped};
pub(crate) use host::HostRow;
pub use host::{Counts, HostCounts};
pub(crate) use record::{Record, milliseconds};

/// An open store. One process has it at a time, and in it one task.
pub struct Store {
    db: Connection,
    /// Addresses seen lately, so that the links that every page of a site has cost no query.
    seen: HashMap<String, Seen>,
    hosts: HashMap<String, i64>,
    max_depth: i64,
    max_variants: i64,
    in_transaction: bool,
}

/// What is known of an address without asking.
#[derive(Clone, Copy)]
struct Seen {
    id: i64,
    depth: i64,
    /// Nothing that another link to it says could change anything.
    settled: bool,
}

/// Some ten megabytes.
const MOST_SEEN: usize = 1 << 16;

impl Store {
    /// Makes everything since the last time lasting, as one.
    ///
    /// # Errors
    /// The file cannot be written; then nothing since the last time is in it.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        if self.in_transaction {
            self.in_transaction = false;
            self.db.execute_batch("COMMIT")?;
        }
        Ok(())
    }

    /// Whether something is not lasting yet.
    pub fn is_dirty(&self) -> bool {
        self.in_transaction
    }

    /// Begins a transaction unless there is one.
    fn write(&mut self) -> Result<&Connection, StoreError> {
        if !self.in_transaction {
            self.db.execute_batch("BEGIN IMMEDIATE")?;
            self.in_transaction = true;
        }
        Ok(&self.db)
    }

    /// For reports, which only ask.
    pub(crate) fn db(&self) -> &Connection {
        &self.db
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.db.path().unwrap_or_default())
    }
}
