//! Opening a store. A file that is not a store, or damaged, is not written to.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::{Store, StoreError};

/// "reuC".
const APPLICATION: i64 = 0x7265_7543;
const VERSION: i64 = 1;

impl Store {
    /// Opens the store in this file, or creates it.
    ///
    /// # Errors
    /// Another process has the store open; the file is not a store, or damaged, and was left unchanged; or it
    /// cannot be read or written.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, true).map_err(|error| error.with_path(path))
    }

    /// Opens an existing store.
    ///
    /// # Errors
    /// As [`open`](Self::open), or the file does not exist.
    pub fn open_existing(path: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            return Err(StoreError::other("no such file").with_path(path));
        }
        Self::open_with(path, false).map_err(|error| error.with_path(path))
    }

    fn open_with(path: &Path, create: bool) -> Result<Self, StoreError> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        flags.set(OpenFlags::SQLITE_OPEN_CREATE, create);
        let db = Connection::open_with_flags(path, flags)?;
        // Locked until closed, so that two crawls cannot share a store. The system frees a killed process's lock.
        db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        // A damaged file must not be written to, not even when it is closed.
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        let pragma = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let tables: i64 =
            db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        let (application, version) = (pragma("application_id")?, pragma("user_version")?);
        let is_new = create && tables == 0 && application == 0;
        if !is_new {
            if application != APPLICATION {
                return Err(StoreError::not_a_store());
            }
            if version > VERSION {
                return Err(StoreError::newer(version));
            }
            check(&db)?;
        }
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        // With a write-ahead log, a commit survives a kill without waiting for the disk.
        db.pragma_update(None, "synchronous", "NORMAL")?;
        db.pragma_update(None, "cache_size", -32 * 1024)?;
        db.pragma_update(None, "wal_autocheckpoint", 8192)?;
        db.pragma_update(None, "journal_size_limit", 64 << 20)?;
        db.set_prepared_statement_cache_capacity(64);
        let store = Self {
            db,
            seen: HashMap::new(),
            hosts: HashMap::new(),
            max_depth: i64::MAX,
            max_variants: i64::MAX,
            in_transaction: false,
        };
        if is_new {
            store.create()?;
        } else {
            // Takes the lock now, not at the first page.
            store.db.execute_batch("BEGIN IMMEDIATE; COMMIT")?;
        }
        Ok(store)
    }

    /// Creates the tables in one transaction: after a kill the file is empty or a store.
    fn create(&self) -> Result<(), StoreError> {
        let schema = include_str!("schema.sql");
        self.db.execute_batch(&format!(
            "BEGIN IMMEDIATE; {schema} \
             PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT"
        ))?;
        Ok(())
    }

    /// Sets the largest number of clicks from a seed, and of addresses that differ only in the values of their
    /// query parameters.
    pub fn set_limits(&mut self, max_depth: i64, max_variants: i64) {
        (self.max_depth, self.max_variants) = (max_depth, max_variants);
    }

    /// Sets the largest size of the file, in pages of 4 KiB. At that size it behaves as if the disk were full.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn set_largest(&mut self, pages: i64) -> Result<(), StoreError> {
        let sql = format!("PRAGMA max_page_count = {pages}");
        Ok(self.db.query_row(&sql, [], |_| Ok(()))?)
    }

    /// Returns the value stored under a key.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn note(&self, key: &str) -> Result<Option<String>, StoreError> {
        let sql = "SELECT value FROM meta WHERE key = ?1";
        Ok(self.db.query_row(sql, [key], |row| row.get(0)).optional()?)
    }

    /// Stores a value under a key.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn set_note(&mut self, key: &str, value: &str) -> Result<(), StoreError> {
        let sql = "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2";
        self.write()?.execute(sql, params![key, value])?;
        Ok(())
    }
}

fn check(db: &Connection) -> Result<(), StoreError> {
    let verdict: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" {
        Ok(())
    } else {
        Err(StoreError::damaged(verdict.replace('\n', " ")))
    }
}
