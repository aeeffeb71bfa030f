//! For build servers: one suite each for pages, places and links; a test case for each that is broken, and
//! one that stands for all the others.

use std::io::{self, Write};

use reunite_base::escape::xml;

use super::findings::{List, Report};

struct Case {
    name: String,
    message: String,
    details: String,
}

pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"reunite crawl\">")?;
    let pages = report.broken.first.iter().map(|broken| Case {
        name: broken.url.clone(),
        message: broken.what(),
        details: from(&broken.referrers),
    });
    let fine = report.pages.saturating_sub(report.broken.count);
    suite(
        out,
        "pages",
        report.broken.count,
        report.broken.more(),
        fine,
        pages,
    )?;
    let places = report.anchors.first.iter().map(|anchor| Case {
        name: format!("{}#{}", anchor.url, anchor.fragment),
        message: "the page has no such place".to_owned(),
        details: from(&anchor.referrers),
    });
    suite(
        out,
        "places",
        report.anchors.count,
        report.anchors.more(),
        0,
        places,
    )?;
    let links = report.malformed.first.iter().map(|link| Case {
        name: link.link.clone(),
        message: "no address".to_owned(),
        details: format!("on {}", link.url),
    });
    suite(
        out,
        "links",
        report.malformed.count,
        report.malformed.more(),
        0,
        links,
    )?;
    writeln!(out, "</testsuites>")
}

fn suite(
    out: &mut dyn Write,
    name: &str,
    broken: u64,
    more: u64,
    fine: u64,
    cases: impl Iterator<Item = Case>,
) -> io::Result<()> {
    let rest = u64::from(more > 0);
    let failures = broken - more + rest;
    let tests = failures + 1;
    writeln!(
        out,
        "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">"
    )?;
    writeln!(
        out,
        "    <testcase classname=\"{name}\" name=\"{fine} others are fine\"/>"
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
        writeln!(out, "      <failure message=\"not listed one by one\"/>")?;
        writeln!(out, "    </testcase>")?;
    }
    writeln!(out, "  </testsuite>")
}

fn from(referrers: &List<String>) -> String {
    let mut text = format!("linked from {}", referrers.first.join(", "));
    if referrers.more() > 0 {
        text.push_str(&format!(" and {} more", referrers.more()));
    }
    text
}
