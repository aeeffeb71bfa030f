//! The error of a picture.

use std::fmt;

use reunite::Cancelled;

/// The reason why a picture could not be decoded, transformed or encoded. The message does not name the file.
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

    /// Returns true if the file's format is not supported.
    pub fn is_unsupported(&self) -> bool {
        matches!(self.0, Kind::Unsupported(_))
    }

    /// Returns true if the file is damaged or truncated.
    pub fn is_corrupt(&self) -> bool {
        matches!(self.0, Kind::Corrupt(_))
    }

    /// Returns true if the header declares more pixels than allowed.
    pub fn is_too_large(&self) -> bool {
        matches!(self.0, Kind::TooLarge { .. })
    }

    /// Returns true if the current task was cancelled before the picture was finished.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.0, Kind::Cancelled(_))
    }

    /// Returns true if the task was cancelled because a deadline passed.
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
            Kind::Unsupported(what) => write!(f, "not a supported picture: {what}"),
            Kind::Corrupt(what) => write!(f, "damaged or truncated: {what}"),
            Kind::TooLarge { pixels, limit } => {
                let mega = |count: u64| format!("{:.0} mega", count as f64 / 1e6);
                let (many, most) = match (mega(*pixels), mega(*limit)) {
                    // In millions the numbers would be zero or equal.
                    (many, most) if *limit < 1_000_000 || many == most => {
                        (format!("{pixels} "), format!("{limit}"))
                    }
                    (many, most) => (many, most.replace(" mega", "")),
                };
                write!(f, "{many}pixels, more than the limit of {most}")
            }
            Kind::Encoding(what) => write!(f, "cannot be encoded in this format: {what}"),
            Kind::Cancelled(cancelled) => write!(f, "{cancelled}"),
        }
    }
}

impl std::error::Error for ImageError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_shows_pixels_and_limit_as_numbers_that_differ() {
        let message = |pixels, limit| ImageError::too_large(pixels, limit).to_string();
        assert!(
            message(268_000_000, 100_000_000)
                .starts_with("268 megapixels, more than the limit of 100")
        );
        assert!(message(60_000, 59_999).starts_with("60000 pixels, more than the limit of 59999"));
        assert!(
            message(5_000_001, 5_000_000)
                .starts_with("5000001 pixels, more than the limit of 5000000")
        );
    }
}
