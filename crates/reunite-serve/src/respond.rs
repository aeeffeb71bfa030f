//! From a request to its answer.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::answer::{ALLOWED, Answer, Body};
use crate::coding::{self, Coding};
use crate::conditional::{self, Decision, Version};
use crate::gallery::{self, Failed, Shown, Size, Thumb, Thumbs};
use crate::listing;
use crate::mime;
use crate::range::{self, Ranges};
use crate::request::{Method, Request};
use crate::shared::Shared;
use crate::target::{self, Target};

pub(crate) fn respond(site: &Shared, request: &Request) -> Answer {
    if !site.settings.accounts.admit(request) {
        let challenge = "Basic realm=\"reunite\", charset=\"UTF-8\"";
        return Answer::error(401).with("WWW-Authenticate", challenge);
    }
    match request.method {
        Method::Other => return Answer::error(405),
        Method::Options => return Answer::new(204, Body::None).with("Allow", ALLOWED),
        // A post goes to what would process it, and nothing here does.
        Method::Post => return Answer::error(404),
        Method::Get | Method::Head => {}
    }
    let Target::Path {
        segments,
        is_folder,
        query,
    } = &request.target
    else {
        return Answer::error(404);
    };
    let Some(path) = Target::path(segments, site.settings.hidden) else {
        return Answer::error(404);
    };
    let answer = match site.folder.get(&path) {
        Ok((_, found)) if found.is_dir() && !is_folder => return moved(segments, query.as_deref()),
        Ok((_, found)) if found.is_dir() => {
            folder(site, request, &path, segments, query.as_deref())
        }
        Ok(_) if *is_folder => Err(404),
        Ok((file, found)) => Ok(match wanted(site, &path, query.as_deref()) {
            Some((thumbs, size, lasts)) => {
                let thumb =
                    |path: &Path| thumbs.get(file, &found, size, &path.display().to_string());
                thumbnail(request, &version_of(&found, size.name()), lasts, || {
                    thumb(&path)
                })
            }
            None => resource(site, request, &path, file, &found),
        }),
        Err(error) => Err(status_of(&error)),
    };
    match answer {
        Ok(answer) => answer,
        Err(404) => fallback(site, request).unwrap_or_else(|| Answer::error(404)),
        Err(status) => Answer::error(status),
    }
}

fn status_of(error: &io::Error) -> u16 {
    use rustix::io::Errno;
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::ACCESS) => 403,
        Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM) => 503,
        Some(Errno::IO) => 500,
        // It is not there, or a link leads where it may not, or the name is none.
        _ => 404,
    }
}

/// A folder's links are relative to its slash. Built from segments, so that it never leads to another host.
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
    Answer::new(301, Body::Bytes(Default::default())).with("Location", place)
}

fn folder(
    site: &Shared,
    request: &Request,
    path: &Path,
    segments: &[String],
    query: Option<&str>,
) -> Result<Answer, u16> {
    for index in &site.settings.index {
        let path = path.join(index);
        if let Ok((file, found)) = site.folder.get(&path)
            && found.is_file()
        {
            return Ok(resource(site, request, &path, file, &found));
        }
    }
    if !site.settings.listing {
        return Err(404);
    }
    let mut entries = site.folder.list(path).map_err(|error| status_of(&error))?;
    entries.retain(|(name, _)| site.settings.hidden || !name.starts_with('.'));
    let (page, policy) = match site.thumbs {
        Some(_) => (gallery::page(segments, entries), gallery::POLICY),
        None => (listing::page(segments, entries, query), listing::POLICY),
    };
    let answer = Answer::new(200, Body::Bytes(page.into_bytes().into()))
        .with("Content-Type", "text/html; charset=utf-8")
        .with("Cache-Control", "no-cache")
        .with("Content-Security-Policy", policy);
    Ok(answer)
}

fn fallback(site: &Shared, request: &Request) -> Option<Answer> {
    let path = PathBuf::from(site.settings.fallback.as_ref()?);
    // A picture that is missing is missing; only who wants a page gets one.
    let wants_page = request
        .list("accept")
        .iter()
        .any(|kind| kind.starts_with("text/html") || kind.starts_with("application/xhtml"));
    if !wants_page {
        return None;
    }
    let (file, found) = site.folder.get(&path).ok()?;
    found
        .is_file()
        .then(|| resource(site, request, &path, file, &found))
}

