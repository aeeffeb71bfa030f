//! A table of raw requests and their answers, after RFC 9110 and RFC 9112.

mod common;

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
    well_formed_requests(case);
    ends_of_connections(case);
    hosts(case);
    first_lines(case);
    other_methods(case);
    absolute_urls(case);
    fields(case);
    lengths_and_codings(case);
    expectations(case);
    preconditions(case);
    ranges(case);
    outside_and_hidden_files(case);
    content_codings(case);
    cases
}

fn well_formed_requests(case: &mut AddCase<'_>) {
    case("get", get(""), &[200], WHOLE, &["Connection:"]);
    case(
        "type",
        get(""),
        &[200],
        &[
            "Content-Type: text/plain; charset=utf-8",
            "Date: ",
            "ETag: \"",
            "Last-Modified: ",
            "Accept-Ranges: bytes",
            "nosniff",
        ],
        &[],
    );
    case(
        "head",
        "HEAD /a.txt HTTP/1.1\r\nHost: a\r\n\r\n".into(),
        &[200],
        &["Content-Length: 10"],
        &["0123456789"],
    );
    case(
        "head of a missing file",
        "HEAD /none HTTP/1.1\r\nHost: a\r\n\r\n".into(),
        &[404],
        &["Content-Length: "],
        &["<html"],
    );
    case("not there", target("/none", ""), &[404], &[], END);
    case(
        "empty file",
        target("/empty.txt", ""),
        &[200],
        &["Content-Length: 0\r\n"],
        &[],
    );
    case("query", target("/a.txt?b=c&d", ""), &[200], WHOLE, &[]);
    case("encoded", target("/%61%2Etxt", ""), &[200], WHOLE, &[]);
    case(
        "space in a name",
        target("/with%20space.txt", ""),
        &[200],
        &[],
        &[],
    );
    case(
        "index",
        target("/", ""),
        &[200],
        &["text/html", "the index"],
        &[],
    );
    case(
        "empty lines before",
        format!("\r\n\r\n{}", get("")),
        &[200],
        WHOLE,
        &[],
    );
    case(
        "field names in mixed case",
        "GET /a.txt HTTP/1.1\r\nhOsT:\ta\r\nempty:\r\n\r\n".into(),
        &[200],
        WHOLE,
        &[],
    );
    case("empty value", get("X-Empty: \r\n"), &[200], WHOLE, &[]);
    case(
        "spaces around a value",
        get("X: \t a \t \r\n"),
        &[200],
        WHOLE,
        &[],
    );
    case(
        "non-ASCII bytes in a value",
        get("X: gr\u{fc}n\r\n"),
        &[200],
        WHOLE,
        &[],
    );
    case(
        "every token character",
        get("!#$%&'*+-.^_`|~09: x\r\n"),
        &[200],
        WHOLE,
        &[],
    );
    case(
        "later minor version",
        "GET /a.txt HTTP/1.2\r\nHost: a\r\n\r\n".into(),
        &[200],
        WHOLE,
        &[],
    );
}

fn ends_of_connections(case: &mut AddCase<'_>) {
    case("close", get("Connection: close\r\n"), &[200], END, &[]);
    case(
        "close among others",
        get("Connection: x, Close\r\n"),
        &[200],
        END,
        &[],
    );
    case(
        "close in a second field",
        get("Connection: x\r\nConnection: close\r\n"),
        &[200],
        END,
        &[],
    );
    case(
        "1.0",
        "GET /a.txt HTTP/1.0\r\n\r\n".into(),
        &[200],
        &["HTTP/1.1 200", "Connection: close", "0123456789"],
        &["chunked"],
    );
    case(
        "1.0 with a host",
        "GET /a.txt HTTP/1.0\r\nHost: a\r\n\r\n".into(),
        &[200],
        END,
        &[],
    );
    case(
        "1.0 with keep-alive",
        "GET /a.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".into(),
        &[200],
        &["Connection: keep-alive"],
        END,
    );
    case(
        "1.0 with two hosts",
        "GET /a.txt HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n".into(),
        &[400],
        END,
        &[],
    );
}

