//! Errors of a store.

use std::fmt;

use rusqlite::ErrorCode;

/// The reason why a store cannot be used. Everything committed before is still in it.
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

    pub(super) fn with_path(mut self, path: &std::path::Path) -> Self {
        self.path = Some(path.display().to_string());
        self
    }

    fn code(&self) -> Option<ErrorCode> {
        match &self.kind {
            Kind::Sqlite(error) => error.sqlite_error_code(),
            _ => None,
        }
    }

    /// Returns true if another process has the store open.
    pub fn is_busy(&self) -> bool {
        matches!(
            self.code(),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
        )
    }

    /// Returns true if the disk is full.
    pub fn is_full(&self) -> bool {
        self.code() == Some(ErrorCode::DiskFull)
    }

    /// Returns true if the file is damaged or not a store.
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
            return f.write_str("another process has this store open; wait until it ends");
        }
        if self.is_full() {
            return f.write_str(
                "the disk is full; all stored pages are intact. Free some space and run the same command again",
            );
        }
        match &self.kind {
            Kind::NotAStore => {
                f.write_str("not a store of a crawl; the file was left unchanged. Use another file")
            }
            Kind::Newer(version) => write!(
                f,
                "the store was created by a newer version of this program (format {version}); use that version"
            ),
            Kind::Damaged(how) => write!(
                f,
                "the store is damaged and was left unchanged ({how}); \
                 move it away and crawl again, or recover data with `sqlite3 FILE .recover`"
            ),
            Kind::Sqlite(error) if self.is_damaged() => write!(
                f,
                "the store is damaged and was left unchanged ({error}); \
                 move it away and crawl again, or recover data with `sqlite3 FILE .recover`"
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