/// The thumbnail that is asked for, and whether its address changes with the file.
fn wanted<'a>(
    site: &'a Shared,
    path: &Path,
    query: Option<&str>,
) -> Option<(&'a Thumbs, Size, bool)> {
    let thumbs = site.thumbs.as_ref()?;
    let (size, lasts) = gallery::asked(query?)?;
    matches!(gallery::shown(path), Shown::Picture | Shown::Converted)
        .then_some((thumbs, size, lasts))
}

fn thumbnail(
    request: &Request,
    version: &Version,
    lasts: bool,
    make: impl FnOnce() -> Result<Thumb, Failed>,
) -> Answer {
    let describe = |answer: Answer| {
        let kept = if lasts {
            "max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        answer
            .with("ETag", &version.etag)
            .with("Cache-Control", kept)
    };
    match conditional::decide(request, version) {
        Decision::Failed => return Answer::error(412),
        Decision::Unchanged => return describe(Answer::new(304, Body::None)),
        Decision::Go => {}
    }
    match make() {
        Ok(thumb) => {
            describe(Answer::new(200, Body::Bytes(thumb.bytes)).with("Content-Type", thumb.kind))
        }
        Err(Failed::Broken) => Answer::new(200, Body::Bytes(gallery::BROKEN.as_bytes().into()))
            .with("Content-Type", "image/svg+xml")
            .with("Cache-Control", "no-cache"),
        Err(Failed::Stopped) => Answer::error(503),
    }
}

/// One file, in the form that suits the client best.
fn resource(site: &Shared, request: &Request, path: &Path, file: File, found: &Metadata) -> Answer {
    let kind = mime::of(path);
    let ready = site.settings.precompressed;
    let made = site.settings.compress && mime::is_text(kind) && coding::fits(found.len());
    let mut file = file;
    let mut found = found.clone();
    let mut coding = None;
    let mut bytes = None;
    for wished in coding::wishes(request, ready || made) {
        if ready && let Some(other) = variant(site, path, wished, &found) {
            (file, found) = other;
            coding = Some(wished);
            break;
        }
        // A part is of the file itself: the coded form's is of no use to who went on with another.
        if made && !request.has("range") {
            let version = version_of(&found, wished.suffix());
            if let Some(coded) = site.coder.code(&file, found.len(), wished, &version.etag) {
                coding = Some(wished);
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
        Decision::Failed => return Answer::error(412),
        Decision::Unchanged => return describe(Answer::new(304, Body::None)),
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
        return head(Answer::new(200, Body::Bytes(bytes)).with("Content-Type", kind));
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
            head(Answer::new(200, body).with("Content-Type", kind))
        }
        Ranges::None => {
            let range = format!("bytes */{length}");
            describe(Answer::error(416).with("Content-Range", range))
        }
        Ranges::One(at, end) => {
            let range = format!("bytes {at}-{}/{length}", end - 1);
            let body = Body::File {
                file,
                at,
                length: end - at,
            };
            let answer = Answer::new(206, body).with("Content-Type", kind);
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
            head(Answer::new(206, Body::Parts { file, parts, end }).with("Content-Type", kind))
        }
    }
}

/// `page.html.br` for `page.html`, unless the page has changed since.
fn variant(
    site: &Shared,
    path: &Path,
    coding: Coding,
    original: &Metadata,
) -> Option<(File, Metadata)> {
    let mut name = path.as_os_str().to_owned();
    name.push(coding.suffix());
    let (file, found) = site.folder.get(Path::new(&name)).ok()?;
    let fresh = found.modified().ok()? >= original.modified().ok()?;
    (found.is_file() && fresh).then_some((file, found))
}

/// `form`: which of those the file has.
fn version_of(found: &Metadata, form: &str) -> Version {
    let (seconds, nanos, length) = (found.mtime(), found.mtime_nsec(), found.len());
    Version {
        etag: format!("\"{seconds:x}.{nanos:x}-{length:x}{form}\""),
        // A file from the future was changed now, as far as others are concerned.
        modified: found
            .modified()
            .ok()
            .map(|time| time.min(SystemTime::now())),
    }
}
