//! Media types, by the extension of a file's name.

use std::collections::HashMap;
use std::path::Path;
use std::sync::LazyLock;

const TYPES: &[(&str, &str)] = &[
    ("html htm", "text/html; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("js mjs cjs", "text/javascript; charset=utf-8"),
    (
        "txt text log conf ini rs c h cpp hpp py go java rb pl toml lock diff patch",
        "text/plain; charset=utf-8",
    ),
    ("sh", "text/x-shellscript; charset=utf-8"),
    ("md markdown", "text/markdown; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"),
    ("tsv", "text/tab-separated-values; charset=utf-8"),
    ("ics", "text/calendar; charset=utf-8"),
    ("vtt", "text/vtt; charset=utf-8"),
    ("yaml yml", "application/yaml"),
    ("json map", "application/json"),
    ("jsonl ndjson", "application/x-ndjson"),
    ("geojson", "application/geo+json"),
    ("webmanifest", "application/manifest+json"),
    ("xml xsl", "application/xml"),
    ("xhtml", "application/xhtml+xml"),
    ("rss", "application/rss+xml"),
    ("atom", "application/atom+xml"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("jpg jpeg jpe", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("avif", "image/avif"),
    ("bmp", "image/bmp"),
    ("tif tiff", "image/tiff"),
    ("ico", "image/x-icon"),
    ("mp3", "audio/mpeg"),
    ("m4a", "audio/mp4"),
    ("ogg oga opus", "audio/ogg"),
    ("flac", "audio/flac"),
    ("wav", "audio/wav"),
    ("mp4 m4v", "video/mp4"),
    ("webm", "video/webm"),
    ("ogv", "video/ogg"),
    ("mov", "video/quicktime"),
    ("mkv", "video/x-matroska"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("ttf", "font/ttf"),
    ("otf", "font/otf"),
    ("pdf", "application/pdf"),
    ("wasm", "application/wasm"),
    ("zip", "application/zip"),
    ("gz tgz", "application/gzip"),
    ("bz2", "application/x-bzip2"),
    ("xz", "application/x-xz"),
    ("zst", "application/zstd"),
    ("7z", "application/x-7z-compressed"),
    ("tar", "application/x-tar"),
    ("epub", "application/epub+zip"),
    ("rtf", "application/rtf"),
    (
        "docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    (
        "xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    (
        "pptx",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ),
    ("odt", "application/vnd.oasis.opendocument.text"),
    ("ods", "application/vnd.oasis.opendocument.spreadsheet"),
];

pub(crate) fn of(path: &Path) -> &'static str {
    static BY_NAME: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
        let mut by_name = HashMap::new();
        for (names, kind) in TYPES {
            by_name.extend(names.split(' ').map(|name| (name, *kind)));
        }
        by_name
    });
    let extension = path.extension().and_then(|extension| extension.to_str());
    let extension = extension.unwrap_or_default();
    let kind = if extension.bytes().any(|byte| byte.is_ascii_uppercase()) {
        BY_NAME.get(extension.to_ascii_lowercase().as_str())
    } else {
        BY_NAME.get(extension)
    };
    kind.copied().unwrap_or("application/octet-stream")
}

/// Returns true if compression makes a body of this type smaller.
pub(crate) fn is_text(kind: &str) -> bool {
    kind.starts_with("text/")
        || ["json", "xml", "yaml", "wasm"]
            .iter()
            .any(|end| kind.ends_with(end))
        || kind == "application/x-ndjson"
}
