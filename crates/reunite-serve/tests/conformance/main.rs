//! A table of raw requests and their answers, after RFC 9110 and RFC 9112.

#[path = "../common/mod.rs"]
mod common;
mod connections;
mod fields;
mod representations;
mod requests;

use common::{SOON, TestSite};

/// The expected answer to a request: its status, and what it must and must not contain.
struct Case {
    name: &'static str,
    raw: String,
    status: &'static [u16],
    holds: &'static [&'static str],
    lacks: &'static [&'static str],
}

fn get(fields: &str) -> String {
    target("/a.txt", fields)
}

fn target(target: &str, fields: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

fn with_body(method: &str, fields: &str, body: &str) -> String {
    format!("{method} /a.txt HTTP/1.1\r\nHost: a\r\n{fields}\r\n{body}")
}

const END: &[&str] = &["Connection: close"];
const WHOLE: &[&str] = &["Content-Length: 10", "\r\n\r\n0123456789"];

/// Adds a case to the table: its name, request and status, and what the answer must and must not contain.
type AddCase<'a> = dyn FnMut(&'static str, String, &'static [u16], &'static [&'static str], &'static [&'static str])
    + 'a;

/// Returns the table. `@tag` and `@date` stand for those of `a.txt`, `@old` and `@new` for dates before and after.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name, raw, status, holds, lacks| {
        cases.push(Case {
            name,
            raw,
            status,
            holds,
            lacks,
        });
    };
    let case: &mut AddCase<'_> = &mut add;
    requests::well_formed_requests(case);
    connections::ends_of_connections(case);
    requests::hosts(case);
    requests::first_lines(case);
    requests::other_methods(case);
    requests::absolute_urls(case);
    fields::fields(case);
    fields::lengths_and_codings(case);
    fields::expectations(case);
    representations::preconditions(case);
    representations::ranges(case);
    representations::outside_and_hidden_files(case);
    representations::content_codings(case);
    cases
}

#[test]
fn every_request_of_the_table_gets_the_expected_answer() {
    let site = TestSite::new();
    let (tag, date) = site.tag_and_date("/a.txt");
    let words = [
        ("@tag", tag.as_str()),
        ("@date", date.as_str()),
        ("@old", "Sat, 01 Jan 2000 00:00:00 GMT"),
        ("@new", "Thu, 01 Jan 2099 00:00:00 GMT"),
    ];
    let fill = |text: &str| {
        words.iter().fold(text.to_owned(), |text, (word, value)| {
            text.replace(word, value)
        })
    };
    let cases = cases();
    assert!(cases.len() >= 120, "{}", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let raw = fill(&case.raw);
        let answer = site.ask(raw.as_bytes());
        let status = answer
            .get(9..12)
            .and_then(|digits| digits.parse::<u16>().ok());
        let good = status.is_some_and(|status| case.status.contains(&status))
            && case.holds.iter().all(|part| answer.contains(&fill(part)))
            && !case.lacks.iter().any(|part| answer.contains(&fill(part)));
        if !good {
            let start: String = raw.chars().take(200).collect();
            let answer: String = answer.chars().take(400).collect();
            wrong.push(format!(
                "{}: expected {:?}\n{start:?}\n{answer:?}",
                case.name, case.status
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} wrong:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n\n")
    );
    site.server.shutdown(SOON).unwrap();
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let site = TestSite::new();
    let raw = format!(
        "{}{}{}{}",
        get(""),
        with_body(
            "POST",
            "Transfer-Encoding: chunked\r\n",
            "3\r\nabc\r\n0\r\n\r\n"
        ),
        target("/none", ""),
        get("Connection: close\r\n"),
    );
    // However the stream is split into segments.
    for piece in [1, 7, raw.len()] {
        let answers = site.ask_in_pieces(raw.as_bytes(), piece);
        let statuses: Vec<_> = answers
            .match_indices("HTTP/1.1 ")
            .map(|(at, _)| &answers[at + 9..at + 12])
            .collect();
        assert_eq!(statuses, ["200", "404", "404", "200"], "{piece}: {answers}");
    }
}

/// There is no answer before the head is complete.
#[test]
fn an_incomplete_head_is_waited_for() {
    let site = TestSite::new();
    let whole = "GET /a.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    for end in [
        1,
        4,
        10,
        11,
        15,
        19,
        20,
        21,
        24,
        26,
        27,
        36,
        37,
        38,
        whole.len() - 1,
    ] {
        let answer = site.ask_in_two(whole.as_bytes(), end);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{end}: {answer}");
    }
}
