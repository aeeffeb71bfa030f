//! A report as JUnit XML, for build servers.
//!
//! There is one test suite each for pages, anchors and links, with one failed test case per fault, and one passed
//! test case for all pages without a fault.

use std::io::{self, Write};

use reunite_base::escape::xml;

use super::findings::{List, SiteReport};

/// A fault.
struct Case {
    name: String,
    message: String,
    details: String,
}

pub(super) fn write(report: &SiteReport, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"reunite crawl\">")?;
    let pages = report.broken.first.iter().map(|broken| Case {
        name: broken.url.clone(),
        message: broken.what(),
        details: linked_from(&broken.referrers),
    });
    let fine = report.pages.saturating_sub(report.broken.count);
    suite(out, "pages", fine, &report.broken, pages)?;
    let anchors = report.anchors.first.iter().map(|anchor| Case {
        name: format!("{}#{}", anchor.url, anchor.fragment),
        message: "the page has no such anchor".to_owned(),
        details: linked_from(&anchor.referrers),
    });
    // Build servers recognise a test by its suite and class, so "places" stays although the message says "anchor".
    suite(out, "places", 0, &report.anchors, anchors)?;
    let links = report.malformed.first.iter().map(|link| Case {
        name: link.link.clone(),
        message: "invalid address".to_owned(),
        details: format!("on {}", link.url),
    });
    suite(out, "links", 0, &report.malformed, links)?;
    writeln!(out, "</testsuites>")
}

/// Writes a test suite. `cases` are the listed faults; one more test case stands for those not listed.
fn suite<T>(
    out: &mut dyn Write,
    name: &str,
    fine: u64,
    faults: &List<T>,
    cases: impl Iterator<Item = Case>,
) -> io::Result<()> {
    let more = faults.more();
    let failures = faults.count - more + u64::from(more > 0);
    let tests = failures + 1;
    writeln!(
        out,
        "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">"
    )?;
    writeln!(
        out,
        "    <testcase classname=\"{name}\" name=\"{fine} without a fault\"/>"
    )?;
    for case in cases {
        let (title, message) = (xml(&case.name), xml(&case.message));
        writeln!(out, "    <testcase classname=\"{name}\" name=\"{title}\">")?;
        let details = xml(&case.details);
        writeln!(
            out,
            "      <failure message=\"{message}\">{details}</failure>"
        )?;
        writeln!(out, "    </testcase>")?;
    }
    if more > 0 {
        writeln!(
            out,
            "    <testcase classname=\"{name}\" name=\"and {more} more\">"
        )?;
        writeln!(out, "      <failure message=\"not listed\"/>")?;
        writeln!(out, "    </testcase>")?;
    }
    writeln!(out, "  </testsuite>")
}

fn linked_from(referrers: &List<String>) -> String {
    let mut text = format!("linked from {}", referrers.first.join(", "));
    if referrers.more() > 0 {
        text.push_str(&format!(" and {} more", referrers.more()));
    }
    text
}
