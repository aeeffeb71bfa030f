//! The fields of a request, and the length of its body.

use super::{AddCase, END, WHOLE, get, target, with_body};

pub(super) fn fields(case: &mut AddCase<'_>) {
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

pub(super) fn lengths_and_codings(case: &mut AddCase<'_>) {
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

pub(super) fn expectations(case: &mut AddCase<'_>) {
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
