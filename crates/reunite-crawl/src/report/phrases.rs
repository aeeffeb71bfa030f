//! Phrases that the formats for people share.

use reunite_base::units::counted;

/// Returns how many pages are still to be fetched.
pub(super) fn still_queued(pages: u64) -> String {
    let verb = if pages == 1 { "is" } else { "are" };
    format!("{} {verb} still queued", counted(pages, "page"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_page_is_and_more_are_still_queued() {
        assert_eq!(still_queued(1), "1 page is still queued");
        assert_eq!(still_queued(2), "2 pages are still queued");
    }
}
