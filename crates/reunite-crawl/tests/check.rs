//! Checks: the faults found, and the reports on them.

mod common;

use std::collections::BTreeSet;

use common::{Place, settings};
use loopback_site::{Reply, Request, Server};
use reunite_base::file::{Durability, replace};
use reunite_base::units::bytes;
use reunite_crawl::report::{Format, SiteReport};
use reunite_crawl::store::Store;
use reunite_crawl::{CrawlEnd, Settings, warc};

/// Another site. Most of its pages do not support `HEAD`.
fn elsewhere() -> Server {
    Server::start(1, |request: &Request| {
        match (request.method.as_str(), request.path.as_str()) {
            (_, "/fine") => Reply::html("<h1 id=here>x</h1><a href=/never-asked-for>x</a>"),
            ("HEAD", "/no-head") => Reply::status(405),
            ("GET", "/no-head") => Reply::html("fine"),
            (_, "/moved") => Reply::redirect(301, "/fine"),
            (_, "/busy") => Reply::status(429),
            _ => Reply::status(404),
        }
    })
    .expect("a server")
}

fn here(other: &Server) -> Server {
    let other = other.url("");
    let root = format!(
        "<a href=/page#good>a</a><a href=/page#b%C3%A4d>b</a><a href=/page#top>c</a><a href=/gone>d</a>\
         <a href='http://[bad'>e</a><img src=/missing.png><a href=/old#good>f</a>\
         <a href={other}/fine>g</a><a href={other}/fine#here>h</a><a href={other}/fine#nowhere>i</a>\
         <a href={other}/no-head>j</a><a href={other}/gone>k</a><a href={other}/moved>l</a>\
         <a href={other}/busy>m</a><a href=/copy>n</a><a href='#:~:text=x'>o</a>"
    );
    Server::start(1, move |request: &Request| match request.path.as_str() {
        "/" => Reply::html(root.clone()),
        "/page" | "/copy" => {
            Reply::html("<title>&lt;script></title><p id=good><a href=/gone>x</a>")
        }
        "/old" => Reply::redirect(302, "/page"),
        "/sitemap.xml" => Reply::bytes("text/xml", "<urlset><url><loc>/alone</loc></url></urlset>"),
        "/alone" => Reply::html("nobody links here"),
        _ => Reply::status(404),
    })
    .expect("a server")
}

/// The checked site, the other site that it links to, and a folder for the store.
fn sites() -> (Server, Server, Place) {
    let other = elsewhere();
    let server = here(&other);
    (other, server, Place::new())
}

fn check_settings(server: &Server) -> Settings {
    let mut settings = settings(&server.url("/"));
    settings.check = true;
    settings.follow.sitemaps = true;
    settings.pace.retries = 0;
    settings
}

#[test]
fn all_faults_are_found_and_nothing_else() {
    let (other, server, place) = sites();
    assert_eq!(place.crawl(&check_settings(&server)).0, CrawlEnd::Done);
    let store = Store::open_existing(&place.file()).expect("a store");
    let report = SiteReport::of(&store, 100).expect("a report");
    assert!(!report.is_clean());

    let broken: BTreeSet<String> = report
        .broken
        .first
        .iter()
        .map(|page| page.url.clone())
        .collect();
    let expected = [
        server.url("/gone"),
        server.url("/missing.png"),
        other.url("/gone"),
    ];
    assert_eq!(broken, expected.into_iter().collect());
    let gone = report
        .broken
        .first
        .iter()
        .find(|page| page.url == server.url("/gone"))
        .expect("it");
    let referrers = [server.url("/"), server.url("/copy"), server.url("/page")];
    assert_eq!(gone.referrers.first, referrers);

    let places: Vec<String> = report
        .anchors
        .first
        .iter()
        .map(|found| format!("{}#{}", found.url, found.fragment))
        .collect();
    let expected: BTreeSet<String> = [other.url("/fine#nowhere"), server.url("/page#bäd")].into();
    assert_eq!(places.into_iter().collect::<BTreeSet<_>>(), expected);

    assert_eq!(report.malformed.first[0].link, "http://[bad");
    assert_eq!(report.unknown.first[0].url, other.url("/busy"));
    assert_eq!(report.orphans.first, [server.url("/alone")]);
    assert_eq!(
        report.copies.first[0].urls.first,
        [server.url("/copy"), server.url("/page")]
    );
    let mut html = Vec::new();
    report.write(Format::Html, &mut html).expect("a report");
    let html = String::from_utf8(html).expect("text");
    let size = bytes(report.copies.first[0].bytes);
    assert!(html.contains(&format!("<td>{size}</td>")), "{html}");
    let redirects: BTreeSet<&str> = report
        .redirects
        .first
        .iter()
        .map(|found| found.url.as_str())
        .collect();
    assert_eq!(
        redirects,
        [other.url("/moved").as_str(), &server.url("/old")].into()
    );
}

