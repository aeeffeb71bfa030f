//! A report as one HTML page without external resources.

use std::io::{self, Write};

use reunite_base::escape::xml;
use reunite_base::units::{bytes, counted};

use super::findings::{List, SiteReport};
use super::phrases::{not_fetched, still_queued};

const STYLE: &str = "\
:root { color-scheme: light dark }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #8884;
         overflow-wrap: anywhere }
th { font-weight: 600 } .bad { color: #c22 } .good { color: #283 } .few { color: #888 }
details summary { cursor: pointer }";

pub(super) fn write(report: &SiteReport, out: &mut dyn Write) -> io::Result<()> {
    head(report, out)?;
    faults(report, out)?;
    insights(report, out)?;
    skipped(report, out)?;
    writeln!(out, "</body></html>")
}

fn head(report: &SiteReport, out: &mut dyn Write) -> io::Result<()> {
    let title = format!("Report on {}", xml(&report.seeds.join(", ")));
    writeln!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\n\
         <style>{STYLE}</style></head>\n<body>\n<h1>{title}</h1>"
    )?;
    let faults = report.faults();
    let verdict = match faults {
        0 => "<p class=\"good\">Nothing is broken.</p>".to_owned(),
        1 => "<p class=\"bad\">1 fault.</p>".to_owned(),
        _ => format!("<p class=\"bad\">{faults} faults.</p>"),
    };
    let pages = counted(report.pages, "page");
    writeln!(out, "{verdict}\n<p>{pages} fetched.</p>")?;
    if report.queued > 0 {
        writeln!(
            out,
            "<p>This report is incomplete: {}.</p>",
            still_queued(report.queued)
        )?;
    }
    Ok(())
}

fn faults(report: &SiteReport, out: &mut dyn Write) -> io::Result<()> {
    let columns = ["Page", "Problem", "Linked from"];
    table(out, "Broken pages", &columns, &report.broken, |page| {
        vec![
            link(&page.url),
            xml(&page.what()).into_owned(),
            links(&page.referrers),
        ]
    })?;
    let columns = ["Target", "Linked from"];
    table(
        out,
        "Missing anchors",
        &columns,
        &report.anchors,
        |anchor| {
            vec![
                link(&format!("{}#{}", anchor.url, anchor.fragment)),
                links(&anchor.referrers),
            ]
        },
    )?;
    let columns = ["Link", "On page"];
    table(out, "Invalid links", &columns, &report.malformed, |bad| {
        vec![xml(&bad.link).into_owned(), link(&bad.url)]
    })
}

fn insights(report: &SiteReport, out: &mut dyn Write) -> io::Result<()> {
    let name = "Not checked, refused with status 429";
    table(out, name, &["Page"], &report.unknown, |page| {
        vec![link(&page.url)]
    })?;
    let columns = ["From", "Status", "To", "Links"];
    table(out, "Redirects", &columns, &report.redirects, |redirect| {
        let status = redirect.status.map(|status| status.to_string());
        vec![
            link(&redirect.url),
            status.unwrap_or_default(),
            link(&redirect.to),
            redirect.links.to_string(),
        ]
    })?;
    let columns = ["Page", "Milliseconds", "Size"];
    table(
        out,
        "Slower than a second",
        &columns,
        &report.slow,
        |page| {
            vec![
                link(&page.url),
                page.milliseconds.to_string(),
                bytes(page.bytes),
            ]
        },
    )?;
    let columns = ["Pages", "Size of each"];
    table(
        out,
        "Pages with the same content",
        &columns,
        &report.copies,
        |copies| vec![links(&copies.urls), bytes(copies.bytes)],
    )?;
    table(
        out,
        "Orphaned, only in a sitemap",
        &["Page"],
        &report.orphans,
        |url| vec![link(url)],
    )?;
    let columns = [
        "Host",
        "Pages",
        "Broken",
        "Received",
        "Milliseconds on average",
    ];
    table(out, "Hosts", &columns, &report.hosts, |host| {
        vec![
            xml(&host.origin).into_owned(),
            host.pages.to_string(),
            host.broken.to_string(),
            bytes(host.bytes),
            host.milliseconds.to_string(),
        ]
    })
}

fn skipped(report: &SiteReport, out: &mut dyn Write) -> io::Result<()> {
    if !report.skipped.is_empty() {
        let reasons = not_fetched(report);
        writeln!(out, "<h2>Not fetched</h2>\n<p>{}</p>", xml(&reasons))?;
    }
    Ok(())
}

/// Writes a list as a table with a heading, unless the list is empty.
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

/// Returns a link to an address, which is always `http` or `https`: no other address is stored.
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
