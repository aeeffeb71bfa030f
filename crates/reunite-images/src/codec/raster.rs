//! PNG, GIF, TIFF and BMP through the `image` crate.

use std::io::Cursor;

use image::codecs::png::PngEncoder;
use image::{
    DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageFormat, ImageReader,
};
use img_parts::Bytes;

use super::header::{Header, metadata as parts_metadata};
use crate::error::ImageError;
use crate::format::InputFormat;
use crate::geometry::Size;
use crate::picture::{Channels, Metadata, Picture};

/// The bytes that profiles, texts and tables may take: a few bytes of a file can declare or unpack to far more.
const METADATA_LIMIT: u64 = 32 << 20;

fn decoder(format: InputFormat, bytes: &[u8]) -> Result<impl ImageDecoder + '_, ImageError> {
    let (format, metadata_limit) = match format {
        // The pixels alone set the limit here: a frame may exceed its screen, but not by much.
        InputFormat::Gif => (ImageFormat::Gif, 0),
        InputFormat::Tiff => (ImageFormat::Tiff, METADATA_LIMIT),
        InputFormat::Bmp => (ImageFormat::Bmp, METADATA_LIMIT),
        _ => (ImageFormat::Png, METADATA_LIMIT),
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = image::Limits::no_limits();
    limits.max_alloc = Some(METADATA_LIMIT);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(error)?;
    // The pixels count against the caller's limit of pixels, so the memory that they need is allowed.
    limits.max_alloc = Some(
        decoder
            .total_bytes()
            .saturating_mul(2)
            .saturating_add(metadata_limit),
    );
    decoder.set_limits(limits).map_err(error)?;
    Ok(decoder)
}

pub(super) fn header(format: InputFormat, bytes: &Bytes) -> Result<Header, ImageError> {
    let mut decoder = decoder(format, bytes)?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(ImageError::corrupt("the header declares no pixels"));
    }
    let colour = decoder.color_type();
    // The strips of a TIFF and the frame of a GIF are decoded into a second buffer.
    let copies = match format {
        InputFormat::Tiff | InputFormat::Gif => 2,
        _ => 1,
    };
    let metadata = match format {
        InputFormat::Png => parts_metadata(bytes),
        _ => Metadata {
            orientation: decoder.orientation().ok(),
            profile: decoder.icc_profile().ok().flatten(),
            exif: None,
        },
    };
    Ok(Header {
        size: Size::new(width, height),
        has_alpha: colour.has_alpha(),
        metadata,
        // The decoder delivers the file's own depth, which is then converted to eight bits per channel.
        per_input_pixel: u64::from(colour.bytes_per_pixel()) * copies,
        per_output_pixel: 0,
    })
}

pub(super) fn decode(
    format: InputFormat,
    bytes: &[u8],
    metadata: Metadata,
) -> Result<Picture, ImageError> {
    let image = DynamicImage::from_decoder(decoder(format, bytes)?).map_err(error)?;
    let size = Size::new(image.width(), image.height());
    let (channels, pixels) = match (image.color().has_alpha(), image.color().has_color()) {
        (true, _) => (Channels::Rgba, image.into_rgba8().into_raw()),
        (false, true) => (Channels::Rgb, image.into_rgb8().into_raw()),
        (false, false) => (Channels::Gray, image.into_luma8().into_raw()),
    };
    Ok(Picture {
        size,
        channels,
        pixels,
        metadata,
    })
}

pub(super) fn encode_png(picture: &Picture) -> Result<Vec<u8>, ImageError> {
    let colour = match picture.channels {
        Channels::Gray => ExtendedColorType::L8,
        Channels::Rgb => ExtendedColorType::Rgb8,
        Channels::Rgba => ExtendedColorType::Rgba8,
    };
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes)
        .write_image(
            &picture.pixels,
            picture.size.width,
            picture.size.height,
            colour,
        )
        .map_err(ImageError::encoding)?;
    Ok(bytes)
}

fn error(error: image::ImageError) -> ImageError {
    match error {
        image::ImageError::Unsupported(what) => ImageError::unsupported(what.to_string()),
        image::ImageError::Limits(_) => {
            ImageError::corrupt("it needs far more memory than its pixels")
        }
        other => ImageError::corrupt(other),
    }
}
