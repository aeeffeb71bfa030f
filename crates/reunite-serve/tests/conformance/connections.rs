//! Requests that end their connection, and those that leave it open.

use super::{AddCase, END, get};

pub(super) fn ends_of_connections(case: &mut AddCase<'_>) {
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
