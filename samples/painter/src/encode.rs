//! Pixels to files.

use std::fs;
use std::path::{Path, PathBuf};

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use crate::exif::Exif;

/// Eight-bit pixels, three bytes each.
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) rgb: Vec<u8>,
}

impl Picture {
    /// Returns the picture as a camera held on its side stores it: `orientation` 6 turns it back clockwise, 8 the other way.
    pub(crate) fn laid_on_its_side(self, orientation: u16) -> Self {
        let (width, height) = (self.height, self.width);
        let mut rgb = Vec::with_capacity(self.rgb.len());
        for y in 0..height {
            for x in 0..width {
                let (from_x, from_y) = match orientation {
                    6 => (self.width - 1 - y, x),
                    8 => (y, self.height - 1 - x),
                    other => unreachable!("no sample is shot with orientation {other}"),
                };
                let at = (from_y * self.width + from_x) * 3;
                rgb.extend_from_slice(&self.rgb[at..at + 3]);
            }
        }
        Self { width, height, rgb }
    }

    /// Chroma at half size both ways, as cameras do.
    pub(crate) fn jpeg(
        &self,
        quality: u8,
        exif: Option<Exif>,
        profile: Option<&[u8]>,
    ) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, quality);
        encoder.set_sampling_factor(SamplingFactor::F_2_2);
        encoder.set_optimized_huffman_tables(true);
        if let Some(exif) = exif {
            let block = exif.to_tiff();
            encoder
                .add_exif_metadata(&block)
                .map_err(|why| why.to_string())?;
        }
        if let Some(profile) = profile {
            encoder
                .add_icc_profile(profile)
                .map_err(|why| why.to_string())?;
        }
        encoder
            .encode(
                &self.rgb,
                self.width as u16,
                self.height as u16,
                ColorType::Rgb,
            )
            .map_err(|why| why.to_string())?;
        Ok(bytes)
    }

    pub(crate) fn webp(&self, quality: f32) -> Vec<u8> {
        webp::Encoder::from_rgb(&self.rgb, self.width as u32, self.height as u32)
            .encode(quality)
            .to_vec()
    }
}

pub(crate) fn png(width: usize, height: usize, rgba: &[u8]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::Adaptive);
    let mut writer = encoder.write_header().map_err(|why| why.to_string())?;
    writer
        .write_image_data(rgba)
        .map_err(|why| why.to_string())?;
    writer.finish().map_err(|why| why.to_string())?;
    Ok(bytes)
}

pub(crate) fn save(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let folder = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    fs::create_dir_all(&folder).map_err(|why| format!("{}: {why}", folder.display()))?;
    fs::write(path, bytes).map_err(|why| format!("{}: {why}", path.display()))
}
