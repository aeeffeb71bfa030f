//! What can be wrong with a picture.

use std::fmt;

use reunite::Cancelled;

/// Why a picture could not be read or made. The message is for a person; the caller adds the file's name.
#[derive(Debug)]
pub struct ImageError(Kind);

#[derive(Debug)]
enum Kind {
    Unsupported(String),
    Corrupt(String),
    TooLarge { pixels: u64, limit: u64 },
    Encoding(String),
    Cancelled(Cancelled),
}

impl ImageError {
    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Self(Kind::Unsupported(what.into()))
    }

    pub(crate) fn corrupt(what: impl fmt::Display) -> Self {
        Self(Kind::Corrupt(what.to_string()))
    }

    pub(crate) fn too_large(pixels: u64, limit: u64) -> Self {
        Self(Kind::TooLarge { pixels, limit })
    }

    pub(crate) fn encoding(what: impl fmt::Display) -> Self {
        Self(Kind::Encoding(what.to_string()))
    }

    /// Whether the file is of a kind that is not read here.
    pub fn is_unsupported(&self) -> bool {
        matches!(self.0, Kind::Unsupported(_))
    }

    /// Whether the file is damaged or cut short.
    pub fn is_corrupt(&self) -> bool {
        matches!(self.0, Kind::Corrupt(_))
    }

    /// Whether the header announces more pixels than allowed.
    pub fn is_too_large(&self) -> bool {
        matches!(self.0, Kind::TooLarge { .. })
    }

    /// Whether the current task was cancelled on the way.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.0, Kind::Cancelled(_))
    }

    /// Whether a deadline that passed was why the task was cancelled.
    pub fn is_late(&self) -> bool {
        matches!(&self.0, Kind::Cancelled(cancelled) if cancelled.is_deadline())
    }
}

impl From<Cancelled> for ImageError {
    fn from(cancelled: Cancelled) -> Self {
        Self(Kind::Cancelled(cancelled))
    }
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Unsupported(what) => write!(f, "not a picture that can be read here: {what}"),
            Kind::Corrupt(what) => write!(f, "damaged or cut short: {what}"),
            Kind::TooLarge { pixels, limit } => {
                let mega = |count: u64| format!("{:.0} mega", count as f64 / 1e6);
                let (many, most) = match (mega(*pixels), mega(*limit)) {
                    // Too few, or too near each other, to be told apart in millions.
                    (many, most) if *limit < 1_000_000 || many == most => {
                        (format!("{pixels} "), format!("{limit}"))
                    }
                    (many, most) => (many, most.replace(" mega", "")),
                };
                write!(f, "{many}pixels, more than the limit of {most}")
            }
            Kind::Encoding(what) => write!(f, "cannot be written in this format: {what}"),
            Kind::Cancelled(cancelled) => write!(f, "{cancelled}"),
        }
    }
}

impl std::error::Error for ImageError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_told_in_numbers_that_differ() {
        let told = |pixels, limit| ImageError::too_large(pixels, limit).to_string();
        assert!(
            told(268_000_000, 100_000_000)
                .starts_with("268 megapixels, more than the limit of 100")
        );
        assert!(told(60_000, 59_999).starts_with("60000 pixels, more than the limit of 59999"));
        assert!(
            told(5_000_001, 5_000_000)
                .starts_with("5000001 pixels, more than the limit of 5000000")
        );
    }
}
