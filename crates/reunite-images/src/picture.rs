//! Decoded pixels and their metadata.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::metadata::Orientation;

use crate::error::ImageError;
use crate::geometry::{Layout, Size};

/// A decoded picture with eight bits per channel.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) size: Size,
    pub(crate) channels: Channels,
    pub(crate) pixels: Vec<u8>,
    pub(crate) metadata: Metadata,
}

/// The channels of each pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channels {
    Gray,
    Rgb,
    Rgba,
}

impl Channels {
    pub(crate) fn count(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }

    /// Returns true if the header of a colour profile names these channels.
    pub(crate) fn are_described_by(self, profile: &[u8]) -> bool {
        let space: &[u8] = match self {
            Self::Gray => b"GRAY",
            Self::Rgb | Self::Rgba => b"RGB ",
        };
        profile.get(16..20) == Some(space)
    }

    fn pixel_type(self) -> PixelType {
        match self {
            Self::Gray => PixelType::U8,
            Self::Rgb => PixelType::U8x3,
            Self::Rgba => PixelType::U8x4,
        }
    }
}

/// The metadata of a file that concerns its pixels.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metadata {
    /// The turn that makes the stored picture upright.
    pub(crate) orientation: Option<Orientation>,
    /// The colour profile (ICC).
    pub(crate) profile: Option<Vec<u8>>,
    /// The EXIF block, starting with its TIFF header.
    pub(crate) exif: Option<Vec<u8>>,
}

impl Metadata {
    pub(crate) fn new(profile: Option<Vec<u8>>, exif: Option<Vec<u8>>) -> Self {
        let orientation = exif.as_deref().and_then(Orientation::from_exif_chunk);
        Self {
            orientation,
            profile,
            exif,
        }
    }

    /// Returns true if turning the picture upright exchanges width and height.
    pub(crate) fn swaps_sides(&self) -> bool {
        self.orientation
            .is_some_and(|orientation| orientation.to_exif() >= 5)
    }
}

impl Picture {
    /// Resamples the picture, which is still as stored, to a layout, which is upright.
    pub(crate) fn resize(self, layout: Layout) -> Result<Self, ImageError> {
        let exchange = self.metadata.swaps_sides();
        let (target, scaled) = (
            layout.target.exchanged_if(exchange),
            layout.scaled.exchanged_if(exchange),
        );
        if target == self.size && scaled == self.size {
            return Ok(self);
        }
        let pixel_type = self.channels.pixel_type();
        let source = ImageRef::new(self.size.width, self.size.height, &self.pixels, pixel_type)
            .map_err(ImageError::corrupt)?;
        let mut resized = Image::new(target.width, target.height, pixel_type);
        // The middle part of the source, which the target shows.
        let part = |length: u32, target: u32, scaled: u32| {
            let shown = f64::from(length) * f64::from(target) / f64::from(scaled);
            ((f64::from(length) - shown).max(0.0) / 2.0, shown)
        };
        let (left, width) = part(self.size.width, target.width, scaled.width);
        let (top, height) = part(self.size.height, target.height, scaled.height);
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
            .crop(left, top, width, height);
        Resizer::new()
            .resize(&source, &mut resized, &options)
            .map_err(ImageError::corrupt)?;
        Ok(Self {
            size: target,
            pixels: resized.into_vec(),
            ..self
        })
    }

    /// Turns the picture upright, and removes the orientation from its metadata.
    pub(crate) fn upright(mut self) -> Self {
        let Some(orientation) = self.metadata.orientation.take() else {
            return self;
        };
        if let Some(exif) = &mut self.metadata.exif {
            // Returns the orientation, which is known already.
            let _known = Orientation::remove_from_exif_chunk(exif);
        }
        let code = orientation.to_exif();
        if code == 1 {
            return self;
        }
        let Size { width, height } = self.size;
        let (w, h, n) = (width as usize, height as usize, self.channels.count());
        let turned = self.size.exchanged_if(code >= 5);
        let mut pixels = Vec::with_capacity(self.pixels.len());
        for y in 0..turned.height as usize {
            for x in 0..turned.width as usize {
                let (from_x, from_y) = match code {
                    2 => (w - 1 - x, y),
                    3 => (w - 1 - x, h - 1 - y),
                    4 => (x, h - 1 - y),
                    5 => (y, x),
                    6 => (y, h - 1 - x),
                    7 => (w - 1 - y, h - 1 - x),
                    _ => (w - 1 - y, x),
                };
                let at = (from_y * w + from_x) * n;
                pixels.extend_from_slice(&self.pixels[at..at + n]);
            }
        }
        Self {
            size: turned,
            pixels,
            ..self
        }
    }

    /// Returns the picture without transparency, laid over white.
    pub(crate) fn opaque(self) -> Self {
        if self.channels != Channels::Rgba {
            return self;
        }
        let over_white = |channel: u8, alpha: u8| {
            let (channel, alpha) = (u32::from(channel), u32::from(alpha));
            ((channel * alpha + 255 * (255 - alpha) + 127) / 255) as u8
        };
        let pixels = self
            .pixels
            .chunks_exact(4)
            .flat_map(|pixel| [0, 1, 2].map(|channel| over_white(pixel[channel], pixel[3])));
        Self {
            pixels: pixels.collect(),
            channels: Channels::Rgb,
            ..self
        }
    }

    /// Returns the picture with at least three channels, for formats without grey.
    pub(crate) fn coloured(self) -> Self {
        if self.channels != Channels::Gray {
            return self;
        }
        let pixels = self.pixels.iter().flat_map(|&gray| [gray; 3]).collect();
        Self {
            pixels,
            channels: Channels::Rgb,
            ..self
        }
    }
}
