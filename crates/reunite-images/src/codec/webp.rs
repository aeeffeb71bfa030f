//! WebP through libwebp; an animation is decoded to its first frame.

use img_parts::Bytes;
use webp::{BitstreamFeatures, Decoder, Encoder};

use super::header::{Header, metadata};
use crate::error::ImageError;
use crate::geometry::Size;
use crate::picture::{Channels, Metadata, Picture};

pub(super) fn header(bytes: &Bytes) -> Result<Header, ImageError> {
    let features = features(bytes)?;
    let is_animated = features.has_animation();
    let size = Size::new(features.width(), features.height());
    if is_animated {
        Frame::first(bytes)?.check(size)?;
    }
    Ok(Header {
        size,
        // A frame may cover only a part of the canvas.
        has_alpha: features.has_alpha() || is_animated,
        metadata: metadata(bytes),
        // The pixels of a lossless file, or the planes of a lossy one.
        per_input_pixel: 4,
        // The decoder's copy of the pixels, and for an animation the frame as well as its canvas.
        per_output_pixel: if is_animated { 8 } else { 4 },
    })
}

fn features(bytes: &[u8]) -> Result<BitstreamFeatures, ImageError> {
    BitstreamFeatures::new(bytes).ok_or_else(|| ImageError::corrupt("the WebP header is invalid"))
}

pub(super) fn decode(bytes: &[u8], metadata: Metadata) -> Result<Picture, ImageError> {
    let features = features(bytes)?;
    if !features.has_animation() {
        return still(bytes, metadata);
    }
    let canvas = Size::new(features.width(), features.height());
    let frame = Frame::first(bytes)?;
    frame.check(canvas)?;
    Ok(frame.on(canvas, still(&frame.file, metadata)?))
}

fn still(bytes: &[u8], metadata: Metadata) -> Result<Picture, ImageError> {
    let image = Decoder::new(bytes)
        .decode()
        .ok_or_else(|| ImageError::corrupt("the WebP data is truncated or invalid"))?;
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

/// The first frame of an animation, repacked as a WebP file.
struct Frame {
    x: u32,
    y: u32,
    size: Size,
    file: Vec<u8>,
}

impl Frame {
    fn first(bytes: &[u8]) -> Result<Self, ImageError> {
        Self::read(bytes)
            .ok_or_else(|| ImageError::corrupt("the animation's first frame is invalid"))
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let frame = Chunks(bytes.get(12..)?).find(|chunk| chunk.name == *b"ANMF")?;
        let number = |at: usize| {
            let three: [u8; 3] = frame.content.get(at..at + 3)?.try_into().ok()?;
            Some(u32::from_le_bytes([three[0], three[1], three[2], 0]))
        };
        let (width, height) = (number(6)?, number(9)?);
        // The header of an extended file: a flag for transparency, and the size.
        let mut extended = [0; 10];
        extended[0] = 0x10;
        extended[4..7].copy_from_slice(&width.to_le_bytes()[..3]);
        extended[7..10].copy_from_slice(&height.to_le_bytes()[..3]);
        let mut file = b"RIFF\0\0\0\0WEBP".to_vec();
        for chunk in Chunks(frame.content.get(16..)?) {
            if chunk.name == *b"ALPH" {
                push_chunk(*b"VP8X", &extended, &mut file);
            }
            push_chunk(chunk.name, chunk.content, &mut file);
            if matches!(&chunk.name, b"VP8 " | b"VP8L") {
                break;
            }
        }
        let length = u32::try_from(file.len() - 8).ok()?;
        file[4..8].copy_from_slice(&length.to_le_bytes());
        Some(Self {
            x: number(0)? * 2,
            y: number(3)? * 2,
            size: Size::new(width + 1, height + 1),
            file,
        })
    }

    /// Checks, before anything is decoded, that the frame has the size it declares and lies on the canvas.
    fn check(&self, canvas: Size) -> Result<(), ImageError> {
        let own = features(&self.file)?;
        if (own.width(), own.height()) != (self.size.width, self.size.height)
            || self.x + self.size.width > canvas.width
            || self.y + self.size.height > canvas.height
        {
            return Err(ImageError::corrupt(
                "the animation's first frame is invalid",
            ));
        }
        Ok(())
    }

    /// Draws the frame at its place on the canvas, which is transparent elsewhere.
    fn on(&self, canvas: Size, frame: Picture) -> Picture {
        if frame.size == canvas {
            return frame;
        }
        let (count, row) = (frame.channels.count(), canvas.width as usize * 4);
        let mut pixels = vec![0; row * canvas.height as usize];
        let below = pixels.chunks_exact_mut(row).skip(self.y as usize);
        let lines = frame.pixels.chunks_exact(frame.size.width as usize * count);
        for (to, from) in below.zip(lines) {
            let places = to.chunks_exact_mut(4).skip(self.x as usize);
            for (to, from) in places.zip(from.chunks_exact(count)) {
                to[3] = 255;
                to[..count].copy_from_slice(from);
            }
        }
        Picture {
            size: canvas,
            channels: Channels::Rgba,
            pixels,
            metadata: frame.metadata,
        }
    }
}

/// A chunk of a RIFF file.
struct Chunk<'a> {
    name: [u8; 4],
    content: &'a [u8],
}

/// An iterator over the chunks of a RIFF list, up to the first incomplete one.
struct Chunks<'a>(&'a [u8]);

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        let name = self.0.get(..4)?.try_into().ok()?;
        let length = u32::from_le_bytes(self.0.get(4..8)?.try_into().ok()?) as usize;
        let content = self.0.get(8..)?.get(..length)?;
        self.0 = self.0.get(8 + length + length % 2..).unwrap_or_default();
        Some(Chunk { name, content })
    }
}

/// Appends a chunk to a RIFF file.
fn push_chunk(name: [u8; 4], content: &[u8], file: &mut Vec<u8>) {
    file.extend(name);
    file.extend((content.len() as u32).to_le_bytes());
    file.extend(content);
    file.extend(&[0][..content.len() % 2]);
}

pub(super) fn encode(picture: &Picture, quality: u8) -> Result<Vec<u8>, ImageError> {
    let Size { width, height } = picture.size;
    if width > 16_383 || height > 16_383 {
        return Err(ImageError::encoding(format!(
            "WebP allows at most 16383 pixels per side, and this picture has {width}x{height}"
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
