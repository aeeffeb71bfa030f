//! A picture in linear light: rendered on all cores, painted on, and developed like film.

use std::ops::{Add, Mul};
use std::thread;

use crate::noise::{chance, lerp};

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rgb {
    pub(crate) r: f32,
    pub(crate) g: f32,
    pub(crate) b: f32,
}

impl Rgb {
    pub(crate) const BLACK: Self = Self {
        r: 0.0,
        g: 0.0,
        b: 0.0,
    };

    pub(crate) const fn new(r: f32, g: f32, b: f32) -> Self {
        Self { r, g, b }
    }

    /// A colour as designers write it, `0xRRGGBB`, made linear.
    pub(crate) fn hex(rgb: u32) -> Self {
        let linear = |shift: u32| ((rgb >> shift & 0xFF) as f32 / 255.0).powf(2.2);
        Self {
            r: linear(16),
            g: linear(8),
            b: linear(0),
        }
    }

    pub(crate) fn mix(self, other: Self, t: f32) -> Self {
        let t = t.clamp(0.0, 1.0);
        Self {
            r: lerp(self.r, other.r, t),
            g: lerp(self.g, other.g, t),
            b: lerp(self.b, other.b, t),
        }
    }
}

impl Add for Rgb {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            r: self.r + other.r,
            g: self.g + other.g,
            b: self.b + other.b,
        }
    }
}

impl Mul for Rgb {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self {
            r: self.r * other.r,
            g: self.g * other.g,
            b: self.b * other.b,
        }
    }
}

impl Mul<f32> for Rgb {
    type Output = Self;
    fn mul(self, by: f32) -> Self {
        Self {
            r: self.r * by,
            g: self.g * by,
            b: self.b * by,
        }
    }
}

/// Colours between stops, `at` rising.
pub(crate) fn ramp(stops: &[(f32, Rgb)], at: f32) -> Rgb {
    let mut below = stops[0];
    for &stop in stops {
        if at <= stop.0 {
            let t = (at - below.0) / (stop.0 - below.0).max(1e-6);
            return below.1.mix(stop.1, t);
        }
        below = stop;
    }
    below.1
}

/// Positions are in picture heights from the top left corner, so a scene looks the same at any size.
pub(crate) struct Canvas {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pixels: Vec<Rgb>,
    /// The opacity of each pixel: 1 everywhere except in cut-outs.
    alpha: Vec<f32>,
}

impl Canvas {
    /// Asks `shade` for the colour at `grid` × `grid` points of each pixel.
    pub(crate) fn render(
        width: usize,
        height: usize,
        grid: usize,
        shade: impl Fn(f32, f32) -> Rgb + Sync,
    ) -> Self {
        let mut pixels = vec![Rgb::BLACK; width * height];
        let unit = 1.0 / height as f32;
        let share = 1.0 / (grid * grid) as f32;
        in_rows(&mut pixels, width, |row, line| {
            for (column, pixel) in line.iter_mut().enumerate() {
                for sub in 0..grid * grid {
                    let dx = (sub % grid) as f32 + 0.5;
                    let dy = (sub / grid) as f32 + 0.5;
                    let x = (column as f32 + dx / grid as f32) * unit;
                    let y = (row as f32 + dy / grid as f32) * unit;
                    *pixel = *pixel + shade(x, y) * share;
                }
            }
        });
        Self {
            width,
            height,
            pixels,
            alpha: vec![1.0; width * height],
        }
    }

    /// A canvas on which nothing is painted yet, not even a ground.
    pub(crate) fn clear(width: usize, height: usize) -> Self {
        let (pixels, alpha) = (vec![Rgb::BLACK; width * height], vec![0.0; width * height]);
        Self {
            width,
            height,
            pixels,
            alpha,
        }
    }

    pub(crate) fn aspect(&self) -> f32 {
        self.width as f32 / self.height as f32
    }

    /// One pixel, in heights.
    pub(crate) fn unit(&self) -> f32 {
        1.0 / self.height as f32
    }

    /// The colour at a point, blended from the four pixels around it; the edge goes on for ever.
    pub(crate) fn at(&self, x: f32, y: f32) -> Rgb {
        let px = (x * self.height as f32 - 0.5).clamp(0.0, (self.width - 1) as f32);
        let py = (y * self.height as f32 - 0.5).clamp(0.0, (self.height - 1) as f32);
        let (left, top) = (px as usize, py as usize);
        let (right, bottom) = (
            (left + 1).min(self.width - 1),
            (top + 1).min(self.height - 1),
        );
        let (u, v) = (px - left as f32, py - top as f32);
        let row = |row: usize| {
            self.pixels[row * self.width + left].mix(self.pixels[row * self.width + right], u)
        };
        row(top).mix(row(bottom), v)
    }

