//! One interface to the decoders and encoders of other crates.

mod header;
mod jpeg;
mod raster;
mod webp;

use std::panic::{AssertUnwindSafe, catch_unwind};

use img_parts::{Bytes, DynImage, ImageEXIF, ImageICC};

use crate::error::ImageError;
use crate::format::{InputFormat, OutputFormat};
use crate::geometry::Size;
use crate::picture::{Metadata, Picture};
use crate::transform::Transform;

pub(crate) use header::Header;

/// Reads the header of a file.
pub(crate) fn header(format: InputFormat, bytes: &Bytes) -> Result<Header, ImageError> {
    catch_panic(|| match format {
        InputFormat::Jpeg => jpeg::header(bytes),
        InputFormat::WebP => webp::header(bytes),
        other => raster::header(other, bytes),
    })
}

/// Calls a decoder and turns its panic, which damaged files can cause, into an error.
fn catch_panic<T>(read: impl FnOnce() -> Result<T, ImageError>) -> Result<T, ImageError> {
    // The panic hook has printed the panic already.
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_printed| Err(ImageError::corrupt("its decoder panicked")))
}

/// Decodes a picture to at least the size `needed` (as stored); to less than the file's size if the format allows it.
pub(crate) fn decode(
    format: InputFormat,
    bytes: &[u8],
    metadata: Metadata,
    needed: Size,
) -> Result<Picture, ImageError> {
    catch_panic(|| match format {
        InputFormat::Jpeg => jpeg::decode(bytes, metadata, needed),
        InputFormat::WebP => webp::decode(bytes, metadata),
        other => raster::decode(other, bytes, metadata),
    })
}

/// Returns the size that a decoder delivers when asked for at least `needed`.
pub(crate) fn decoded_size(format: InputFormat, size: Size, needed: Size) -> Size {
    match format {
        InputFormat::Jpeg => jpeg::decoded_size(size, needed),
        _ => size,
    }
}

/// Encodes the picture, and adds its profile and the metadata that is kept.
pub(crate) fn encode(
    picture: Picture,
    format: OutputFormat,
    transform: &Transform,
) -> Result<Vec<u8>, ImageError> {
    let mut picture = match format {
        OutputFormat::Jpeg => picture.opaque(),
        OutputFormat::WebP => picture.coloured(),
        OutputFormat::Png => picture,
    };
    let Metadata { profile, exif, .. } = std::mem::take(&mut picture.metadata);
    // A profile of other channels, such as that of a CMYK file, would make the colours wrong.
    let profile = profile.filter(|profile| picture.channels.are_described_by(profile));
    let exif = exif.filter(|_| !transform.strip);
    let bytes = match format {
        OutputFormat::Jpeg => jpeg::encode(picture, transform.quality)?,
        OutputFormat::Png => raster::encode_png(&picture)?,
        OutputFormat::WebP => webp::encode(&picture, transform.quality)?,
    };
    if profile.is_none() && exif.is_none() {
        return Ok(bytes);
    }
    let mut parts = DynImage::from_bytes(bytes.into())
        .map_err(ImageError::encoding)?
        .ok_or_else(|| ImageError::encoding("metadata cannot be added"))?;
    parts.set_icc_profile(profile.map(Into::into));
    parts.set_exif(exif.map(Into::into));
    Ok(parts.encoder().bytes().to_vec())
}
