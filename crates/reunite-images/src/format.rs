//! File formats, recognised by content or by extension.

use std::fmt;
use std::path::Path;

use crate::error::ImageError;

/// A format that can be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputFormat {
    /// JPEG, progressive and CMYK included.
    Jpeg,
    /// PNG.
    Png,
    /// WebP; the first frame of an animation.
    WebP,
    /// GIF; the first frame.
    Gif,
    /// TIFF; the first page.
    Tiff,
    /// Windows bitmap.
    Bmp,
}

impl InputFormat {
    /// Recognises the format by the first bytes of the file; 16 are enough. The file's name does not matter.
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [
                b'R',
                b'I',
                b'F',
                b'F',
                _,
                _,
                _,
                _,
                b'W',
                b'E',
                b'B',
                b'P',
                ..,
            ] => Some(Self::WebP),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => Some(Self::Tiff),
            [b'B', b'M', ..] => Some(Self::Bmp),
            _ => None,
        }
    }

    /// Recognises the format as [`sniff`](Self::sniff) does, with an error if it is unknown.
    pub(crate) fn of(bytes: &[u8]) -> Result<Self, ImageError> {
        Self::sniff(bytes).ok_or_else(|| {
            ImageError::unsupported(if bytes.is_empty() {
                "the file is empty"
            } else {
                "its content is not JPEG, PNG, WebP, GIF, TIFF or BMP"
            })
        })
    }

    /// Recognises the format by a file's extension.
    pub fn from_path(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "jpg" | "jpeg" | "jpe" | "jfif" => Some(Self::Jpeg),
            "png" => Some(Self::Png),
            "webp" => Some(Self::WebP),
            "gif" => Some(Self::Gif),
            "tif" | "tiff" => Some(Self::Tiff),
            "bmp" | "dib" => Some(Self::Bmp),
            _ => None,
        }
    }

    /// Returns the output format that keeps this format: the same one, or PNG for a format that cannot be encoded.
    pub fn kept(self) -> OutputFormat {
        match self {
            Self::Jpeg => OutputFormat::Jpeg,
            Self::WebP => OutputFormat::WebP,
            Self::Png | Self::Gif | Self::Tiff | Self::Bmp => OutputFormat::Png,
        }
    }
}

/// A format that can be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum OutputFormat {
    /// JPEG; transparent pixels are laid over white.
    Jpeg,
    /// PNG, lossless.
    Png,
    /// WebP, lossy.
    WebP,
}

impl OutputFormat {
    /// Returns the usual extension, without a dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::WebP => "webp",
        }
    }

    /// Returns true if `path` already has one of the extensions of this format.
    pub fn is_extension_of(self, path: &Path) -> bool {
        InputFormat::from_path(path).is_some_and(|format| match self {
            Self::Jpeg => format == InputFormat::Jpeg,
            Self::Png => format == InputFormat::Png,
            Self::WebP => format == InputFormat::WebP,
        })
    }
}

impl fmt::Display for OutputFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WebP",
        })
    }
}
