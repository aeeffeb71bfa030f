//! The answer with a thumbnail.

use std::fs::{File, Metadata};
use std::path::Path;

use reunite_net::http::StatusCode;

use crate::answer::{Answer, Body};
use crate::conditional::{self, Decision, Version};
use crate::gallery::{self, DisplayMode, ThumbError, ThumbRequest, Thumbs};
use crate::request::Request;
use crate::shared::Shared;

/// Returns the requested thumbnail, if the site is a gallery and `path` names a picture.
pub(crate) fn requested<'a>(
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

/// Answers with a thumbnail of a file.
pub(crate) fn thumbnail(
    request: &Request,
    (thumbs, wanted): (&Thumbs, ThumbRequest),
    path: &Path,
    file: File,
    metadata: &Metadata,
) -> Answer {
    let version = Version::of(metadata, wanted.size.name());
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
    match conditional::decide(request, &version) {
        Decision::Failed => return Answer::error(StatusCode::PRECONDITION_FAILED),
        Decision::Unchanged => return describe(Answer::new(StatusCode::NOT_MODIFIED, Body::None)),
        // A thumbnail is always sent as a whole.
        Decision::SendWhole | Decision::SendRange => {}
    }
    match thumbs.get(file, metadata, wanted.size, &path.display().to_string()) {
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