fn hosts(case: &mut AddCase<'_>) {
    case(
        "no host",
        "GET /a.txt HTTP/1.1\r\n\r\n".into(),
        &[400],
        END,
        &[],
    );
    case(
        "no host, a length",
        "GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\n".into(),
        &[400],
        END,
        &[],
    );
    case("two hosts", get("Host: b\r\n"), &[400], END, &[]);
    case("the same host twice", get("Host: a\r\n"), &[400], END, &[]);
    for host in [
        "a:80",
        "a:",
        "127.0.0.1:8080",
        "[::1]",
        "[::1]:80",
        "a.b-c_d.",
        "x%20y",
    ] {
        case(
            "good host",
            format!("GET /a.txt HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            &[200],
            &[],
            &[],
        );
    }
    for host in [
        "", "a b", "a/b", "a:b", "a:99999", "a:80:80", "a@b", "[::1", "[x]", "[::1]x", "a\u{e9}",
        "a?b", "a#b", "a%2", "<a>", ":80",
    ] {
        case(
            "bad host",
            format!("GET /a.txt HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            &[400],
            END,
            &[],
        );
    }
}

fn first_lines(case: &mut AddCase<'_>) {
    for line in [
        "GET /a.txt",
        "GET /a.txt ",
        "GET  /a.txt HTTP/1.1",
        "GET /a.txt  HTTP/1.1",
        "GET /a.txt HTTP/1.1 ",
        " GET /a.txt HTTP/1.1",
        "GET\t/a.txt\tHTTP/1.1",
        "GET /a.txt http/1.1",
        "GET /a.txt HTTP/1",
        "GET /a.txt HTTP/1.",
        "GET /a.txt HTTP/1.x",
        "GET /a.txt HTTP/11.1",
        "GET /a.txt HTTP /1.1",
        "GET /a.txt HTTPS/1.1",
        "GET /a b HTTP/1.1",
        "GET   HTTP/1.1",
        "GET ^ HTTP/1.1",
        "GET a.txt HTTP/1.1",
        "GET * HTTP/1.1",
        "GET /a.txt#b HTTP/1.1",
        "GET /\u{e9} HTTP/1.1",
        "GET /\x01 HTTP/1.1",
        "GET /a\x7f HTTP/1.1",
        "GET /\"a\" HTTP/1.1",
        "GET /<a> HTTP/1.1",
        "GET /%zz HTTP/1.1",
        "GET /% HTTP/1.1",
        "GET /%0 HTTP/1.1",
        "GET /a%00.txt HTTP/1.1",
        "G\u{e9}T / HTTP/1.1",
        "G(T / HTTP/1.1",
        "Extra lineGET / HTTP/1.1",
        "HTTP/1.1 200 OK",
        "/ HTTP/1.1",
    ] {
        case(
            "bad first line",
            format!("{line}\r\nHost: a\r\n\r\n"),
            &[400],
            END,
            &[],
        );
    }
    case(
        "earlier major version",
        "GET /a.txt HTTP/0.9\r\n\r\n".into(),
        &[505],
        END,
        &[],
    );
    case(
        "another major version",
        "GET /a.txt HTTP/2.0\r\nHost: a\r\n\r\n".into(),
        &[505],
        END,
        &[],
    );
    case(
        "later major version",
        "GET /a.txt HTTP/9.9\r\nHost: a\r\n\r\n".into(),
        &[505],
        END,
        &[],
    );
    case(
        "preface of HTTP/2",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(),
        &[505],
        END,
        &[],
    );
    case(
        "method in lower case",
        "get /a.txt HTTP/1.1\r\nHost: a\r\n\r\n".into(),
        &[501],
        END,
        &[],
    );
    case(
        "unknown method",
        "BREW /a.txt HTTP/1.1\r\nHost: a\r\n\r\n".into(),
        &[501],
        END,
        &[],
    );
    case(
        "TLS to a plain port",
        "\x16\x03\x01\x02\r\n\r\n".into(),
        &[400],
        END,
        &[],
    );
}

fn other_methods(case: &mut AddCase<'_>) {
    for method in ["PUT", "DELETE", "PATCH", "TRACE"] {
        case(
            "method not for a folder",
            format!("{method} /a.txt HTTP/1.1\r\nHost: a\r\n\r\n"),
            &[405],
            &["Allow: GET, HEAD, OPTIONS"],
            END,
        );
    }
    case(
        "connect",
        "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n".into(),
        &[405],
        &["Allow: "],
        &[],
    );
    case(
        "connect without an authority",
        "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n".into(),
        &[400],
        END,
        &[],
    );
    case(
        "options",
        "OPTIONS /a.txt HTTP/1.1\r\nHost: a\r\n\r\n".into(),
        &[204],
        &["Allow: GET, HEAD, OPTIONS"],
        &["Content-Length"],
    );
    case(
        "options of the server",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n".into(),
        &[204],
        &["Allow: "],
        &[],
    );
    case(
        "post",
        with_body("POST", "Content-Length: 5\r\n", "hello"),
        &[404],
        &[],
        END,
    );
}

fn absolute_urls(case: &mut AddCase<'_>) {
    for target_ in [
        "http://a/a.txt",
        "HTTP://a/a.txt",
        "https://a/a.txt",
        "http://a:80/a.txt",
        "http://other/a.txt",
    ] {
        case("whole address", target(target_, ""), &[200], WHOLE, &[]);
    }
    case(
        "absolute URL without a path",
        target("http://a", ""),
        &[200],
        &["the index"],
        &[],
    );
    for target_ in [
        "ftp://a/a.txt",
        "HTTPZ://a/",
        "H-TTP://a/",
        "http:///a.txt",
        "http://u:p@a/a.txt",
        "http:/a.txt",
        "http://a?b",
        "://a/",
        "http://a b/",
    ] {
        case("bad whole address", target(target_, ""), &[400], END, &[]);
    }
    case(
        "absolute URL without a host field",
        "GET http://a/a.txt HTTP/1.1\r\n\r\n".into(),
        &[400],
        END,
        &[],
    );
}

fn fields(case: &mut AddCase<'_>) {
    for field in [
        "X-Invalid[]: x",
        "X Y: x",
        "X : x",
        "X\t: x",
        ": x",
        "X",
        "X\u{e9}: x",
        "X: a\x07",
        "X: a\x00b",
        "X: a\x7f",
        "X(: y",
    ] {
        case("bad field", get(&format!("{field}\r\n")), &[400], END, &[]);
    }
    case("folded field", get("X: a\r\n b\r\n"), &[400], END, &[]);
    case(
        "folded with a tab",
        get("X: a\r\n\tb\r\n"),
        &[400],
        END,
        &[],
    );
    case(
        "space before the first field",
        "GET /a.txt HTTP/1.1\r\n Host: a\r\n\r\n".into(),
        &[400],
        END,
        &[],
    );
    case("bare CR in a value", get("X: a\rb\r\n"), &[400], END, &[]);
    case(
        "bare CR between fields",
        "GET / HTTP/1.1\r\nHost: a\r\n\rX: y\r\n\r\n".into(),
        &[400],
        END,
        &[],
    );
    case(
        "bare CR in the first line",
        "GET /a.txt\r HTTP/1.1\r\nHost: a\r\n\r\n".into(),
        &[400],
        END,
        &[],
    );
    case(
        "bare LF after the first line",
        "GET /a.txt HTTP/1.1\nHost: a\r\n\r\n".into(),
        &[400],
        END,
        &[],
    );
    case(
        "bare LF after a field",
        "GET /a.txt HTTP/1.1\r\nHost: a\nX: y\r\n\r\n".into(),
        &[400],
        END,
        &[],
    );
    case(
        "bare LFs only",
        "GET /a.txt HTTP/1.1\nHost: a\n\n".into(),
        &[400],
        END,
        &[],
    );
    case(
        "bare LF at the end",
        "GET /a.txt HTTP/1.1\r\nHost: a\r\n\n".into(),
        &[400],
        END,
        &[],
    );
    case(
        "too many fields",
        get(&"X: y\r\n".repeat(200)),
        &[431],
        END,
        &[],
    );
    case(
        "head too long",
        get(&format!("X: {}\r\n", "y".repeat(40_000))),
        &[431],
        END,
        &[],
    );
    case(
        "first line too long",
        target(&format!("/{}", "a".repeat(20_000)), ""),
        &[414],
        END,
        &[],
    );
}

fn lengths_and_codings(case: &mut AddCase<'_>) {
    for length in [
        "-1",
        "+1",
        "1.0",
        "0x1",
        "abc",
        "",
        "1 1",
        "5, 5",
        "5,6",
        "-123456789123456789123456789",
        "99999999999999999999999999",
        "1\u{b2}",
    ] {
        case(
            "bad length",
            with_body("GET", &format!("Content-Length: {length}\r\n"), "hello"),
            &[400],
            END,
            &[],
        );
    }
    case(
        "two lengths",
        with_body(
            "POST",
            "Content-Length: 5\r\nContent-Length: 6\r\n",
            "hello",
        ),
        &[400],
        END,
        &[],
    );
    case(
        "the same length twice",
        with_body(
            "POST",
            "Content-Length: 5\r\nContent-Length: 5\r\n",
            "hello",
        ),
        &[400],
        END,
        &[],
    );
    case(
        "the body of a get is not taken for a request",
        with_body("GET", "Content-Length: 5\r\n", "hello"),
        &[200],
        WHOLE,
        END,
    );
    case(
        "a body too long",
        with_body("POST", "Content-Length: 99999999999\r\n", ""),
        &[413],
        END,
        &[],
    );
    case(
        "length and coding",
        with_body(
            "POST",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "0\r\n\r\n",
        ),
        &[400],
        END,
        &[],
    );
    case(
        "coding and length",
        with_body(
            "GET",
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            "",
        ),
        &[400],
        END,
        &[],
    );
    case(
        "coding in 1.0",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".into(),
        &[400],
        END,
        &[],
    );
    for coding in [
        "identity",
        "gzip",
        "chunked, gzip",
        "chunked, chunked",
        "xchunked",
        "chunked;q=1",
        "\x0bchunked",
        "",
        ",chunked",
        "\"chunked\"",
    ] {
        case(
            "bad coding",
            with_body(
                "POST",
                &format!("Transfer-Encoding: {coding}\r\n"),
                "0\r\n\r\n",
            ),
            &[400],
            END,
            &[],
        );
    }
    case(
        "unsupported coding",
        with_body("POST", "Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
        &[501],
        END,
        &[],
    );
    case(
        "two coding fields",
        with_body(
            "POST",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "0\r\n\r\n",
        ),
        &[400],
        END,
        &[],
    );
    case(
        "coding with a space before the colon",
        with_body("POST", "Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
        &[400],
        END,
        &[],
    );
    case(
        "chunked",
        with_body(
            "POST",
            "Transfer-Encoding: Chunked\r\n",
            "5\r\nhello\r\n0\r\n\r\n",
        ),
        &[404],
        &[],
        END,
    );
    case(
        "chunked on a get",
        with_body(
            "GET",
            "Transfer-Encoding: chunked\r\n",
            "5;x=\"y\"\r\nhello\r\n0\r\nT: u\r\n\r\n",
        ),
        &[200],
        WHOLE,
        END,
    );
    for body in [
        "g\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello!0\r\n\r\n",
        "5\nhello\n0\n\n",
        "\r\n",
        "5 x\r\nhello\r\n0\r\n\r\n",
        "11111111111111111\r\nhello",
        "5;\x01\r\nhello\r\n0\r\n\r\n",
        "0\r\nbad\r\n\r\n",
        "0\r\n : x\r\n\r\n",
        "5\r\nhello\r0\r\n\r\n",
    ] {
        case(
            "bad chunks",
            with_body("GET", "Transfer-Encoding: chunked\r\n", body),
            &[400],
            END,
            &[],
        );
    }
    case(
        "chunks too long",
        with_body("POST", "Transfer-Encoding: chunked\r\n", "ffffffff\r\n"),
        &[413],
        END,
        &[],
    );
    case(
        "smuggled request",
        with_body(
            "POST",
            "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n",
            "0\r\n\r\nGET /index.html HTTP/1.1\r\nHost: a\r\n\r\n",
        ),
        &[400],
        END,
        &["the index"],
    );
}

fn expectations(case: &mut AddCase<'_>) {
    case(
        "expects 100-continue without a body",
        get("Expect: 100-continue\r\n"),
        &[200],
        WHOLE,
        &[],
    );
    case(
        "expects 100-continue",
        with_body("POST", "Expect: 100-Continue\r\nContent-Length: 5\r\n", ""),
        &[404],
        END,
        &["100 Continue"],
    );
    case(
        "unknown expectation",
        get("Expect: tea\r\n"),
        &[417],
        END,
        &[],
    );
    case(
        "1.0 ignores expectations",
        "GET /a.txt HTTP/1.0\r\nExpect: tea\r\n\r\n".into(),
        &[200],
        &[],
        &[],
    );
}

/// Preconditions and their order.
fn preconditions(case: &mut AddCase<'_>) {
    case("if-match", get("If-Match: @tag\r\n"), &[200], WHOLE, &[]);
    case("if-match any", get("If-Match: *\r\n"), &[200], WHOLE, &[]);
    case(
        "if-match other",
        get("If-Match: \"x\"\r\n"),
        &[412],
        &[],
        END,
    );
    case(
        "if-match among others",
        get("If-Match: \"x,y\", @tag\r\n"),
        &[200],
        WHOLE,
        &[],
    );
    case(
        "if-match weakly",
        get("If-Match: W/@tag\r\n"),
        &[412],
        &[],
        &[],
    );
    case(
        "if-none-match",
        get("If-None-Match: @tag\r\n"),
        &[304],
        &["ETag: @tag"],
        &["Content-Length", "0123456789"],
    );
    case(
        "if-none-match weakly",
        get("If-None-Match: W/@tag\r\n"),
        &[304],
        &[],
        &[],
    );
    case(
        "if-none-match any",
        get("If-None-Match: *\r\n"),
        &[304],
        &[],
        &[],
    );
    case(
        "if-none-match other",
        get("If-None-Match: \"x\"\r\n"),
        &[200],
        WHOLE,
        &[],
    );
    case(
        "if-none-match in a second field",
        get("If-None-Match: \"x\"\r\nIf-None-Match: @tag\r\n"),
        &[304],
        &[],
        &[],
    );
    case(
        "if-modified-since",
        get("If-Modified-Since: @date\r\n"),
        &[304],
        &["Last-Modified: @date"],
        &[],
    );
    case(
        "if-modified-since before",
        get("If-Modified-Since: @old\r\n"),
        &[200],
        WHOLE,
        &[],
    );
    case(
        "if-modified-since nonsense",
        get("If-Modified-Since: yesterday\r\n"),
        &[200],
        WHOLE,
        &[],
    );
    case(
        "if-unmodified-since",
        get("If-Unmodified-Since: @date\r\n"),
        &[200],
        WHOLE,
        &[],
    );
    case(
        "if-unmodified-since before",
        get("If-Unmodified-Since: @old\r\n"),
        &[412],
        &[],
        &[],
    );
    case(
        "if-unmodified-since nonsense",
        get("If-Unmodified-Since: soon\r\n"),
        &[200],
        WHOLE,
        &[],
    );
    case(
        "match before unmodified",
        get("If-Match: @tag\r\nIf-Unmodified-Since: @old\r\n"),
        &[200],
        WHOLE,
        &[],
    );
    case(
        "match fails before none-match",
        get("If-Match: \"x\"\r\nIf-None-Match: @tag\r\n"),
        &[412],
        &[],
        &[],
    );
    case(
        "none-match before modified",
        get("If-None-Match: \"x\"\r\nIf-Modified-Since: @date\r\n"),
        &[200],
        WHOLE,
        &[],
    );
    case(
        "none-match holds against modified",
        get("If-None-Match: @tag\r\nIf-Modified-Since: @old\r\n"),
        &[304],
        &[],
        &[],
    );
    case(
        "unmodified fails before none-match",
        get("If-Unmodified-Since: @old\r\nIf-None-Match: @tag\r\n"),
        &[412],
        &[],
        &[],
    );
    case(
        "preconditions of a missing file",
        target("/none", "If-Match: *\r\n"),
        &[404],
        &[],
        &[],
    );
    case(
        "304 before 206",
        get("If-None-Match: @tag\r\nRange: bytes=0-1\r\n"),
        &[304],
        &[],
        &[],
    );
}

fn ranges(case: &mut AddCase<'_>) {
    case(
        "range",
        get("Range: bytes=2-4\r\n"),
        &[206],
        &[
            "Content-Range: bytes 2-4/10",
            "Content-Length: 3",
            "\r\n\r\n234",
        ],
        &["2345"],
    );
    case(
        "open range",
        get("Range: bytes=8-\r\n"),
        &[206],
        &["Content-Range: bytes 8-9/10", "\r\n\r\n89"],
        &[],
    );
    case(
        "suffix range",
        get("Range: bytes=-2\r\n"),
        &[206],
        &["Content-Range: bytes 8-9/10"],
        &[],
    );
    case(
        "range beyond the end",
        get("Range: bytes=10-\r\n"),
        &[416],
        &["Content-Range: bytes */10"],
        END,
    );
    case(
        "end before start",
        get("Range: bytes=4-2\r\n"),
        &[200],
        WHOLE,
        &[],
    );
    case(
        "other unit",
        get("Range: lines=0-1\r\n"),
        &[200],
        WHOLE,
        &[],
    );
    case(
        "two range fields",
        get("Range: bytes=0-1\r\nRange: bytes=2-3\r\n"),
        &[200],
        WHOLE,
        &[],
    );
    case(
        "range on a head request",
        "HEAD /a.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\n\r\n".into(),
        &[200],
        &["Content-Length: 10"],
        &["Content-Range"],
    );
    case(
        "several ranges",
        get("Range: bytes=0-1, 4-5\r\n"),
        &[206],
        &[
            "multipart/byteranges; boundary=",
            "Content-Range: bytes 0-1/10\r\n\r\n01\r\n--",
            "Content-Range: bytes 4-5/10\r\n\r\n45\r\n--",
        ],
        &[],
    );
    case(
        "several ranges, one satisfiable",
        get("Range: bytes=0-1, 40-\r\n"),
        &[206],
        &["Content-Range: bytes 0-1/10", "\r\n\r\n01"],
        &["multipart"],
    );
    case(
        "if-range",
        get("If-Range: @tag\r\nRange: bytes=0-1\r\n"),
        &[206],
        &[],
        &[],
    );
    case(
        "if-range other",
        get("If-Range: \"x\"\r\nRange: bytes=0-1\r\n"),
        &[200],
        WHOLE,
        &[],
    );
    case(
        "if-range weakly",
        get("If-Range: W/@tag\r\nRange: bytes=0-1\r\n"),
        &[200],
        WHOLE,
        &[],
    );
    case(
        "if-range date",
        get("If-Range: @date\r\nRange: bytes=0-1\r\n"),
        &[206],
        &[],
        &[],
    );
    case(
        "if-range later",
        get("If-Range: @new\r\nRange: bytes=0-1\r\n"),
        &[200],
        WHOLE,
        &[],
    );
}

/// Files outside of the folder, and hidden files.
fn outside_and_hidden_files(case: &mut AddCase<'_>) {
    for up in [
        "/..",
        "/../secret.txt",
        "/a/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/.%2E/secret.txt",
        "/./../secret.txt",
    ] {
        case(
            "above the folder",
            target(up, ""),
            &[400],
            &[],
            &["secret!"],
        );
    }
    for out in [
        "/..%2fsecret.txt",
        "/..%5csecret.txt",
        "/%5c..%5csecret.txt",
        "/link-out",
        "/link-out/",
        "/dir-out/secret.txt",
        "/.hidden",
        "/.git/config",
        "/sub/.hidden",
        "/a.txt/",
        "/a.txt/b",
        "/a%2ftxt",
        "/pipe",
        "/C:%5csecret.txt",
        "/a.txt::$DATA",
        "/nul",
        "/a.txt.",
    ] {
        case(
            "outside, hidden or invalid",
            target(out, ""),
            &[404],
            &[],
            &["secret!"],
        );
    }
    case(
        "dots that stay inside",
        target("/sub/../a.txt", ""),
        &[200],
        WHOLE,
        &[],
    );
    case(
        "link inside",
        target("/link-in", ""),
        &[200],
        &["0123456789"],
        &[],
    );
    case(
        "folder without its slash",
        target("/sub?x", ""),
        &[301],
        &["Location: /sub/?x\r\n"],
        &[],
    );
    case(
        "redirect does not lead to another host",
        target("//evil.example/..//sub", ""),
        &[301],
        &["Location: /sub/\r\n"],
        &[],
    );
    case(
        "listing",
        target("/sub/", ""),
        &[200],
        &[
            "text/html",
            "b%20&amp;%20c.txt",
            "b &amp; c.txt",
            "Content-Security-Policy",
        ],
        &[".hidden"],
    );
    case("well-known", target("/.well-known/x", ""), &[200], &[], &[]);
}

fn content_codings(case: &mut AddCase<'_>) {
    case(
        "no accepted coding",
        target("/long.txt", ""),
        &[200],
        &["Vary: Accept-Encoding"],
        &["Content-Encoding"],
    );
    case(
        "gzip",
        target("/long.txt", "Accept-Encoding: gzip\r\n"),
        &[200],
        &["Content-Encoding: gzip", "Vary: Accept-Encoding"],
        &[],
    );
    case(
        "brotli first",
        target("/long.txt", "Accept-Encoding: gzip, deflate, br, zstd\r\n"),
        &[200],
        &["Content-Encoding: br"],
        &[],
    );
    case(
        "zstd",
        target("/long.txt", "Accept-Encoding: zstd;q=1.0, gzip;q=0.5\r\n"),
        &[200],
        &["Content-Encoding: zstd"],
        &[],
    );
    case(
        "weights of the client",
        target("/long.txt", "Accept-Encoding: br;q=0.1, gzip\r\n"),
        &[200],
        &["Content-Encoding: gzip"],
        &[],
    );
    case(
        "all codings refused",
        target(
            "/long.txt",
            "Accept-Encoding: br;q=0, zstd;q=0, gzip;q=0, *\r\n",
        ),
        &[200],
        &[],
        &["Content-Encoding"],
    );
    case(
        "identity preferred",
        target("/long.txt", "Accept-Encoding: gzip;q=0.5, identity\r\n"),
        &[200],
        &[],
        &["Content-Encoding"],
    );
    case(
        "too short to compress",
        get("Accept-Encoding: gzip\r\n"),
        &[200],
        WHOLE,
        &["Content-Encoding"],
    );
    case(
        "pictures are not compressed",
        target("/noise.png", "Accept-Encoding: gzip\r\n"),
        &[200],
        &["image/png"],
        &["Content-Encoding"],
    );
    case(
        "precompressed",
        target("/ready.css", "Accept-Encoding: gzip\r\n"),
        &[200],
        &["Content-Encoding: gzip", "text/css", "precompressed"],
        &[],
    );
    case(
        "a range is not compressed",
        target("/long.txt", "Accept-Encoding: gzip\r\nRange: bytes=0-3\r\n"),
        &[206],
        &["Content-Range: bytes 0-3/"],
        &["Content-Encoding"],
    );
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
