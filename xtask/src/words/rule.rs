//! The rules whose hits are counted, and the places that break them.

use std::fmt;

/// A rule whose hits are counted per crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    DocOpening,
    HelpWidth,
    Plural,
    Metaphor,
}

impl Rule {
    pub(super) const ALL: [Self; 4] = [
        Self::DocOpening,
        Self::HelpWidth,
        Self::Plural,
        Self::Metaphor,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::DocOpening => "doc-opening",
            Self::HelpWidth => "help-width",
            Self::Plural => "plural",
            Self::Metaphor => "metaphor",
        }
    }

    /// Returns what to write instead.
    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::DocOpening => {
                "a doc comment opens with what the item is or does: \"Returns …\", \"The …\""
            }
            Self::HelpWidth => "the first paragraph of a help text has at most 80 columns",
            Self::Plural => "counts are formatted by the helper that knows `1 page` and `2 pages`",
            Self::Metaphor => "names use the plain term",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A place that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(super) line: usize,
    pub(super) text: String,
}
