//! One picture in, one picture out.

use reunite::checkpoint;
use serde::{Deserialize, Serialize};

use crate::codec;
use crate::error::ImageError;
use crate::format::OutputFormat;
use crate::geometry::{Fit, Size};
use crate::probe::Probe;

/// What is wanted of every picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transform {
    /// The box, measured upright.
    pub size: Size,
    /// How the picture fills the box.
    pub fit: Fit,
    /// Whether pictures smaller than the box are scaled up.
    pub enlarge: bool,
    /// The format of the result; `None` keeps that of the file.
    pub format: Option<OutputFormat>,
    /// Of JPEG and WebP, 1 to 100.
    pub quality: u8,
    /// Whether to leave out the camera's metadata (EXIF). The colour profile is always kept, unless it is of
    /// other colours than the result's.
    pub strip: bool,
    /// Files whose header announces more pixels are refused.
    pub max_pixels: u64,
}

impl Default for Transform {
    /// Within 512 × 512 pixels, quality 80, format and metadata kept, at most 268 megapixels.
    fn default() -> Self {
        Self {
            size: Size::new(512, 512),
            fit: Fit::Fit,
            enlarge: false,
            format: None,
            quality: 80,
            strip: false,
            max_pixels: 0x3fff * 0x3fff,
        }
    }
}

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
