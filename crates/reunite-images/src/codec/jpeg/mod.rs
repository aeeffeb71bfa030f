//! JPEG through libjpeg-turbo-rs. Decoding scales in the DCT, so most of the pixels that a small result does not need
//! are never computed.

mod scans;

use img_parts::Bytes;
use libjpeg_turbo_rs::{
    Decoder, Encoder, FrameHeader, JpegError, PixelFormat, ScalingFactor, Subsampling,
};

use super::header::{Header, metadata};
use crate::error::ImageError;
use crate::geometry::Size;
use crate::picture::{Channels, Metadata, Picture};

pub(super) fn header(bytes: &Bytes) -> Result<Header, ImageError> {
    let decoder = Decoder::new(bytes).map_err(error)?;
    let frame = decoder.header();
    let components = frame.components.len() as u64;
    Ok(Header {
        size: size(frame)?,
        has_alpha: false,
        metadata: metadata(bytes),
        // A progressive file is held as 16-bit coefficients until its last scan.
        per_input_pixel: if frame.is_progressive {
            2 * components
        } else {
            0
        },
        // The planes before they are interleaved, and the fourth channel.
        per_output_pixel: components + u64::from(components > 3),
    })
}

fn size(frame: &FrameHeader) -> Result<Size, ImageError> {
    if frame.width == 0 || frame.height == 0 {
        return Err(ImageError::corrupt("the header declares no pixels"));
    }
    Ok(Size::new(frame.width.into(), frame.height.into()))
}

/// Returns the scale of the decoder in eighths: the smallest one that still gives twice the needed pixels per side, so
/// that the resampler that follows decides the quality.
fn eighths(size: Size, needed: Size) -> u32 {
    let enough = |eighths: u32| {
        let scaled = |length: u32| u64::from(length) * u64::from(eighths) / 8;
        scaled(size.width) >= 2 * u64::from(needed.width)
            && scaled(size.height) >= 2 * u64::from(needed.height)
    };
    (1..8).find(|&eighths| enough(eighths)).unwrap_or(8)
}

pub(super) fn decoded_size(size: Size, needed: Size) -> Size {
    let eighths = eighths(size, needed);
    let scaled = |length: u32| (u64::from(length) * u64::from(eighths)).div_ceil(8) as u32;
    Size::new(scaled(size.width), scaled(size.height))
}

pub(super) fn decode(
    bytes: &[u8],
    metadata: Metadata,
    needed: Size,
) -> Result<Picture, ImageError> {
    scans::check(bytes)?;
    let mut decoder = Decoder::new(bytes).map_err(error)?;
    let frame = decoder.header();
    let components = frame.components.len();
    let eighths = eighths(size(frame)?, needed);
    let format = match components {
        1 => PixelFormat::Grayscale,
        3 => PixelFormat::Rgb,
        4 => PixelFormat::Cmyk,
        n => return Err(ImageError::unsupported(format!("a JPEG of {n} components"))),
    };
    decoder.set_scale(ScalingFactor::new(eighths, 8));
    decoder.set_output_format(format);
    // Truncated or invalid data is an error and not decoded to a grey area.
    decoder.set_lenient(false);
    decoder.set_stop_on_warning(true);
    let image = decoder.decode_image().map_err(error)?;
    let (channels, pixels) = match format {
        PixelFormat::Grayscale => (Channels::Gray, image.data),
        PixelFormat::Cmyk => (Channels::Rgb, rgb_of_inverted_cmyk(&image.data)),
        _ => (Channels::Rgb, image.data),
    };
    let size = Size::new(image.width as u32, image.height as u32);
    if pixels.len() as u64 != size.pixels() * channels.count() as u64 {
        return Err(ImageError::corrupt(
            "the decoder delivered a wrong number of pixels",
        ));
    }
    Ok(Picture {
        size,
        channels,
        pixels,
        metadata,
    })
}

/// Converts inverted CMYK, as Adobe's programs write it, to RGB: 255 means no ink.
fn rgb_of_inverted_cmyk(pixels: &[u8]) -> Vec<u8> {
    let mix = |colour: u8, black: u8| ((u16::from(colour) * u16::from(black) + 127) / 255) as u8;
    pixels
        .chunks_exact(4)
        .flat_map(|p| [mix(p[0], p[3]), mix(p[1], p[3]), mix(p[2], p[3])])
        .collect()
}

pub(super) fn encode(picture: Picture, quality: u8) -> Result<Vec<u8>, ImageError> {
    let format = match picture.channels {
        Channels::Gray => PixelFormat::Grayscale,
        Channels::Rgb => PixelFormat::Rgb,
        Channels::Rgba => return Err(ImageError::encoding("JPEG has no transparency")),
    };
    let (width, height) = (picture.size.width as usize, picture.size.height as usize);
    // At high quality the blur that subsampling gives to colour edges would be visible.
    let subsampling = if quality >= 90 {
        Subsampling::S444
    } else {
        Subsampling::S420
    };
    Encoder::new(&picture.pixels, width, height, format)
        .quality(quality)
        .subsampling(subsampling)
        .optimize_huffman(true)
        .encode()
        .map_err(ImageError::encoding)
}

fn error(error: JpegError) -> ImageError {
    match error {
        JpegError::Unsupported(what) => ImageError::unsupported(format!("a JPEG with {what}")),
        other => ImageError::corrupt(other),
    }
}
