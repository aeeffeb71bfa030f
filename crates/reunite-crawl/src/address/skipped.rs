//! Reasons for not fetching an address.

use std::fmt;

/// The reason why an address is not fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Skipped {
    /// The address is on another site.
    Scope,
    /// An exclude pattern matches the address.
    Excluded,
    /// The robots.txt of its host forbids the address.
    Robots,
    /// All links to the address are marked `nofollow`.
    Nofollow,
    /// The address is too many clicks from a seed.
    Depth,
    /// The path repeats itself or is too deep.
    Trap,
    /// Too many other addresses differ from this one only in the values of their query parameters.
    Variants,
    /// The address is linked only from pages with too many copies.
    Copy,
    /// The address is part of a page, such as an image, and parts are not fetched.
    Part,
    /// The address is at the end of too many redirects.
    Redirects,
}

impl Skipped {
    /// All reasons.
    pub const ALL: [Self; 10] = [
        Self::Scope,
        Self::Excluded,
        Self::Robots,
        Self::Nofollow,
        Self::Depth,
        Self::Trap,
        Self::Variants,
        Self::Copy,
        Self::Part,
        Self::Redirects,
    ];

    /// Returns the reason as the store spells it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Scope => "scope",
            Self::Excluded => "excluded",
            Self::Robots => "robots",
            Self::Nofollow => "nofollow",
            Self::Depth => "depth",
            Self::Trap => "trap",
            Self::Variants => "variants",
            Self::Copy => "copy",
            Self::Part => "part",
            Self::Redirects => "redirects",
        }
    }

    /// Returns true if the reason lies in the links to an address, so that another link may lift it.
    pub(crate) fn depends_on_link(word: &str) -> bool {
        let by_link = [
            Self::Nofollow,
            Self::Depth,
            Self::Copy,
            Self::Part,
            Self::Redirects,
        ];
        by_link.iter().any(|reason| reason.word() == word)
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scope => "on other sites",
            Self::Excluded => "excluded",
            Self::Robots => "forbidden by robots.txt",
            Self::Nofollow => "marked nofollow",
            Self::Depth => "beyond the depth limit",
            Self::Trap => "with a repeating or too deep path",
            Self::Variants => "beyond the limit of query variants",
            Self::Copy => "linked only from copies of other pages",
            Self::Part => "parts of pages",
            Self::Redirects => "after too many redirects",
        })
    }
}
