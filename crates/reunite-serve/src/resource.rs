//! The answer with a file: in which content coding, under which preconditions, and which ranges of it.

use std::fs::{File, Metadata};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reunite_net::http::StatusCode;

use crate::answer::{Answer, Body};
use crate::coding::{self, Coding};
use crate::conditional::{self, Decision, Version};
use crate::mime;
use crate::range::{self, Ranges};
use crate::request::Request;
use crate::shared::Shared;

/// Answers with a file, in the content coding that the client prefers.
pub(crate) fn resource(
    site: &Shared,
    request: &Request,
    path: &Path,
    file: File,
    metadata: &Metadata,
) -> Answer {
    let form = Form::choose(site, request, path, file, metadata);
    match conditional::decide(request, &form.version) {
        Decision::Failed => Answer::error(StatusCode::PRECONDITION_FAILED),
        Decision::Unchanged => form.describe(Answer::new(StatusCode::NOT_MODIFIED, Body::None)),
        Decision::SendWhole => form.send(Ranges::All),
        Decision::SendRange => {
            let ranges = range::of(request, form.length);
            form.send(ranges)
        }
    }
}

/// The form in which a file is sent: as it is, precompressed, or compressed on the fly.
struct Form {
    file: File,
    /// The text that was compressed on the fly.
    compressed: Option<Arc<[u8]>>,
    length: u64,
    coding: Option<Coding>,
    version: Version,
    kind: &'static str,
    /// The form depends on the `Accept-Encoding` of the request.
    varies: bool,
    max_age: Option<Duration>,
}

impl Form {
    fn choose(
        site: &Shared,
        request: &Request,
        path: &Path,
        file: File,
        metadata: &Metadata,
    ) -> Self {
        let kind = mime::of(path);
        let precompressed = site.settings.precompressed;
        let compress =
            site.settings.compress && mime::is_text(kind) && coding::fits(metadata.len());
        let mut form = Self {
            file,
            compressed: None,
            length: metadata.len(),
            coding: None,
            version: Version::of(metadata, ""),
            kind,
            varies: precompressed || compress,
            max_age: site.settings.max_age,
        };
        if !form.varies {
            return form;
        }
        for candidate in coding::accepted(request) {
            if precompressed
                && let Some((file, metadata)) = variant(site, path, candidate, metadata)
            {
                form.file = file;
                form.length = metadata.len();
                form.coding = Some(candidate);
                form.version = Version::of(&metadata, candidate.suffix());
                break;
            }
            // Ranges apply to the file itself: a client that resumes a download needs the same bytes each time, and
            // the compressed form may differ.
            if compress && !request.fields.has("range") {
                let version = Version::of(metadata, candidate.suffix());
                let etag = &version.etag;
                if let Some(text) = site.coder.code(&form.file, form.length, candidate, etag) {
                    form.length = text.len() as u64;
                    form.compressed = Some(text);
                    form.coding = Some(candidate);
                    form.version = version;
                    break;
                }
            }
        }
        form
    }

    /// Adds the fields that describe the version and how long it may be cached.
    fn describe(&self, answer: Answer) -> Answer {
        let mut answer = answer.with("ETag", &self.version.etag);
        if let Some(modified) = self.version.modified {
            answer = answer.with("Last-Modified", httpdate::fmt_http_date(modified));
        }
        if self.varies {
            answer = answer.with("Vary", "Accept-Encoding");
        }
        match self.max_age {
            Some(Duration::ZERO) => answer.with("Cache-Control", "no-cache"),
            Some(age) => answer.with("Cache-Control", format!("max-age={}", age.as_secs())),
            None => answer,
        }
    }

    /// Adds the fields of an answer with a body.
    fn head(&self, answer: Answer) -> Answer {
        let answer = self.describe(answer).with("Accept-Ranges", "bytes");
        match self.coding {
            Some(coding) => answer.with("Content-Encoding", coding.name()),
            None => answer,
        }
    }

    /// Answers with these ranges; with the whole text if it was compressed on the fly.
    fn send(mut self, ranges: Ranges) -> Answer {
        if let Some(text) = self.compressed.take() {
            let answer = Answer::new(StatusCode::OK, Body::Bytes(text));
            return self.head(answer.with("Content-Type", self.kind));
        }
        let (kind, length) = (self.kind, self.length);
        match ranges {
            Ranges::All => {
                let fields = Answer::new(StatusCode::OK, Body::None).with("Content-Type", kind);
                self.head(fields).with_body(Body::File {
                    file: self.file,
                    at: 0,
                    length,
                })
            }
            Ranges::None => {
                let range = format!("bytes */{length}");
                let answer = Answer::error(StatusCode::RANGE_NOT_SATISFIABLE);
                self.describe(answer.with("Content-Range", range))
            }
            Ranges::One(at, end) => {
                let range = format!("bytes {at}-{}/{length}", end - 1);
                let fields = Answer::new(StatusCode::PARTIAL_CONTENT, Body::None)
                    .with("Content-Type", kind)
                    .with("Content-Range", range);
                self.head(fields).with_body(Body::File {
                    file: self.file,
                    at,
                    length: end - at,
                })
            }
            Ranges::Several(ranges) => self.send_parts(&ranges),
        }
    }

    /// Answers with several ranges as a multipart body.
    fn send_parts(self, ranges: &[(u64, u64)]) -> Answer {
        let (kind, length) = (self.kind, self.length);
        let boundary = range::boundary(&self.version.etag);
        let part = |(at, end): &(u64, u64)| {
            let head = format!(
                "\r\n--{boundary}\r\nContent-Type: {kind}\r\nContent-Range: bytes {at}-{}/{length}\r\n\r\n",
                end - 1
            );
            (head, *at, end - at)
        };
        let parts = ranges.iter().map(part).collect();
        let end = format!("\r\n--{boundary}--\r\n");
        let kind = format!("multipart/byteranges; boundary={boundary}");
        let fields =
            Answer::new(StatusCode::PARTIAL_CONTENT, Body::None).with("Content-Type", kind);
        self.head(fields).with_body(Body::Parts {
            file: self.file,
            parts,
            end,
        })
    }
}

/// Returns the precompressed form of a file, such as `page.html.br` for `page.html`, unless it is older than the file.
fn variant(
    site: &Shared,
    path: &Path,
    coding: Coding,
    original: &Metadata,
) -> Option<(File, Metadata)> {
    let mut name = path.as_os_str().to_owned();
    name.push(coding.suffix());
    let (file, metadata) = site.root.get(Path::new(&name)).ok()?;
    let fresh = metadata.modified().ok()? >= original.modified().ok()?;
    (metadata.is_file() && fresh).then_some((file, metadata))
}
