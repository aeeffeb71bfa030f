//! A report as text, for a terminal.

use std::io::{self, Write};

use reunite_base::escape::terminal;
use reunite_base::units::{bytes, counted};

use super::findings::{List, SiteReport};
use super::phrases::{not_fetched, still_queued};

pub(super) fn write(report: &SiteReport, out: &mut dyn Write) -> io::Result<()> {
    let seeds = report.seeds.join(", ");
    let seeds = terminal(&seeds);
    writeln!(out, "{} of {seeds}", counted(report.pages, "page"))?;
    if report.queued > 0 {
        let queued = still_queued(report.queued);
        writeln!(out, "this report is incomplete: {queued}")?;
    }
    faults(report, out)?;
    insights(report, out)?;
    skipped(report, out)
}

fn faults(report: &SiteReport, out: &mut dyn Write) -> io::Result<()> {
    section(out, "broken", &report.broken, |out, broken| {
        writeln!(
            out,
            "  {}  {}",
            terminal(&broken.url),
            terminal(&broken.what())
        )?;
        referrers(out, &broken.referrers)
    })?;
    section(out, "missing anchors", &report.anchors, |out, anchor| {
        writeln!(
            out,
            "  {}#{}",
            terminal(&anchor.url),
            terminal(&anchor.fragment)
        )?;
        referrers(out, &anchor.referrers)
    })?;
    section(out, "invalid links", &report.malformed, |out, link| {
        writeln!(out, "  {}  on {}", short(&link.link), terminal(&link.url))
    })
}

fn insights(report: &SiteReport, out: &mut dyn Write) -> io::Result<()> {
    section(
        out,
        "not checked, refused with status 429",
        &report.unknown,
        |out, page| writeln!(out, "  {}  {}", terminal(&page.url), terminal(&page.what())),
    )?;
    section(out, "redirects", &report.redirects, |out, redirect| {
        let status = redirect.status.unwrap_or(0);
        let (from, to) = (terminal(&redirect.url), terminal(&redirect.to));
        let links = counted(redirect.links, "link");
        writeln!(out, "  {status} {from} -> {to} ({links})")
    })?;
    section(out, "slower than a second", &report.slow, |out, page| {
        let seconds = page.milliseconds as f64 / 1000.0;
        let size = bytes(page.bytes);
        writeln!(out, "  {seconds:.1} s  {} ({size})", terminal(&page.url))
    })?;
    section(
        out,
        "pages with the same content",
        &report.copies,
        |out, copies| {
            let urls: Vec<_> = copies.urls.first.iter().map(|url| terminal(url)).collect();
            let pages = counted(copies.urls.count, "page");
            writeln!(out, "  {pages}: {}", urls.join(" "))
        },
    )?;
    section(
        out,
        "orphaned, only in a sitemap",
        &report.orphans,
        |out, url| writeln!(out, "  {}", terminal(url)),
    )?;
    section(out, "hosts", &report.hosts, |out, host| {
        writeln!(
            out,
            "  {}: {}, {} broken, {}, {} ms on average",
            terminal(&host.origin),
            counted(host.pages, "page"),
            host.broken,
            bytes(host.bytes),
            host.milliseconds
        )
    })
}

fn skipped(report: &SiteReport, out: &mut dyn Write) -> io::Result<()> {
    if !report.skipped.is_empty() {
        writeln!(out, "\nnot fetched: {}", terminal(&not_fetched(report)))?;
    }
    Ok(())
}

/// Writes a list with a heading, unless it is empty.
fn section<T>(
    out: &mut dyn Write,
    name: &str,
    list: &List<T>,
    mut line: impl FnMut(&mut dyn Write, &T) -> io::Result<()>,
) -> io::Result<()> {
    if list.count == 0 {
        return Ok(());
    }
    writeln!(out, "\n{name}: {}", list.count)?;
    for entry in &list.first {
        line(out, entry)?;
    }
    if list.more() > 0 {
        writeln!(out, "  … and {} more", list.more())?;
    }
    Ok(())
}

fn referrers(out: &mut dyn Write, list: &List<String>) -> io::Result<()> {
    for url in &list.first {
        writeln!(out, "      from {}", terminal(url))?;
    }
    if list.more() > 0 {
        writeln!(out, "      … and {} more", list.more())?;
    }
    Ok(())
}

/// Returns the start of a text of any length, without control characters.
fn short(text: &str) -> String {
    const MOST: usize = 200;
    let mut short = terminal(text).into_owned();
    if let Some((cut, _)) = short.char_indices().nth(MOST) {
        short.truncate(cut);
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters_and_cannot_control_the_terminal() {
        assert_eq!(short("a\x1b[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(short(&"ü".repeat(200)), "ü".repeat(200));
        assert_eq!(short(&"ü".repeat(201)), "ü".repeat(200) + "…");
    }
}
