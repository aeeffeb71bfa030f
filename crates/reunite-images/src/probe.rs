//! What a header tells, before a pixel is decoded.

use crate::codec::{self, Header, decoded_size};
use crate::error::ImageError;
use crate::format::InputFormat;
use crate::geometry::{Layout, Size};
use crate::transform::Transform;

/// A picture's header.
#[derive(Debug)]
pub struct Probe {
    format: InputFormat,
    header: Header,
}

impl Probe {
    /// Reads the header of a file given whole. The format is told from the content, not from a name.
    ///
    /// # Errors
    /// Not a picture of a known format, or a header that makes no sense.
    pub fn read(bytes: &[u8]) -> Result<Self, ImageError> {
        let format = InputFormat::sniff(bytes).ok_or_else(|| {
            ImageError::unsupported(if bytes.is_empty() {
                "the file is empty"
            } else {
                "its content is none of JPEG, PNG, WebP, GIF, TIFF, BMP"
            })
        })?;
        Ok(Self {
            format,
            header: codec::header(format, bytes)?,
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

    /// About how many bytes the transform holds at its peak, the file's own not counted: what to admit it
    /// by.
    pub fn peak_bytes(&self, transform: &Transform) -> u64 {
        let layout = self.layout(transform);
        let decoded = decoded_size(self.format, self.header.size, self.needed(layout));
        let channels = if self.header.has_alpha { 4 } else { 3 };
        self.header.size.pixels() * self.header.scratch
            + decoded.pixels() * channels
            // The resampler's intermediate, the result, its upright copy, the encoded file.
            + u64::from(layout.target.width.max(layout.target.height)) * u64::from(decoded.height) * channels
            + layout.target.pixels() * channels * 3
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