    /// Paints over the box around (x, y): `brush` gets the offset from there and gives colour and cover.
    pub(crate) fn paint(
        &mut self,
        (x, y): (f32, f32),
        (reach_x, reach_y): (f32, f32),
        brush: impl Fn(f32, f32) -> (Rgb, f32),
    ) {
        let scale = self.height as f32;
        let columns = span(x - reach_x, x + reach_x, scale, self.width);
        for row in span(y - reach_y, y + reach_y, scale, self.height) {
            for column in columns.clone() {
                let dx = (column as f32 + 0.5) / scale - x;
                let dy = (row as f32 + 0.5) / scale - y;
                let (colour, cover) = brush(dx, dy);
                if cover > 0.0 {
                    let at = row * self.width + column;
                    let cover = cover.min(1.0);
                    let total = cover + self.alpha[at] * (1.0 - cover);
                    self.pixels[at] = self.pixels[at].mix(colour, cover / total);
                    self.alpha[at] = total;
                }
            }
        }
    }

    /// Adds light around (x, y), as a lamp does in mist.
    pub(crate) fn glow(&mut self, (x, y): (f32, f32), reach: f32, light: Rgb) {
        let scale = self.height as f32;
        let columns = span(x - reach, x + reach, scale, self.width);
        for row in span(y - reach, y + reach, scale, self.height) {
            for column in columns.clone() {
                let dx = ((column as f32 + 0.5) / scale - x) / reach;
                let dy = ((row as f32 + 0.5) / scale - y) / reach;
                let far = dx.mul_add(dx, dy * dy);
                if far < 1.0 {
                    let at = row * self.width + column;
                    let falloff = (1.0 - far).powi(2) / (1.0 + 30.0 * far);
                    self.pixels[at] = self.pixels[at] + light * falloff;
                }
            }
        }
    }

    /// To 8 bits: a film's curve, then grain of `grain` levels, which also hides banding.
    pub(crate) fn develop(&self, exposure: f32, grain: f32, seed: u32) -> Vec<u8> {
        let mut bytes = vec![0; self.pixels.len() * 3];
        in_rows(&mut bytes, self.width * 3, |row, line| {
            for (column, out) in line.chunks_exact_mut(3).enumerate() {
                let pixel = self.pixels[row * self.width + column] * exposure;
                let (x, y) = (column as i32, row as i32);
                let speck = chance(x, y, seed) + chance(x, y, seed ^ 0xF117) - 1.0;
                for (out, light) in out.iter_mut().zip([pixel.r, pixel.g, pixel.b]) {
                    let level = film(light).powf(1.0 / 2.2) * 255.0;
                    *out = (level + speck * grain.max(0.5) + 0.5) as u8;
                }
            }
        });
        bytes
    }

    /// To 8 bits with alpha, without grain.
    pub(crate) fn develop_cutout(&self) -> Vec<u8> {
        let rgb = self.develop(1.0, 0.0, 0);
        let alpha = self.alpha.iter().map(|alpha| (alpha * 255.0 + 0.5) as u8);
        rgb.chunks_exact(3)
            .zip(alpha)
            .flat_map(|(rgb, a)| [rgb[0], rgb[1], rgb[2], a])
            .collect()
    }
}

/// Hable's and Narkowicz's fit of a film's response.
fn film(x: f32) -> f32 {
    let x = x.max(0.0);
    (x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14)).clamp(0.0, 1.0)
}

fn span(from: f32, to: f32, scale: f32, limit: usize) -> std::ops::Range<usize> {
    let start = (from * scale).max(0.0) as usize;
    let end = ((to * scale).max(0.0) as usize + 1).min(limit);
    start.min(end)..end
}

/// Hands the rows of `cells` to all cores in turn.
pub(crate) fn in_rows<T: Send>(
    cells: &mut [T],
    width: usize,
    work: impl Fn(usize, &mut [T]) + Sync,
) {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut shares: Vec<Vec<(usize, &mut [T])>> = (0..cores).map(|_| Vec::new()).collect();
    for (row, line) in cells.chunks_mut(width).enumerate() {
        shares[row % cores].push((row, line));
    }
    thread::scope(|scope| {
        for share in shares {
            scope.spawn(|| share.into_iter().for_each(|(row, line)| work(row, line)));
        }
    });
}
