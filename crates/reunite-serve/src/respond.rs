//! The answer to a request.

use std::io;
use std::path::{Path, PathBuf};

use reunite_net::http::StatusCode;

use crate::answer::{ALLOWED, Answer, Body};
use crate::gallery;
use crate::listing;
use crate::request::{Method, Request};
use crate::resource::resource;
use crate::shared::Shared;
use crate::target::{self, Target};
use crate::thumbnail::{requested, thumbnail};

pub(crate) fn respond(site: &Shared, request: &Request) -> Answer {
    if !site.settings.accounts.admit(request) {
        let challenge = "Basic realm=\"reunite\", charset=\"UTF-8\"";
        return Answer::error(StatusCode::UNAUTHORIZED).with("WWW-Authenticate", challenge);
    }
    match request.method {
        Method::Connect | Method::Other => return Answer::error(StatusCode::METHOD_NOT_ALLOWED),
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
        Ok((file, found)) => Ok(match requested(site, &path, query.as_deref()) {
            Some(wanted) => thumbnail(request, wanted, &path, file, &found),
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
        // The file does not exist, a link leads out of the folder, or the name is not a valid one.
        _ => StatusCode::NOT_FOUND,
    }
}

/// Redirects to the address with a final slash, because a folder's links are relative to it. The address is built from
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
