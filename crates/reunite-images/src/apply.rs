//! The transform of one picture in memory.

use reunite::checkpoint;

use crate::codec;
use crate::error::ImageError;
use crate::format::OutputFormat;
use crate::geometry::Size;
use crate::probe::Probe;
use crate::transform::Transform;

/// An encoded file in memory.
#[derive(Debug)]
pub struct Encoded {
    /// The file's content.
    pub bytes: Vec<u8>,
    /// The size of the picture, in pixels.
    pub size: Size,
    /// The file's format.
    pub format: OutputFormat,
}

/// Decodes, resizes, turns upright and encodes a picture. Between the steps it checks whether the current task was
/// cancelled.
///
/// # Errors
/// The file cannot be decoded, the result cannot be encoded, or the current task was cancelled; see the predicates of
/// [`ImageError`].
///
/// ```no_run
/// use reunite_images::{Transform, transform};
/// let photo = std::fs::read("photo.jpg")?;
/// let thumbnail = transform(&photo, &Transform::default())?;
/// std::fs::write("thumbnail.jpg", thumbnail.bytes)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn transform(bytes: &[u8], settings: &Transform) -> Result<Encoded, ImageError> {
    let probe = Probe::read(bytes)?;
    probe.check_limit(settings.max_pixels)?;
    transform_probed(bytes, probe, settings)
}

/// Does what [`transform`] does with a header that was read already. Does not check the limit of pixels.
pub(crate) fn transform_probed(
    bytes: &[u8],
    probe: Probe,
    settings: &Transform,
) -> Result<Encoded, ImageError> {
    let (format, layout) = (probe.format(), probe.layout(settings));
    let needed = probe.needed(layout);
    checkpoint()?;
    let decoded = codec::decode(format, bytes, probe.into_metadata(), needed)?;
    checkpoint()?;
    let upright = decoded.resize(layout)?.upright();
    checkpoint()?;
    let (size, output) = (upright.size, settings.format.unwrap_or(format.kept()));
    Ok(Encoded {
        bytes: codec::encode(upright, output, settings)?,
        size,
        format: output,
    })
}