#[test]
fn pages_of_other_sites_are_requested_once_and_not_crawled() {
    let (other, server, place) = sites();
    place.crawl(&check_settings(&server));
    let mut asked: Vec<(String, String)> = other
        .seen()
        .into_iter()
        .map(|seen| (seen.request.method, seen.request.path))
        .collect();
    asked.sort();
    let expected = [
        ("GET", "/fine"),
        ("GET", "/gone"),
        ("GET", "/no-head"),
        ("HEAD", "/busy"),
        ("HEAD", "/gone"),
        ("HEAD", "/moved"),
        ("HEAD", "/no-head"),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|(method, path)| ((*method).to_owned(), (*path).to_owned()))
        .collect();
    assert_eq!(asked, expected);
}

#[test]
fn a_check_can_continue_a_crawl_that_was_none() {
    let (other, server, place) = sites();
    let mut settings = check_settings(&server);
    settings.check = false;
    place.crawl(&settings);
    assert_eq!(other.seen().len(), 0, "nothing is sent out of scope");
    settings.check = true;
    place.crawl(&settings);
    assert!(!other.seen().is_empty());
    let before = other.seen().len();
    place.crawl(&settings);
    assert_eq!(other.seen().len(), before);
}

#[test]
fn reports_are_well_formed_and_escaped() {
    let (_other, server, place) = sites();
    place.crawl(&check_settings(&server));
    let store = Store::open_existing(&place.file()).expect("a store");
    let report = SiteReport::of(&store, 2).expect("a report");
    let written = |format| {
        let mut out = Vec::new();
        report.write(format, &mut out).expect("a report");
        String::from_utf8(out).expect("text")
    };
    let text = written(Format::Text);
    assert!(
        text.contains("broken: 3") && text.contains("… and 1 more"),
        "{text}"
    );
    let json: serde_json::Value = serde_json::from_str(&written(Format::Json)).expect("JSON");
    assert_eq!(
        (&json["clean"], &json["broken"]["count"]),
        (&false.into(), &3.into())
    );
    for format in [Format::Junit, Format::Html] {
        let xml = written(format);
        let xml = xml
            .replace("<!DOCTYPE html>", "")
            .replace("<meta charset=\"utf-8\">", "");
        let xml = xml
            .replace(
                "<meta name=\"viewport\" content=\"width=device-width\">",
                "",
            )
            .replace("<br>", " ");
        let mut reader = quick_xml::Reader::from_str(&xml);
        loop {
            match reader.read_event() {
                Ok(quick_xml::events::Event::Eof) => break,
                Ok(_) => {}
                Err(error) => panic!("{error} in {xml}"),
            }
        }
    }
    let junit = written(Format::Junit);
    assert!(junit.contains("tests=\"4\" failures=\"3\""), "{junit}");
}

