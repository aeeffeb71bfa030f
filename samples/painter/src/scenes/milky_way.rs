//! The Milky Way above a ridge, and a tent with a light in it.

use super::pines::fir;
use crate::canvas::{Canvas, Rgb, ramp};
use crate::noise::{Dice, fbm, noise, ridges, smooth};

pub(crate) fn picture(width: usize, height: usize, seed: u32) -> Canvas {
    let mut canvas = Canvas::render(width, height, 1, |x, y| sky(x, y, seed));
    stars(&mut canvas, seed);
    hills(&mut canvas, seed);
    camp(&mut canvas, seed);
    canvas
}

/// Along the band and across it.
fn band(x: f32, y: f32) -> (f32, f32) {
    let (dx, dy) = (x - 0.93, y - 0.36);
    (dx * 0.50 - dy * 0.866, dx * 0.866 + dy * 0.50)
}

fn sky(x: f32, y: f32, seed: u32) -> Rgb {
    let stops = [
        (0.0, Rgb::hex(0x0a1024)),
        (0.45, Rgb::hex(0x131d3a)),
        (0.68, Rgb::hex(0x26385a)),
        (0.80, Rgb::hex(0x5a6a72)),
        (0.90, Rgb::hex(0x9a7c58)),
    ];
    let airglow =
        Rgb::hex(0x2f6a4a) * 0.25 * smooth(0.35, 0.75, y + 0.12 * fbm(x * 2.0, y * 5.0, 4, seed));
    let (along, across) = band(x, y);
    let warp = 0.09 * fbm(along * 3.0, across * 3.0, 4, seed ^ 1);
    let width = 0.13 + 0.05 * (-(along + 0.25).powi(2) * 6.0).exp();
    let core = (-((across + warp) / width).powi(2)).exp();
    let bulge = (-((along + 0.22) / 0.22).powi(2) - ((across + warp * 0.5) / 0.12).powi(2)).exp();
    let clouds = 0.55 + 0.75 * fbm(along * 7.0, across * 9.0, 7, seed ^ 2);
    let lane = fbm(
        along * 2.2 + warp * 5.0,
        across * 9.0 + warp * 10.0,
        8,
        seed ^ 3,
    );
    let dust = smooth(
        -0.02,
        0.30,
        lane + 0.10 - (across + 0.6 * warp - 0.02).abs() * 1.8,
    );
    let silver = Rgb::hex(0x8fa3d0) * core * clouds.max(0.0) * 0.42;
    let gold = Rgb::hex(0xffd2a0) * bulge * clouds.max(0.0) * 0.34;
    let pink = Rgb::hex(0xd05a78)
        * smooth(
            0.42,
            0.62,
            fbm(along * 9.0, across * 9.0, 5, seed ^ 4) + 0.25 * core,
        )
        * core
        * 0.25;
    let milky = (silver + gold + pink) * (1.0 - 0.80 * dust * core.max(bulge).sqrt());
    ramp(&stops, y) * 0.9 + airglow + milky * smooth(0.95, 0.55, y)
}

fn stars(canvas: &mut Canvas, seed: u32) {
    let mut dice = Dice::new(seed ^ 5);
    let unit = canvas.unit();
    let right = canvas.aspect();
    for _ in 0..60_000 {
        let (x, y) = (dice.between(0.0, right), dice.between(0.0, 0.9));
        let (along, across) = band(x, y);
        let crowd = 0.12 + 0.88 * (-(across / 0.17).powi(2)).exp();
        let clump = smooth(-0.5, 0.6, fbm(along * 8.0, across * 8.0, 4, seed ^ 6));
        let (luck, size, hue) = (dice.roll(), dice.roll(), dice.roll());
        if luck > crowd * (0.35 + 0.65 * clump) {
            continue;
        }
        let bright = 0.045 / (size + 0.004).powf(0.85);
        let colour = ramp(
            &[
                (0.0, Rgb::hex(0xffc08a)),
                (0.4, Rgb::hex(0xfff4e6)),
                (1.0, Rgb::hex(0xaecbff)),
            ],
            hue,
        );
        let thin = smooth(0.9, 0.6, y);
        let spot = (0.00042 + 0.00018 * bright.min(6.0).sqrt()).max(unit * 0.6);
        canvas.paint((x, y), (spot * 3.0, spot * 3.0), |dx, dy| {
            let cover = (-(dx * dx + dy * dy) / (spot * spot)).exp() * bright * thin;
            (colour * bright.clamp(0.8, 3.0), cover * 0.8)
        });
        if bright > 3.0 {
            canvas.glow((x, y), 0.006 * bright.sqrt(), colour * 0.5 * thin);
        }
    }
}

