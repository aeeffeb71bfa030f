//! Preconditions, ranges, content codings, and which files are served.

use super::{AddCase, END, WHOLE, get, target};

/// Preconditions and their order.
pub(super) fn preconditions(case: &mut AddCase<'_>) {
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

pub(super) fn ranges(case: &mut AddCase<'_>) {
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
pub(super) fn outside_and_hidden_files(case: &mut AddCase<'_>) {
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

pub(super) fn content_codings(case: &mut AddCase<'_>) {
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
