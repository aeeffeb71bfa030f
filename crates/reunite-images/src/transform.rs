//! The settings of a transform.

use serde::{Deserialize, Serialize};

use crate::format::OutputFormat;
use crate::geometry::{Fit, Size};

/// The settings of a transform: the result's size, format, quality and metadata.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transform {
    /// The box that the upright picture is scaled to.
    pub size: Size,
    /// The way to fit the picture into the box.
    pub fit: Fit,
    /// True if pictures smaller than the box are scaled up.
    pub enlarge: bool,
    /// The format of the result; `None` keeps the file's format.
    pub format: Option<OutputFormat>,
    /// The quality of JPEG and WebP output, 1 to 100.
    pub quality: u8,
    /// True to remove EXIF metadata. The colour profile is always kept, unless the result has other channels than the
    /// profile.
    pub strip: bool,
    /// The most pixels that a header may declare; a file with more is refused.
    pub max_pixels: u64,
}

impl Default for Transform {
    /// Returns the default settings: a box of 512 × 512 pixels, quality 80, format and metadata kept, at most
    /// 268 megapixels.
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