fn hills(canvas: &mut Canvas, seed: u32) {
    let right = canvas.aspect();
    let soft = canvas.unit();
    let layers = [
        (0.76, 0.20, 0.9, Rgb::hex(0x2d3a4c), 8),
        (0.82, 0.13, 1.4, Rgb::hex(0x1b2533), 7),
        (0.885, 0.05, 2.2, Rgb::hex(0x0e151d), 5),
    ];
    for (at, (base, tall, rate, colour, octaves)) in layers.into_iter().enumerate() {
        let number = seed.wrapping_add(70 + at as u32);
        canvas.paint((right / 2.0, 0.8), (right / 2.0, 0.25), |dx, dy| {
            let (x, y) = (dx + right / 2.0, dy + 0.8);
            let crest = base + 0.06 - tall * 1.5 * (ridges(x * rate, 0.3, octaves, number) - 0.12);
            let trees = 0.006 * at as f32 * noise(x * 240.0, 0.1, number).abs();
            let mist =
                Rgb::hex(0x6a7484) * 0.10 * smooth(base - 0.06, base + 0.14, y) * (2 - at) as f32;
            (colour * 0.6 + mist, smooth(-soft, soft, y - crest + trees))
        });
    }
}

fn camp(canvas: &mut Canvas, seed: u32) {
    let right = canvas.aspect();
    let soft = canvas.unit() * 1.2;
    let (tent, floor) = (right * 0.36, 0.935);
    let mut dice = Dice::new(seed ^ 8);
    canvas.paint((right / 2.0, 0.95), (right / 2.0, 0.1), |dx, dy| {
        let (x, y) = (dx + right / 2.0, dy + 0.95);
        let top = 0.925 + 0.018 * fbm(x * 3.0, 0.4, 5, seed ^ 9)
            - 0.003 * noise(x * 300.0, 0.0, seed).abs();
        let grass = 0.5 + fbm(x * 120.0, y * 70.0, 4, seed ^ 10);
        let lamp = 1.0
            / (1.0 + (((x - tent) / 0.075).powi(2) + ((y - floor - 0.012) / 0.022).powi(2)) * 1.4);
        let colour =
            Rgb::hex(0x0b110d) * (0.3 + 0.7 * grass) + Rgb::new(0.20, 0.10, 0.025) * lamp * grass;
        (colour, smooth(-soft, soft, y - top))
    });
    let dark = Rgb::hex(0x0c1414) * 0.7;
    for at in 0..46_u32 {
        let x = dice.between(-0.02, right + 0.02);
        let edge = ((x / right - 0.4).abs() * 2.0).powf(1.6);
        let tall = dice.between(0.04, 0.10) + 0.26 * edge * dice.between(0.4, 1.0);
        if (x - tent).abs() > 0.09 {
            fir(
                canvas,
                (x, dice.between(0.925, 0.965)),
                tall,
                dark,
                seed.wrapping_add(at * 17),
            );
        }
    }
    canvas.glow((tent, floor - 0.02), 0.22, Rgb::new(0.9, 0.42, 0.12) * 0.22);
    canvas.paint((tent, floor - 0.01), (0.07, 0.05), |dx, dy| {
        let down = (dy + 0.04) / 0.062;
        let half = 0.058 * (1.0 - (1.0 - down).clamp(0.0, 1.0).powf(1.5)).max(0.0);
        let cover = smooth(-soft, soft, half - dx.abs())
            * smooth(0.0, 0.03, down)
            * smooth(1.0, 0.97, down);
        let seam = smooth(0.0022, 0.0008, (dx + 0.010 - 0.012 * down).abs())
            + smooth(0.0022, 0.0008, (dx - 0.035 * down).abs());
        let heat = 0.10 + 0.62 * (-(dx * dx / 0.0009 + (down - 0.72).powi(2) * 5.0)).exp();
        let cloth = Rgb::new(1.9, 0.62, 0.10) * heat * (1.0 - 0.45 * seam.min(1.0));
        (cloth, cover)
    });
}
