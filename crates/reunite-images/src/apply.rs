//! One picture in, one picture out.

use reunite::checkpoint;

use crate::codec;
use crate::error::ImageError;
use crate::format::OutputFormat;
use crate::geometry::Size;
use crate::probe::Probe;
use crate::transform::Transform;

/// A finished file, in memory.
#[derive(Debug)]
pub struct Encoded {
    /// The file's content.
    pub bytes: Vec<u8>,
    /// Its size in pixels.
    pub size: Size,
    /// Its format.
    pub format: OutputFormat,
}

/// Decodes, resizes, turns upright and encodes. Between the steps it looks whether the current task was
/// cancelled.
///
/// # Errors
/// The file cannot be read or the result not be written (see the predicates of [`ImageError`]), or the
/// task was cancelled.
///
/// ```no_run
/// use reunite_images::{Transform, transform};
/// let photo = std::fs::read("photo.jpg")?;
/// let thumbnail = transform(&photo, &Transform::default())?;
/// std::fs::write("thumbnail.jpg", thumbnail.bytes)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn transform(bytes: &[u8], wanted: &Transform) -> Result<Encoded, ImageError> {
    let probe = Probe::read(bytes)?;
    probe.check_limit(wanted.max_pixels)?;
    made(bytes, probe, wanted)
}

/// [`transform`] for who has read the header already.
pub(crate) fn made(bytes: &[u8], probe: Probe, wanted: &Transform) -> Result<Encoded, ImageError> {
    let (format, layout) = (probe.format(), probe.layout(wanted));
    let needed = probe.needed(layout);
    checkpoint()?;
    let decoded = codec::decode(format, bytes, probe.into_metadata(), needed)?;
    checkpoint()?;
    let upright = decoded.resize(layout)?.upright();
    checkpoint()?;
    let (size, output) = (upright.size, wanted.format.unwrap_or(format.kept()));
    Ok(Encoded {
        bytes: codec::encode(upright, output, wanted)?,
        size,
        format: output,
    })
}