#[test]
fn reports_name_the_reasons_for_not_fetching_in_words_and_escape_unknown_ones() {
    let server = Server::start(1, |_| Reply::html("")).expect("a server");
    let place = Place::new();
    place.crawl(&settings(&server.url("/")));
    let store = Store::open_existing(&place.file()).expect("a store");
    let mut report = SiteReport::of(&store, 2).expect("a report");
    report.skipped = vec![("depth".to_owned(), 49), ("<\u{1b}[2J".to_owned(), 1)];
    let written = |format| {
        let mut out = Vec::new();
        report.write(format, &mut out).expect("a report");
        String::from_utf8(out).expect("text")
    };
    let text = written(Format::Text);
    let line = "\nnot fetched: 49 beyond the depth limit, 1 <\\u{1b}[2J\n";
    assert!(text.ends_with(line), "{text}");
    let html = written(Format::Html);
    let line = "<p>49 beyond the depth limit, 1 &lt;\u{fffd}[2J</p>";
    assert!(html.contains(line), "{html}");
    assert!(written(Format::Json).contains("\"depth\""));
}

/// Splits a WARC file into the heads and contents of its records.
fn records(warc: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut rest = warc;
    while !rest.is_empty() {
        let end = rest
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .expect("a head");
        let head = String::from_utf8(rest[..end].to_vec()).expect("text");
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "));
        let length: usize = length.expect("a length").parse().expect("a number");
        let content = rest[end + 4..end + 4 + length].to_vec();
        rest = rest[end + 4 + length..]
            .strip_prefix(b"\r\n\r\n")
            .expect("an end");
        found.push((head, content));
    }
    found
}

#[test]
fn a_warc_file_has_each_answer_and_each_content_once() {
    let (_other, server, place) = sites();
    let mut settings = check_settings(&server);
    settings.check = false;
    place.crawl(&settings);
    let store = Store::open_existing(&place.file()).expect("a store");
    let (plain, packed) = (
        place.0.path().join("x.warc"),
        place.0.path().join("x.warc.gz"),
    );
    replace(&plain, Durability::Process, |out| {
        warc::write(&store, warc::Compression::None, out)
    })
    .expect("a file");
    replace(&packed, Durability::Process, |out| {
        warc::write(&store, warc::Compression::Gzip, out)
    })
    .expect("a file");
    drop(store);
    let plain = std::fs::read(plain).expect("a file");
    let mut unpacked = Vec::new();
    let packed = std::fs::read(packed).expect("a file");
    std::io::Read::read_to_end(
        &mut flate2::read::MultiGzDecoder::new(&packed[..]),
        &mut unpacked,
    )
    .expect("gzip");
    assert_eq!(unpacked, plain);

    let records = records(&plain);
    let answers: i64 = place.one("SELECT count(*) FROM pages WHERE status IS NOT NULL");
    assert_eq!(records.len() as i64, answers + 1);
    assert!(records[0].0.starts_with("WARC/1.1\r\nWARC-Type: warcinfo"));
    let of = |url: String| {
        let line = format!("WARC-Target-URI: {url}\r\n");
        records
            .iter()
            .find(|(head, _)| head.contains(&line))
            .expect("a record")
    };
    let kinds: BTreeSet<bool> = ["/page", "/copy"]
        .iter()
        .map(|path| of(server.url(path)).0.contains("WARC-Type: revisit"))
        .collect();
    assert_eq!(
        kinds.len(),
        2,
        "the content is written once and referred to once"
    );
    let (head, content) = of(server.url("/alone"));
    // The output of `sha256sum | xxd -r -p | base32`.
    let digest =
        "WARC-Payload-Digest: sha256:4XPLL4GGZD3WKSXYF34NWVSOJMHR4OFKNDCCLD56LSSSQS2MT6LA====\r\n";
    assert!(head.contains(digest), "{head}");
    let content = String::from_utf8_lossy(content);
    assert!(
        content.starts_with("HTTP/1.1 200 \r\n") && content.ends_with("\r\n\r\nnobody links here"),
        "{content}"
    );
}
