//! The part of a file that a codec reads before it decodes a pixel.

use img_parts::{Bytes, DynImage, ImageEXIF, ImageICC};

use crate::geometry::Size;
use crate::picture::Metadata;

/// The facts of a file's header.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) size: Size,
    pub(crate) has_alpha: bool,
    pub(crate) metadata: Metadata,
    /// Bytes that the decoder needs, besides its output, for each pixel of the file.
    pub(crate) per_input_pixel: u64,
    /// Bytes that the decoder needs, besides its output, for each pixel that it delivers.
    pub(crate) per_output_pixel: u64,
}

impl Header {
    /// Returns the bytes that the file, its profile and its EXIF take. Profile and EXIF are held here and by the decoder,
    /// and twice more while they are written into the result.
    pub(crate) fn carried(&self, file: u64) -> u64 {
        let length = |block: &Option<Vec<u8>>| block.as_ref().map_or(0, |block| block.len() as u64);
        file + 4 * (length(&self.metadata.profile) + length(&self.metadata.exif))
    }
}

/// Reads profile and EXIF of a JPEG, PNG or WebP file. A block that cannot be read is ignored: the pixels do not depend
/// on it.
pub(super) fn metadata(bytes: &Bytes) -> Metadata {
    match DynImage::from_bytes(bytes.clone()) {
        Ok(Some(parts)) => Metadata::new(
            parts.icc_profile().map(|profile| profile.to_vec()),
            parts.exif().map(|exif| exif.to_vec()),
        ),
        Ok(None) | Err(_) => Metadata::default(),
    }
}
