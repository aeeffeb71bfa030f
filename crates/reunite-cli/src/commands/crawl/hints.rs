//! Messages for the user of the program: they name options and arguments, which those of the library do not.

use std::path::Path;

use reunite_crawl::report::SiteReport;
use reunite_crawl::store::StoreError;
use reunite_crawl::{CrawlError, Difference};

/// Adds to the message of a failure the option that avoids it. `kind` is the failure's kind in the store.
pub(super) fn with_option(kind: &str, message: &str) -> String {
    match kind {
        "too large" => format!("{message}; raise the limit with --max-size"),
        "robots" => format!("{message}; if the owner of the site agrees, add --ignore-robots"),
        _ => message.to_owned(),
    }
}

/// Adds to the failures of a report the options that avoid them.
pub(super) fn add_options(report: &mut SiteReport) {
    for page in &mut report.broken.first {
        if let (Some(kind), Some(failure)) = (&page.kind, &mut page.failure) {
            *failure = with_option(kind, failure);
        }
    }
}

/// Returns the message of an error of the crawl, which names settings by their options.
pub(super) fn crawl_error(error: &CrawlError) -> String {
    match error {
        CrawlError::OtherSettings(differences) => {
            let differences: Vec<String> = differences.iter().map(difference).collect();
            format!(
                "this store was created with other settings; use the same settings or another store ({})",
                differences.join("; ")
            )
        }
        _ => error.to_string(),
    }
}

/// Returns why the store cannot be opened, with `advice` if its path is a folder. SQLite gives the same error for all
/// files that it cannot open, so the path is examined.
pub(super) fn unusable(file: &Path, advice: &str, error: &StoreError) -> String {
    let folder = file.parent().filter(|folder| *folder != Path::new(""));
    match folder {
        _ if file.is_dir() => format!("{} is a folder; {advice}", file.display()),
        Some(folder) if !folder.exists() => {
            format!("no such folder: {}; create it first", folder.display())
        }
        _ => error.to_string(),
    }
}

fn difference(difference: &Difference) -> String {
    let Difference {
        setting,
        stored,
        given,
    } = difference;
    let opposite = |value: &String| match value.as_str() {
        "yes" => "no".to_owned(),
        _ => "yes".to_owned(),
    };
    match setting.as_str() {
        "parts" => format!(
            "--no-parts: stored {}, given {}",
            opposite(stored),
            opposite(given)
        ),
        "sitemaps" => {
            format!(
                "--no-sitemaps: stored {}, given {}",
                opposite(stored),
                opposite(given)
            )
        }
        _ => format!("{}: stored {stored}, given {given}", option(setting)),
    }
}

/// Returns the option that sets a setting.
fn option(setting: &str) -> String {
    let option = match setting {
        "seeds" => "URL",
        "hosts" => "--host",
        "nofollow" => "--follow-nofollow",
        "forbidden" => "--ignore-robots",
        "sessions" => "--keep-session-ids",
        _ => return format!("--{}", setting.replace('_', "-")),
    };
    option.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_named_by_their_options() {
        let told = |setting: &str, stored: &str, given: &str| {
            difference(&Difference {
                setting: setting.to_owned(),
                stored: stored.to_owned(),
                given: given.to_owned(),
            })
        };
        assert_eq!(told("below", "no", "yes"), "--below: stored no, given yes");
        assert_eq!(
            told("parts", "yes", "no"),
            "--no-parts: stored no, given yes"
        );
        assert_eq!(
            told("max_variants", "1", "2"),
            "--max-variants: stored 1, given 2"
        );
    }
}
