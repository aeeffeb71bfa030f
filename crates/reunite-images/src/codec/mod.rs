//! Decoders and encoders: other people's, behind one shape.

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

pub(crate) fn header(format: InputFormat, bytes: &Bytes) -> Result<Header, ImageError> {
    contained(|| match format {
        InputFormat::Jpeg => jpeg::header(bytes),
        InputFormat::WebP => webp::header(bytes),
        other => raster::header(other, bytes),
    })
}

/// A decoder that panics over a damaged file has found it damaged. What it was given is dropped with it.
fn contained<T>(read: impl FnOnce() -> Result<T, ImageError>) -> Result<T, ImageError> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_told_by_the_hook| Err(ImageError::corrupt("its decoder gave up")))
}

/// Decodes to at least `needed` pixels each way (as stored), fewer than the file has where the format can.
pub(crate) fn decode(
    format: InputFormat,
    bytes: &[u8],
    metadata: Metadata,
    needed: Size,
) -> Result<Picture, ImageError> {
    contained(|| match format {
        InputFormat::Jpeg => jpeg::decode(bytes, metadata, needed),
        InputFormat::WebP => webp::decode(bytes, metadata),
        other => raster::decode(other, bytes, metadata),
    })
}

/// The size a decoder delivers when `needed` is asked of it.
pub(crate) fn decoded_size(format: InputFormat, size: Size, needed: Size) -> Size {
    match format {
        InputFormat::Jpeg => jpeg::decoded_size(size, needed),
        _ => size,
    }
}

/// Encodes the picture, and puts its profile and what is kept of its metadata into the file.
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
    // A profile of other colours than these (of a CMYK file's, say) would only mislead whoever reads them.
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
        .ok_or_else(|| ImageError::encoding("its parts are not known"))?;
    parts.set_icc_profile(profile.map(Into::into));
    parts.set_exif(exif.map(Into::into));
    Ok(parts.encoder().bytes().to_vec())
}
