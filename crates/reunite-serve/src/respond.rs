//! The answer to a request.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use reunite_net::http::StatusCode;

use crate::answer::{ALLOWED, Answer, Body};
use crate::coding::{self, Coding};
use crate::conditional::{self, Decision, Version};
use crate::gallery::{self, DisplayMode, Thumb, ThumbError, ThumbRequest, Thumbs};
use crate::listing;
use crate::mime;
use crate::range::{self, Ranges};
use crate::request::{Method, Request};
use crate::shared::Shared;
use crate::target::{self, Target};

pub(crate) fn respond(site: &Shared, request: &Request) -> Answer {
    if !site.settings.accounts.admit(request) {
        let challenge = "Basic realm=\"reunite\", charset=\"UTF-8\"";
        return Answer::error(StatusCode::UNAUTHORIZED).with("WWW-Authenticate", challenge);
    }
    match request.method {
        Method::Other => return Answer::error(StatusCode::METHOD_NOT_ALLOWED),
        Method::Options => {
            return Answer::new(StatusCode::NO_CONTENT, Body::None).with("Allow", ALLOWED);
        }
        // Nothing here processes a POST.
        Method::Post => return Answer::error(StatusCode::NOT_FOUND),
        Method::Get | Method::Head => {}
    }
    let Target::Path {
        segments,
        is_folder,
        query,
    } = &request.target
    else {
        return Answer::error(StatusCode::NOT_FOUND);
    };
    let Some(path) = Target::path(segments, site.settings.hidden) else {
        return Answer::error(StatusCode::NOT_FOUND);
    };
    let answer = match site.root.get(&path) {
        Ok((_, found)) if found.is_dir() && !is_folder => return moved(segments, query.as_deref()),
        Ok((_, found)) if found.is_dir() => {
            folder(site, request, &path, segments, query.as_deref())
        }
        Ok(_) if *is_folder => Err(StatusCode::NOT_FOUND),
        Ok((file, found)) => Ok(match thumb_request(site, &path, query.as_deref()) {
            Some((thumbs, wanted)) => {
                let version = version_of(&found, wanted.size.name());
                let name = path.display().to_string();
                thumbnail(request, &version, wanted, || {
                    thumbs.get(file, &found, wanted.size, &name)
                })
            }
            None => resource(site, request, &path, file, &found),
        }),
        Err(error) => Err(status_of(&error)),
    };
    match answer {
        Ok(answer) => answer,
        Err(StatusCode::NOT_FOUND) => {
            fallback(site, request).unwrap_or_else(|| Answer::error(StatusCode::NOT_FOUND))
        }
        Err(status) => Answer::error(status),
    }
}

/// Returns the status that reports an I/O error.
fn status_of(error: &io::Error) -> StatusCode {
    use rustix::io::Errno;
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::ACCESS) => StatusCode::FORBIDDEN,
        Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM) => StatusCode::SERVICE_UNAVAILABLE,
        Some(Errno::IO) => StatusCode::INTERNAL_SERVER_ERROR,
        // The file does not exist, a link leads to a place it must not, or the name is not a valid one.
        _ => StatusCode::NOT_FOUND,
    }
}

/// Redirects to the address with a final slash, to which the links of a folder are relative. The address is built from
/// segments, so that it never leads to another host.
fn moved(segments: &[String], query: Option<&str>) -> Answer {
    let mut place: String = segments
        .iter()
        .map(|segment| format!("/{}", target::encode(segment)))
        .collect();
    place.push('/');
    if let Some(query) = query {
        place.push('?');
        place.push_str(query);
    }
    Answer::new(
        StatusCode::MOVED_PERMANENTLY,
        Body::Bytes(Default::default()),
    )
    .with("Location", place)
}

/// Answers with the index of a folder, or with its listing.
fn folder(
    site: &Shared,
    request: &Request,
    path: &Path,
    segments: &[String],
    query: Option<&str>,
) -> Result<Answer, StatusCode> {
    for index in &site.settings.index {
        let path = path.join(index);
        if let Ok((file, found)) = site.root.get(&path)
            && found.is_file()
        {
            return Ok(resource(site, request, &path, file, &found));
        }
    }
    if !site.settings.listing {
        return Err(StatusCode::NOT_FOUND);
    }
    let mut entries = site.root.list(path).map_err(|error| status_of(&error))?;
    entries.retain(|(name, _)| site.settings.hidden || !name.starts_with('.'));
    let (page, policy) = match site.thumbs {
        Some(_) => (gallery::page(segments, entries), gallery::POLICY),
        None => (listing::page(segments, entries, query), listing::POLICY),
    };
    let answer = Answer::new(StatusCode::OK, Body::Bytes(page.into_bytes().into()))
        .with("Content-Type", "text/html; charset=utf-8")
        .with("Cache-Control", "no-cache")
        .with("Content-Security-Policy", policy);
    Ok(answer)
}

/// Answers with the fallback page, if there is one and the client accepts HTML.
fn fallback(site: &Shared, request: &Request) -> Option<Answer> {
    let path = PathBuf::from(site.settings.fallback.as_ref()?);
    // A request for a missing picture is still answered with a 404.
    let wants_page = request
        .fields
        .list("accept")
        .iter()
        .any(|kind| kind.starts_with("text/html") || kind.starts_with("application/xhtml"));
    if !wants_page {
        return None;
    }
    let (file, found) = site.root.get(&path).ok()?;
    found
        .is_file()
        .then(|| resource(site, request, &path, file, &found))
}

