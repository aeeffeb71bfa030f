//! What a codec reads from a file before it decodes a pixel.

use img_parts::{Bytes, DynImage, ImageEXIF, ImageICC};

use crate::geometry::Size;
use crate::picture::Metadata;

/// What a file's header says.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) size: Size,
    pub(crate) has_alpha: bool,
    pub(crate) metadata: Metadata,
    /// Bytes that the decoder needs beside its output for each pixel of the file,
    pub(crate) scratch: u64,
    /// and for each pixel that it delivers.
    pub(crate) beside: u64,
}

impl Header {
    /// Bytes that the file takes in which profile and EXIF are found, and that they take: held here and by
    /// the decoder, then twice more on their way into the result.
    pub(crate) fn carried(&self, file: u64) -> u64 {
        let length = |block: &Option<Vec<u8>>| block.as_ref().map_or(0, |block| block.len() as u64);
        file + 4 * (length(&self.metadata.profile) + length(&self.metadata.exif))
    }
}

/// Profile and EXIF of a JPEG, PNG or WebP file. A block that cannot be read is as good as none: the
/// pixels do not depend on it.
pub(super) fn metadata(bytes: &Bytes) -> Metadata {
    match DynImage::from_bytes(bytes.clone()) {
        Ok(Some(parts)) => Metadata::new(
            parts.icc_profile().map(|profile| profile.to_vec()),
            parts.exif().map(|exif| exif.to_vec()),
        ),
        Ok(None) | Err(_) => Metadata::default(),
    }
}
