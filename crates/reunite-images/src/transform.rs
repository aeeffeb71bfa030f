//! What is wanted of a picture.

use serde::{Deserialize, Serialize};

use crate::format::OutputFormat;
use crate::geometry::{Fit, Size};

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
