//! One address to fetch.

use rusqlite::Row;
use url::Url;

/// An address to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The number of its row.
    pub id: i64,
    /// The address.
    pub url: Url,
    /// The number of its host's row.
    pub host: i64,
    /// The purpose of fetching the address.
    pub role: Role,
    /// The number of redirects in a row that led to the address.
    pub hops: i64,
    /// The number of earlier tries.
    pub tries: i64,
}

/// The purpose of fetching an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A page of the site: it is stored and its links are followed.
    Page,
    /// A sitemap: its entries are followed.
    Sitemap,
    /// A page of another site: only checked, because a page links to it.
    External,
}

impl Role {
    pub(super) fn code(self) -> i64 {
        match self {
            Self::Page => 0,
            Self::Sitemap => 1,
            Self::External => 2,
        }
    }

    fn from_code(code: i64) -> Self {
        match code {
            1 => Self::Sitemap,
            2 => Self::External,
            _ => Self::Page,
        }
    }
}

impl Job {
    /// Reads the columns `id, url, host, role, hops, tries`.
    pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let url: String = row.get(1)?;
        let url = Url::parse(&url).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(
                1,
                rusqlite::types::Type::Text,
                Box::new(error),
            )
        })?;
        Ok(Self {
            id: row.get(0)?,
            url,
            host: row.get(2)?,
            role: Role::from_code(row.get(3)?),
            hops: row.get(4)?,
            tries: row.get(5)?,
        })
    }
}
