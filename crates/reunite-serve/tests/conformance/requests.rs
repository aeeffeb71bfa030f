//! The first line and the host of a request.

use super::{AddCase, END, WHOLE, get, target, with_body};

pub(super) fn well_formed_requests(case: &mut AddCase<'_>) {
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

pub(super) fn hosts(case: &mut AddCase<'_>) {
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

pub(super) fn first_lines(case: &mut AddCase<'_>) {
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

pub(super) fn other_methods(case: &mut AddCase<'_>) {
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

pub(super) fn absolute_urls(case: &mut AddCase<'_>) {
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