/// Returns the requested thumbnail, if the site is a gallery and `path` names a picture.
fn thumb_request<'a>(
    site: &'a Shared,
    path: &Path,
    query: Option<&str>,
) -> Option<(&'a Thumbs, ThumbRequest)> {
    let thumbs = site.thumbs.as_ref()?;
    let wanted = ThumbRequest::from_query(query?)?;
    matches!(
        gallery::display_of(path),
        DisplayMode::Picture | DisplayMode::Converted
    )
    .then_some((thumbs, wanted))
}

/// Answers with a thumbnail, which `make` returns.
fn thumbnail(
    request: &Request,
    version: &Version,
    wanted: ThumbRequest,
    make: impl FnOnce() -> Result<Thumb, ThumbError>,
) -> Answer {
    let describe = |answer: Answer| {
        let cache_control = if wanted.is_versioned {
            "max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        answer
            .with("ETag", &version.etag)
            .with("Cache-Control", cache_control)
    };
    match conditional::decide(request, version) {
        Decision::Failed => return Answer::error(StatusCode::PRECONDITION_FAILED),
        Decision::Unchanged => return describe(Answer::new(StatusCode::NOT_MODIFIED, Body::None)),
        Decision::Go => {}
    }
    match make() {
        Ok(thumb) => describe(
            Answer::new(StatusCode::OK, Body::Bytes(thumb.bytes)).with("Content-Type", thumb.kind),
        ),
        Err(ThumbError::Broken) => Answer::new(
            StatusCode::OK,
            Body::Bytes(gallery::BROKEN.as_bytes().into()),
        )
        .with("Content-Type", "image/svg+xml")
        .with("Cache-Control", "no-cache"),
        Err(ThumbError::Stopped) => Answer::error(StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// Answers with a file, in the content coding that the client prefers.
fn resource(site: &Shared, request: &Request, path: &Path, file: File, found: &Metadata) -> Answer {
    let kind = mime::of(path);
    let ready = site.settings.precompressed;
    let made = site.settings.compress && mime::is_text(kind) && coding::fits(found.len());
    let mut file = file;
    let mut found = found.clone();
    let mut coding = None;
    let mut bytes = None;
    for candidate in coding::accepted(request, ready || made) {
        if ready && let Some(other) = variant(site, path, candidate, &found) {
            (file, found) = other;
            coding = Some(candidate);
            break;
        }
        // Ranges apply to the file itself: a client that resumes a download needs the same bytes each time, and the
        // coded form may differ.
        if made && !request.fields.has("range") {
            let version = version_of(&found, candidate.suffix());
            if let Some(coded) = site
                .coder
                .code(&file, found.len(), candidate, &version.etag)
            {
                coding = Some(candidate);
                bytes = Some(coded);
                break;
            }
        }
    }
    let version = version_of(&found, coding.map_or("", Coding::suffix));
    let describe = |answer: Answer| {
        let mut answer = answer.with("ETag", &version.etag);
        if let Some(modified) = version.modified {
            answer = answer.with("Last-Modified", httpdate::fmt_http_date(modified));
        }
        if ready || made {
            answer = answer.with("Vary", "Accept-Encoding");
        }
        match site.settings.max_age {
            Some(Duration::ZERO) => answer.with("Cache-Control", "no-cache"),
            Some(age) => answer.with("Cache-Control", format!("max-age={}", age.as_secs())),
            None => answer,
        }
    };
    match conditional::decide(request, &version) {
        Decision::Failed => return Answer::error(StatusCode::PRECONDITION_FAILED),
        Decision::Unchanged => return describe(Answer::new(StatusCode::NOT_MODIFIED, Body::None)),
        Decision::Go => {}
    }
    let head = |answer: Answer| {
        let answer = describe(answer).with("Accept-Ranges", "bytes");
        match coding {
            Some(coding) => answer.with("Content-Encoding", coding.name()),
            None => answer,
        }
    };
    let length = bytes
        .as_ref()
        .map_or(found.len(), |bytes| bytes.len() as u64);
    if let Some(bytes) = bytes {
        return head(Answer::new(StatusCode::OK, Body::Bytes(bytes)).with("Content-Type", kind));
    }
    let ranges = if conditional::range_holds(request, &version) {
        range::of(request, length)
    } else {
        Ranges::All
    };
    match ranges {
        Ranges::All => {
            let body = Body::File {
                file,
                at: 0,
                length,
            };
            head(Answer::new(StatusCode::OK, body).with("Content-Type", kind))
        }
        Ranges::None => {
            let range = format!("bytes */{length}");
            describe(Answer::error(StatusCode::RANGE_NOT_SATISFIABLE).with("Content-Range", range))
        }
        Ranges::One(at, end) => {
            let range = format!("bytes {at}-{}/{length}", end - 1);
            let body = Body::File {
                file,
                at,
                length: end - at,
            };
            let answer = Answer::new(StatusCode::PARTIAL_CONTENT, body).with("Content-Type", kind);
            head(answer.with("Content-Range", range))
        }
        Ranges::Several(ranges) => {
            let boundary = range::boundary(&version.etag);
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
            head(
                Answer::new(
                    StatusCode::PARTIAL_CONTENT,
                    Body::Parts { file, parts, end },
                )
                .with("Content-Type", kind),
            )
        }
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
    let (file, found) = site.root.get(Path::new(&name)).ok()?;
    let fresh = found.modified().ok()? >= original.modified().ok()?;
    (found.is_file() && fresh).then_some((file, found))
}

/// Returns the version of a file; `form` distinguishes the forms in which it is sent.
fn version_of(found: &Metadata, form: &str) -> Version {
    let (seconds, nanos, length) = (found.mtime(), found.mtime_nsec(), found.len());
    Version {
        etag: format!("\"{seconds:x}.{nanos:x}-{length:x}{form}\""),
        // A modification time in the future is reported as now.
        modified: found
            .modified()
            .ok()
            .map(|time| time.min(SystemTime::now())),
    }
}
