//! The header of a picture, read before any pixel is decoded.

use img_parts::Bytes;

use crate::codec::{self, Header, decoded_size};
use crate::error::ImageError;
use crate::format::{InputFormat, OutputFormat};
use crate::geometry::{Layout, Size};
use crate::transform::Transform;

/// The bytes that codecs and resampler hold for a picture of any size.
const TABLES: u64 = 256 << 10;

/// Returns the most bytes that an encoder holds for each pixel, including the pixel itself and its copy that is turned
/// or laid over white. Measured with noise; libwebp compresses transparency with a separate lossless encoder.
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
    /// The file's length in bytes.
    file: u64,
}

impl Probe {
    /// Reads the header of a file, whose bytes must be complete. The format is recognised by the content.
    ///
    /// # Errors
    /// The format is unknown, or the header is damaged.
    pub fn read(bytes: &[u8]) -> Result<Self, ImageError> {
        InputFormat::of(bytes)?;
        Self::of(&Bytes::copy_from_slice(bytes))
    }

    /// Does what [`read`](Self::read) does, without a copy.
    pub(crate) fn of(bytes: &Bytes) -> Result<Self, ImageError> {
        let format = InputFormat::of(bytes)?;
        Ok(Self {
            format,
            header: codec::header(format, bytes)?,
            file: bytes.len() as u64,
        })
    }

    /// Returns the file's format.
    pub fn format(&self) -> InputFormat {
        self.format
    }

    /// Returns the size as stored.
    pub fn stored_size(&self) -> Size {
        self.header.size
    }

    /// Returns the size of the upright picture.
    pub fn size(&self) -> Size {
        self.header
            .size
            .exchanged_if(self.header.metadata.swaps_sides())
    }

    /// Returns the camera's orientation, 1 to 8 as in EXIF; 1 is upright.
    pub fn orientation(&self) -> u8 {
        self.header
            .metadata
            .orientation
            .map_or(1, |orientation| orientation.to_exif())
    }

    /// Returns true if pixels can be transparent.
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

    /// Returns the size, as stored, that the decoder must at least deliver.
    pub(crate) fn needed(&self, layout: Layout) -> Size {
        layout
            .scaled
            .exchanged_if(self.header.metadata.swaps_sides())
    }

    pub(crate) fn into_metadata(self) -> crate::picture::Metadata {
        self.header.metadata
    }

    /// Returns an upper bound of the bytes that the transform holds, including one copy of the file. Each step frees
    /// what the step before it needed, so this is the largest need of any single step.
    pub fn peak_bytes(&self, transform: &Transform) -> u64 {
        let Header {
            size,
            has_alpha,
            per_input_pixel,
            per_output_pixel,
            ..
        } = self.header;
        let layout = self.layout(transform);
        let swaps = self.header.metadata.swaps_sides();
        let (needed, target) = (self.needed(layout), layout.target.exchanged_if(swaps));
        let decoded = decoded_size(self.format, size, needed);
        let output = transform.format.unwrap_or(self.format.kept());
        let channels = if has_alpha { 4 } else { 3 };
        let decoding =
            size.pixels() * per_input_pixel + decoded.pixels() * (channels + per_output_pixel);
        // With alpha, the resampler premultiplies a copy. It resamples columns before rows.
        let copies = if has_alpha { 2 } else { 1 };
        let halfway = u64::from(decoded.width) * u64::from(target.height);
        let resizing = (decoded.pixels() * copies + halfway + target.pixels()) * channels;
        let encoding = target.pixels() * encoding_bytes(output, has_alpha);
        decoding.max(resizing).max(encoding) + self.header.carried(self.file) + TABLES
    }

    /// Fails if the header declares more pixels than `limit`.
    pub(crate) fn check_limit(&self, limit: u64) -> Result<(), ImageError> {
        let pixels = self.header.size.pixels();
        if pixels > limit {
            Err(ImageError::too_large(pixels, limit))
        } else {
            Ok(())
        }
    }
}
