//! Phrases that the formats for people share.

use reunite_base::units::counted;

use super::findings::SiteReport;
use crate::address::Skipped;

/// Returns how many pages are still to be fetched.
pub(super) fn still_queued(pages: u64) -> String {
    let verb = if pages == 1 { "is" } else { "are" };
    format!("{} {verb} still queued", counted(pages, "page"))
}

/// Returns how many addresses were not fetched for each reason. A reason that this version does not know is shown as
/// the store has it, so the phrase is foreign text.
pub(super) fn not_fetched(report: &SiteReport) -> String {
    let phrase = |(word, count): &(String, u64)| {
        let known = Skipped::ALL.iter().find(|reason| reason.word() == word);
        match known {
            Some(reason) => format!("{count} {reason}"),
            None => format!("{count} {word}"),
        }
    };
    let phrases: Vec<String> = report.skipped.iter().map(phrase).collect();
    phrases.join(", ")
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
