//! For people, in a browser: one page that needs nothing else.

use std::io::{self, Write};

use reunite_base::escape::xml;
use reunite_base::units::counted;

use super::findings::{List, Report};

const STYLE: &str = "\
:root { color-scheme: light dark }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #8884;
         overflow-wrap: anywhere }
th { font-weight: 600 } .bad { color: #c22 } .good { color: #283 } .few { color: #888 }
details summary { cursor: pointer }";

pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let title = format!("Report on {}", xml(&report.seeds.join(", ")));
    writeln!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">"
    )?;
    writeln!(
        out,
        "<meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>"
    )?;
    writeln!(
        out,
        "<style>{STYLE}</style></head>\n<body>\n<h1>{title}</h1>"
    )?;
    let verdict = if report.is_clean() {
        "<p class=\"good\">Nothing is broken.</p>".to_owned()
    } else {
        let bad = report.broken.count + report.anchors.count + report.malformed.count;
        let found = counted(bad, "problem");
        format!("<p class=\"bad\">{found} found.</p>")
    };
    writeln!(
        out,
        "{verdict}\n<p>{} fetched.</p>",
        counted(report.pages, "page")
    )?;
    if report.queued > 0 {
        writeln!(
            out,
            "<p>{} not fetched yet: this report is not complete.</p>",
            counted(report.queued, "page")
        )?;
    }
    table(
        out,
        "Broken",
        &["Page", "What", "Linked from"],
        &report.broken,
        |page| {
            vec![
                link(&page.url),
                xml(&page.what()).into_owned(),
                links(&page.referrers),
            ]
        },
    )?;
    table(
        out,
        "Links to places that are not there",
        &["Place", "Linked from"],
        &report.anchors,
        |anchor| {
            vec![
                link(&format!("{}#{}", anchor.url, anchor.fragment)),
                links(&anchor.referrers),
            ]
        },
    )?;
    table(
        out,
        "Links that are no addresses",
        &["Link", "On"],
        &report.malformed,
        |bad| vec![xml(&bad.link).into_owned(), link(&bad.url)],
    )?;
    table(
        out,
        "Unknown, because the server asked to be left alone",
        &["Page"],
        &report.unknown,
        |page| vec![link(&page.url)],
    )?;
    table(
        out,
        "Redirects",
        &["From", "Status", "To", "Links"],
        &report.redirects,
        |redirect| {
            let status = redirect
                .status
                .map_or(String::new(), |status| status.to_string());
            vec![
                link(&redirect.url),
                status,
                link(&redirect.to),
                redirect.links.to_string(),
            ]
        },
    )?;
    table(
        out,
        "Slower than a second",
        &["Page", "Milliseconds", "Bytes"],
        &report.slow,
        |page| {
            vec![
                link(&page.url),
                page.milliseconds.to_string(),
                page.bytes.to_string(),
            ]
        },
    )?;
    table(
        out,
        "Same content",
        &["Pages", "Bytes each"],
        &report.copies,
        |copies| vec![links(&copies.urls), copies.bytes.to_string()],
    )?;
    table(
        out,
        "Only in a sitemap",
        &["Page"],
        &report.orphans,
        |url| vec![link(url)],
    )?;
    let columns = [
        "Host",
        "Pages",
        "Broken",
        "Bytes",
        "Milliseconds on average",
    ];
    table(out, "Hosts", &columns, &report.hosts, |host| {
        let numbers = [host.pages, host.broken, host.bytes, host.milliseconds];
        let numbers = numbers.iter().map(ToString::to_string);
        std::iter::once(xml(&host.origin).into_owned())
            .chain(numbers)
            .collect()
    })?;
    if !report.skipped.is_empty() {
        let reasons = report
            .skipped
            .iter()
            .map(|(reason, count)| format!("{count} {}", xml(reason)));
        writeln!(
            out,
            "<h2>Not fetched</h2>\n<p>{}</p>",
            reasons.collect::<Vec<_>>().join(", ")
        )?;
    }
    writeln!(out, "</body></html>")
}

fn table<T>(
    out: &mut dyn Write,
    name: &str,
    columns: &[&str],
    list: &List<T>,
    cells: impl Fn(&T) -> Vec<String>,
) -> io::Result<()> {
    if list.count == 0 {
        return Ok(());
    }
    writeln!(out, "<h2>{name}: {}</h2>\n<table>", list.count)?;
    writeln!(out, "<tr><th>{}</th></tr>", columns.join("</th><th>"))?;
    for entry in &list.first {
        writeln!(out, "<tr><td>{}</td></tr>", cells(entry).join("</td><td>"))?;
    }
    writeln!(out, "</table>")?;
    if list.more() > 0 {
        writeln!(out, "<p class=\"few\">and {} more</p>", list.more())?;
    }
    Ok(())
}

/// Only addresses that were fetched or linked to as such come here: `http` and `https`.
fn link(url: &str) -> String {
    let url = xml(url);
    format!("<a href=\"{url}\" rel=\"noreferrer\">{url}</a>")
}

fn links(list: &List<String>) -> String {
    let mut text: Vec<String> = list.first.iter().map(|url| link(url)).collect();
    if list.more() > 0 {
        text.push(format!("and {} more", list.more()));
    }
    text.join("<br>")
}
