//! WebP by libwebp.

use webp::{BitstreamFeatures, Decoder, Encoder};

use super::{Header, metadata};
use crate::error::ImageError;
use crate::geometry::Size;
use crate::picture::{Channels, Metadata, Picture};

pub(super) fn header(bytes: &[u8]) -> Result<Header, ImageError> {
    let features = BitstreamFeatures::new(bytes)
        .ok_or_else(|| ImageError::corrupt("the WebP header makes no sense"))?;
    if features.has_animation() {
        return Err(ImageError::unsupported("an animated WebP"));
    }
    Ok(Header {
        size: Size::new(features.width(), features.height()),
        has_alpha: features.has_alpha(),
        metadata: metadata(bytes),
        // The colours of a lossless file, or the planes of a lossy one.
        scratch: 4,
        // The decoder's own copy of the pixels.
        beside: 4,
    })
}

pub(super) fn decode(bytes: &[u8], metadata: Metadata) -> Result<Picture, ImageError> {
    let image = Decoder::new(bytes)
        .decode()
        .ok_or_else(|| ImageError::corrupt("the WebP data ends early or makes no sense"))?;
    let channels = if image.is_alpha() {
        Channels::Rgba
    } else {
        Channels::Rgb
    };
    let size = Size::new(image.width(), image.height());
    Ok(Picture {
        size,
        channels,
        pixels: image.to_vec(),
        metadata,
    })
}

pub(super) fn encode(picture: &Picture, quality: u8) -> Result<Vec<u8>, ImageError> {
    let Size { width, height } = picture.size;
    if width > 16_383 || height > 16_383 {
        return Err(ImageError::encoding(format!(
            "WebP holds at most 16383 pixels each way, this is {width}x{height}"
        )));
    }
    let encoder = match picture.channels {
        Channels::Rgba => Encoder::from_rgba(&picture.pixels, width, height),
        _ => Encoder::from_rgb(&picture.pixels, width, height),
    };
    let encoded = encoder
        .encode_simple(false, f32::from(quality))
        .map_err(|error| ImageError::encoding(format!("{error:?}")))?;
    Ok(encoded.to_vec())
}
