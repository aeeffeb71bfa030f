//! A sunflower cut out of its background: soft edges, and nothing behind them.

use crate::canvas::{Canvas, Rgb};
use crate::noise::{Dice, fbm, noise, smooth};

/// The angle between one seed and the next (Vogel 1979).
const GOLDEN: f32 = 2.399_963_2;
const HEAD: f32 = 0.215;

pub(crate) fn picture(width: usize, height: usize, seed: u32) -> Canvas {
    let mut canvas = Canvas::clear(width, height);
    let mut dice = Dice::new(seed);
    let middle = canvas.aspect() / 2.0;
    for (ring, count, reach, tone) in [
        (0, 21, 0.265, 0.72),
        (1, 21, 0.245, 0.90),
        (2, 17, 0.215, 1.05),
    ] {
        for at in 0..count {
            let turn = (at as f32 + 0.5 * ring as f32 + dice.between(-0.18, 0.18)) / count as f32;
            let long = reach * dice.between(0.88, 1.06);
            let number = seed.wrapping_add(ring * 100 + at);
            petal(
                &mut canvas,
                middle,
                turn * std::f32::consts::TAU,
                long,
                tone * dice.between(0.9, 1.08),
                number,
            );
        }
    }
    disc(&mut canvas, middle, seed);
    canvas
}

fn petal(canvas: &mut Canvas, middle: f32, turn: f32, long: f32, tone: f32, seed: u32) {
    let soft = canvas.unit();
    let (sin, cos) = turn.sin_cos();
    let start = HEAD * 0.82;
    let at = (
        middle + (start + long / 2.0) * cos,
        0.5 + (start + long / 2.0) * sin,
    );
    let bend = 0.05 * noise(seed as f32 * 0.37, 0.5, seed);
    canvas.paint(at, (long * 0.62, long * 0.62), |dx, dy| {
        let along = (dx * cos + dy * sin) / long + 0.5;
        if !(0.0..=1.0).contains(&along) {
            return (Rgb::BLACK, 0.0);
        }
        let across = dy * cos - dx * sin - bend * long * (along * along);
        let wide =
            0.062 * (along * 1.02).powf(0.55) * (1.0 - along.powf(2.6)).max(0.0).sqrt() * 1.15;
        let cover = smooth(-soft, soft, wide - across.abs());
        let u = across / wide.max(1e-4);
        let vein = 0.5 + 0.5 * (u * 9.0 + 1.5 * noise(along * 3.0, 1.0, seed)).cos();
        let streak = fbm(u * 7.0, along * 2.5, 4, seed);
        let colour = Rgb::hex(0xd97a06)
            .mix(Rgb::hex(0xffc81e), smooth(0.0, 0.55, along))
            .mix(Rgb::hex(0xffdf55), smooth(0.6, 1.0, along) * 0.7);
        let crease = 1.0 - 0.32 * smooth(0.16, 0.0, u.abs());
        // Light from the upper left; the head throws a shadow on the root of each petal.
        let side = -sin * 0.10 - cos * 0.14 + u * (sin * 0.16 - cos * 0.10);
        let root = 0.45 + 0.55 * smooth(0.02, 0.30, along);
        let rim = 1.0 - 0.25 * smooth(0.82, 1.0, u.abs());
        (
            colour * tone * (0.84 + 0.10 * vein + 0.22 * streak + side) * crease * root * rim,
            cover,
        )
    });
}

fn disc(canvas: &mut Canvas, middle: f32, seed: u32) {
    let soft = canvas.unit();
    canvas.paint((middle, 0.5), (HEAD * 1.1, HEAD * 1.1), |dx, dy| {
        let far = dx.hypot(dy) / HEAD;
        let fringe = 0.03 * noise(dy.atan2(dx) * 24.0, 0.0, seed);
        let cover = smooth(soft / HEAD, -soft / HEAD, far - 1.0 - fringe);
        (
            Rgb::hex(0x2a1608).mix(Rgb::hex(0x3a2c0c), smooth(0.5, 0.0, far)) * 0.6,
            cover,
        )
    });
    let count = 1500;
    for number in (0..count).rev() {
        let part = (number as f32 + 0.5) / count as f32;
        let far = part.sqrt() * HEAD;
        let turn = number as f32 * GOLDEN;
        let (sin, cos) = turn.sin_cos();
        let at = (middle + far * cos, 0.5 + far * sin);
        let ring = far / HEAD;
        let long = 0.0058 + 0.0052 * ring;
        let wide = 0.0042 + 0.0012 * ring;
        // Green buds within, florets in bloom towards the edge, and a dark band between.
        let young = Rgb::hex(0x8a8a2c);
        let dark = Rgb::hex(0x4a2610);
        let bloom = Rgb::hex(0xe09a18);
        let colour = young
            .mix(dark, smooth(0.18, 0.52, ring))
            .mix(bloom, smooth(0.66, 0.90, ring));
        let tone = 0.8 + 0.4 * noise(number as f32 * 0.71, 0.3, seed);
        let dome = 0.95 - 0.32 * (cos * 0.6 + sin * 0.7) * ring;
        canvas.paint(at, (long, long), |dx, dy| {
            let (u, v) = ((dx * cos + dy * sin) / long, (dy * cos - dx * sin) / wide);
            let round = 1.0 - u * u - v * v;
            let cover = smooth(0.0, 0.25, round);
            let shine = (-((dx / long + 0.30).powi(2) + (dy / long + 0.35).powi(2)) * 7.0).exp();
            let light = 0.32
                + 0.80
                    * round.max(0.0).sqrt()
                    * smooth(0.9, -0.6, u * 0.4 + (dx + dy) / long * 0.5);
            (
                colour * (light * tone * dome) + Rgb::new(0.5, 0.42, 0.25) * (shine * 0.30 * dome),
                cover,
            )
        });
    }
}
