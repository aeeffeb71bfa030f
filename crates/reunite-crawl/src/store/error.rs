//! What can be wrong with a store, in words that say what to do.

use std::fmt;

use rusqlite::ErrorCode;

/// The store cannot be used. What was committed before is still in it.
#[derive(Debug)]
pub struct StoreError {
    kind: Kind,
    path: Option<String>,
}

#[derive(Debug)]
enum Kind {
    Sqlite(rusqlite::Error),
    NotAStore,
    Newer(i64),
    Damaged(String),
    Other(String),
}

impl StoreError {
    pub(super) fn not_a_store() -> Self {
        Kind::NotAStore.into()
    }

    pub(super) fn newer(version: i64) -> Self {
        Kind::Newer(version).into()
    }

    pub(super) fn damaged(how: String) -> Self {
        Kind::Damaged(how).into()
    }

    pub(crate) fn other(what: impl Into<String>) -> Self {
        Kind::Other(what.into()).into()
    }

    pub(super) fn of(mut self, path: &std::path::Path) -> Self {
        self.path = Some(path.display().to_string());
        self
    }

    fn code(&self) -> Option<ErrorCode> {
        match &self.kind {
            Kind::Sqlite(error) => error.sqlite_error_code(),
            _ => None,
        }
    }

    /// Whether another process has it open.
    pub fn is_busy(&self) -> bool {
        matches!(
            self.code(),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
        )
    }

    /// Whether the disk is full.
    pub fn is_full(&self) -> bool {
        self.code() == Some(ErrorCode::DiskFull)
    }

    /// Whether the file is damaged, or no store at all.
    pub fn is_damaged(&self) -> bool {
        matches!(self.kind, Kind::NotAStore | Kind::Damaged(_))
            || self.code() == Some(ErrorCode::DatabaseCorrupt)
    }
}

impl From<Kind> for StoreError {
    fn from(kind: Kind) -> Self {
        Self { kind, path: None }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) {
            return Kind::NotAStore.into();
        }
        Kind::Sqlite(error).into()
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{path}: ")?;
        }
        if self.is_busy() {
            return f.write_str("another process has this store open; wait until it has ended");
        }
        if self.is_full() {
            return f.write_str(
                "the disk is full; what was stored is whole. Make room and run the same command again",
            );
        }
        match &self.kind {
            Kind::NotAStore => {
                f.write_str("this is no store of a crawl, and is left as it is; name another file")
            }
            Kind::Newer(version) => write!(
                f,
                "a newer version of this program made this store (version {version}); use that"
            ),
            Kind::Damaged(how) => write!(
                f,
                "the store is damaged, and is left as it is ({how}); \
                 move it away and crawl again, or save what `sqlite3 FILE .recover` can read"
            ),
            Kind::Sqlite(error) if self.is_damaged() => write!(
                f,
                "the store is damaged, and is left as it is ({error}); \
                 move it away and crawl again, or save what `sqlite3 FILE .recover` can read"
            ),
            Kind::Sqlite(error) => write!(f, "the store cannot be used: {error}"),
            Kind::Other(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            Kind::Sqlite(error) => Some(error),
            _ => None,
        }
    }
}
