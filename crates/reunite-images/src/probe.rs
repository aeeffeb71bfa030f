//! What a header tells, before a pixel is decoded.

use img_parts::Bytes;

use crate::codec::{self, Header, decoded_size};
use crate::error::ImageError;
use crate::format::{InputFormat, OutputFormat};
use crate::geometry::{Layout, Size};
use crate::transform::Transform;

/// What codecs and resampler hold whatever the size.
const TABLES: u64 = 256 << 10;

/// What an encoder holds at most for each pixel, the pixel itself and its copy over white or turned
/// included. Measured with noise; libwebp packs transparency with a lossless encoder of its own.
fn encoding_bytes(format: OutputFormat, has_alpha: bool) -> u64 {
    match (format, has_alpha) {
        (OutputFormat::WebP, true) => 52,
        (OutputFormat::WebP, false) => 32,
        (OutputFormat::Jpeg | OutputFormat::Png, _) => 20,
    }
}

/// A picture's header.
#[derive(Debug)]
pub struct Probe {
    format: InputFormat,
    header: Header,
    /// Its length.
    file: u64,
}

impl Probe {
    /// Reads the header of a file given whole. The format is told from the content, not from a name.
    ///
    /// # Errors
    /// Not a picture of a known format, or a header that makes no sense.
    pub fn read(bytes: &[u8]) -> Result<Self, ImageError> {
        InputFormat::of(bytes)?;
        Self::of(&Bytes::copy_from_slice(bytes))
    }

    /// [`read`](Self::read) without a copy.
    pub(crate) fn of(bytes: &Bytes) -> Result<Self, ImageError> {
        let format = InputFormat::of(bytes)?;
        Ok(Self {
            format,
            header: codec::header(format, bytes)?,
            file: bytes.len() as u64,
        })
    }

    /// The file's format.
    pub fn format(&self) -> InputFormat {
        self.format
    }

    /// The size as stored.
    pub fn stored_size(&self) -> Size {
        self.header.size
    }

    /// The size when the picture is upright.
    pub fn size(&self) -> Size {
        self.header.size.turned(self.header.metadata.swaps_sides())
    }

    /// The camera's orientation, 1 to 8 as in EXIF; 1 is upright.
    pub fn orientation(&self) -> u8 {
        self.header
            .metadata
            .orientation
            .map_or(1, |orientation| orientation.to_exif())
    }

    /// Whether pixels can be transparent.
    pub fn has_alpha(&self) -> bool {
        self.header.has_alpha
    }

    pub(crate) fn layout(&self, transform: &Transform) -> Layout {
        Layout::new(
            self.size(),
            transform.size,
            transform.fit,
            transform.enlarge,
        )
    }

    /// The pixels that the decoder must at least deliver, as stored.
    pub(crate) fn needed(&self, layout: Layout) -> Size {
        layout.scaled.turned(self.header.metadata.swaps_sides())
    }

    pub(crate) fn into_metadata(self) -> crate::picture::Metadata {
        self.header.metadata
    }

    /// How many bytes the transform holds at most, one copy of the file counted: what to admit it by. The
    /// most that any of its steps holds, for none keeps what the step before it needed.
    pub fn peak_bytes(&self, transform: &Transform) -> u64 {
        let Header {
            size,
            has_alpha,
            scratch,
            beside,
            ..
        } = self.header;
        let layout = self.layout(transform);
        let swaps = self.header.metadata.swaps_sides();
        let (needed, target) = (self.needed(layout), layout.target.turned(swaps));
        let decoded = decoded_size(self.format, size, needed);
        let output = transform.format.unwrap_or(self.format.kept());
        let channels = if has_alpha { 4 } else { 3 };
        let decoding = size.pixels() * scratch + decoded.pixels() * (channels + beside);
        // The resampler multiplies with alpha in a copy, and goes down before it goes across.
        let copies = if has_alpha { 2 } else { 1 };
        let halfway = u64::from(decoded.width) * u64::from(target.height);
        let resizing = (decoded.pixels() * copies + halfway + target.pixels()) * channels;
        let encoding = target.pixels() * encoding_bytes(output, has_alpha);
        decoding.max(resizing).max(encoding) + self.header.carried(self.file) + TABLES
    }

    pub(crate) fn check_limit(&self, limit: u64) -> Result<(), ImageError> {
        let pixels = self.header.size.pixels();
        if pixels > limit {
            Err(ImageError::too_large(pixels, limit))
        } else {
            Ok(())
        }
    }
}
