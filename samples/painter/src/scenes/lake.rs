//! A mountain lake at evening, after the snow.

use super::pines::fir;
use crate::canvas::{Canvas, Rgb, ramp};
use crate::noise::{Dice, cells, fbm, lerp, noise, ridges, smooth};
use crate::terrain::{Camera, Depths, Place, dot, normal, normalise, sunlight};

const HORIZON: f32 = 0.60;

pub(crate) fn picture(width: usize, height: usize, seed: u32) -> Canvas {
    let camera = Camera {
        x: 0.0,
        height: 0.04,
        z: 0.0,
        focal: 1.0,
        horizon: HORIZON,
    };
    let surface = |x: f32, z: f32| land(x, z, 9, seed).max(0.0);
    let depths = Depths::march((width * 2, height * 2), camera, (1.5, 34.0), surface);
    let middle = width as f32 / height as f32 / 2.0;
    let dry = |x: f32, y: f32| {
        depths
            .at(x, y)
            .filter(|at| land(at.x, at.z, 9, seed) > 0.0004)
    };
    let above = Canvas::render(width, height, 2, |x, y| match dry(x, y) {
        Some(place) => ground(place, seed),
        None if y > HORIZON => Rgb::hex(0x35462f) * 0.4,
        None => sky(x - middle, y, seed),
    });
    let mut canvas = Canvas::render(width, height, 1, |x, y| {
        let is_land = y <= HORIZON || dry(x, y).is_some();
        if is_land {
            above.at(x, y)
        } else {
            water(&above, x, y, middle, seed)
        }
    });
    shore(&mut canvas, seed);
    canvas
}

fn land(x: f32, z: f32, octaves: u32, seed: u32) -> f32 {
    let bend = fbm(x * 0.35, z * 0.35, 3, seed ^ 1);
    let valley = (x - 0.3 + 0.8 * bend).abs();
    // The shore is far in the middle and near at the sides.
    let shore = z - 6.4 + 1.4 * (valley - 1.1).max(0.0) + 1.1 * bend;
    if shore < -0.6 {
        return -0.2;
    }
    let rise = smooth(0.0, 9.0, shore) * 0.85 + smooth(0.0, 4.0, valley - 1.2) * 0.30;
    let peak = 1.9 * (-((x - 1.2).powi(2) / 5.0 + (z - 15.5).powi(2) / 9.0)).exp();
    let second = 1.1 * (-((x + 4.6).powi(2) / 6.0 + (z - 17.0).powi(2) / 8.0)).exp();
    let crest = ridges(x * 0.24 + 0.12 * bend + 3.7, z * 0.24, octaves, seed);
    let hills = 0.16 * fbm(x * 1.1, z * 1.1, octaves.min(5), seed ^ 7) + 0.12;
    let bank = 0.22 * smooth(0.0, 0.9, shore);
    let trees = if octaves > 6 && octaves < 11 {
        0.03 * smooth(0.02, 0.2, shore) * wood(x, z, seed)
    } else {
        0.0
    };
    let bare = -0.02
        + shore.min(0.3) * 0.12
        + hills * bank * 4.0
        + rise * (crest * 2.7 + 0.1)
        + (peak + second) * (0.45 + 1.1 * crest);
    bare + trees * smooth(0.95, 0.6, bare)
}

/// The tops of trees, from 0 to 1.
fn wood(x: f32, z: f32, seed: u32) -> f32 {
    let (near, _, number) = cells(x * 26.0, z * 26.0, seed ^ 99);
    (1.0 - near * 1.5).max(0.0) * (0.5 + (number & 255) as f32 / 510.0)
}

fn sun() -> [f32; 3] {
    normalise([-0.86, 0.36, -0.36])
}

fn ground(place: Place, seed: u32) -> Rgb {
    let Place { x, z, distance } = place;
    let level = land(x, z, 9, seed);
    let up = normal(x, z, 0.0012 * distance, |x, z| land(x, z, 11, seed));
    let seen = sunlight((x, z), sun(), (0.03, 7.0), |x, z| land(x, z, 6, seed));
    let rough = fbm(x * 9.0, z * 9.0, 5, seed ^ 3);
    let fine = fbm(x * 60.0, level * 90.0, 4, seed ^ 4);

    let rock = Rgb::hex(0x6b6058).mix(Rgb::hex(0x8f8377), 0.5 + fine)
        * (0.8 + 0.35 * (level * 30.0 + 3.0 * rough).sin() * 0.4);
    let snow_line = 1.05 + 0.6 * rough;
    let broad = normal(x, z, 0.05, |x, z| land(x, z, 11, seed));
    let steep = 1.0 - 0.7 * broad[1] - 0.3 * up[1];

    let snowy =
        smooth(snow_line - 0.25, snow_line + 0.35, level) * smooth(0.60, 0.40, steep + 0.10 * fine);
    let mut colour = rock.mix(Rgb::hex(0xf4f4f2) * 1.05, snowy);
    let tree_line = smooth(0.95, 0.55, level + 0.35 * rough) * smooth(0.62, 0.45, steep);
    let autumn = smooth(0.1, 0.5, noise(x * 2.3, z * 2.3, seed ^ 5));
    let leaves = Rgb::hex(0x22351f).mix(Rgb::hex(0x8a6a22), autumn * 0.8);
    let trees = leaves * (0.35 + 1.3 * wood(x, z, seed) + 0.3 * fine);
    colour = colour.mix(trees, tree_line);
    let meadow = Rgb::hex(0x6f6b32) * (0.9 + 0.5 * fine);
    colour = colour.mix(meadow, smooth(0.10, 0.02, level + 0.04 * rough) * 0.85);

    let facing = dot(up, sun()).max(0.0);
    let warm = Rgb::new(3.1, 2.15, 1.35) * (facing * seen);
    let cool = Rgb::new(0.30, 0.42, 0.66) * (0.55 + 0.45 * up[1]);
    let bounce = Rgb::new(0.16, 0.11, 0.08) * (1.0 - up[1]);
    let lit = colour * (warm + cool + bounce);

    // Air: blue with distance, thicker near the water.
    let thick = 1.0 - (-(distance - 2.0).max(0.0) * 0.034 * (0.35 + (-level * 1.6).exp())).exp();
    lit.mix(
        Rgb::hex(0xa9b9cf).mix(Rgb::hex(0xe6c7a8), smooth(3.0, -8.0, x)) * 0.75,
        thick,
    )
}

fn sky(x: f32, y: f32, seed: u32) -> Rgb {
    let stops = [
        (0.0, Rgb::hex(0x34609c) * 0.75),
        (0.25, Rgb::hex(0x6f98c6) * 0.85),
        (0.45, Rgb::hex(0xc7cfd6)),
        (0.56, Rgb::hex(0xf3d5b0)),
        (0.60, Rgb::hex(0xf6cf9f)),
    ];
    let clear = ramp(&stops, y) + Rgb::new(0.30, 0.16, 0.06) * smooth(0.4, -0.9, x) * y;
    // Clouds lie on a ceiling, so they crowd together towards the horizon.
    let far = 0.16 / (HORIZON + 0.03 - y).max(0.02);
    let (u, v) = (x * far * 3.0, far * 5.0);
    let drift = fbm(u * 0.5, v * 0.5, 3, seed ^ 11);
    let veil = fbm(u * 1.3 + drift * 1.5, v * 0.6 + u * 0.25, 7, seed ^ 12);
    let puff = fbm(u * 0.9 - 2.0, v * 1.5 + drift, 8, seed ^ 13);
    let cover = smooth(0.02, 0.5, puff + 0.1) * 0.75 + smooth(-0.1, 0.6, veil) * 0.45;
    let shade = fbm(u * 0.9 - 2.12, v * 1.5 + drift - 0.06, 8, seed ^ 13) - puff;
    let lit = Rgb::hex(0xffe3c4) * 1.25;
    let dark = Rgb::hex(0x93a0b8) * 0.8;
    clear.mix(
        lit.mix(dark, 0.35 - shade * 3.0),
        cover * smooth(0.62, 0.4, y),
    )
}

fn water(above: &Canvas, x: f32, y: f32, middle: f32, seed: u32) -> Rgb {
    let below = (y - HORIZON).max(0.0005);
    let far = 0.04 / below;
    let (wx, wz) = ((x - middle) * far, far);
    let breeze = smooth(-0.15, 0.5, fbm(wx * 1.2, wz * 0.8 + 0.3, 4, seed ^ 21));
    let chop = 0.25 + 1.1 * breeze;
    let waves = |phase: f32| {
        let slow = fbm(wx * 26.0 + phase, wz * 40.0, 3, seed ^ 22);
        let quick = fbm(wx * 130.0, wz * 190.0 + phase, 3, seed ^ 23);
        (slow * 0.6 + quick * 0.4 * smooth(0.004, 0.06, below)) * chop
    };
    let (lift, sway) = (waves(0.0), waves(40.0));
    let mut mirror = Rgb::BLACK;
    for tap in 0..5 {
        let spread = (tap as f32 - 2.0) * 0.0022 * (0.4 + chop);
        let up = HORIZON - below * 0.985 - (lift * 0.045 * below.sqrt() + spread).abs();
        mirror = mirror + above.at(x + sway * 0.004, up) * 0.2;
    }
    // Looking down one sees the ground, looking along only the mirror (Schlick's Fresnel).
    let slope = (below / (below * below + 1.0).sqrt() + lift * 0.04).clamp(0.0, 1.0);
    let fresnel = 0.04 + 0.96 * (1.0 - slope).powi(5);
    let deep = Rgb::hex(0x16424a) * 0.30;
    let (bx, bz) = (wx + lift * 0.002, wz + sway * 0.002);
    let (near, next, number) = cells(bx * 520.0, bz * 300.0, seed ^ 24);
    let (small, _, other) = cells(bx * 1300.0, bz * 800.0, seed ^ 25);
    let pick = (number & 255) as f32 / 255.0;
    let stone = Rgb::hex(0x4d4a42).mix(Rgb::hex(0x8d7a5c), pick)
        * (0.5 + 0.8 * smooth(0.0, 0.35, next - near))
        * (0.75 + 0.3 * (other & 255) as f32 / 255.0 * (1.0 - small));
    let shallow = smooth(
        0.20,
        0.42,
        below + 0.05 * fbm(wx * 9.0, wz * 9.0, 3, seed ^ 26),
    );
    let bed = deep.mix(stone * Rgb::new(0.42, 0.66, 0.62), shallow);
    bed.mix(mirror * 0.92, lerp(fresnel, 1.0, 0.25 * (1.0 - shallow)))
}

/// Paints what frames the view: firs on both sides, boulders at the water's edge.
fn shore(canvas: &mut Canvas, seed: u32) {
    let mut dice = Dice::new(seed ^ 41);
    let right = canvas.aspect();
    let dark = Rgb::hex(0x2c4024) * 0.62;
    let spots: [(f32, f32, f32); 9] = [
        (0.10, 0.76, 0.34),
        (0.015, 0.80, 0.60),
        (0.065, 0.83, 0.47),
        (0.15, 0.79, 0.19),
        (right - 0.19, 0.78, 0.17),
        (right - 0.13, 0.80, 0.30),
        (right - 0.03, 0.84, 0.68),
        (right - 0.085, 0.85, 0.50),
        (right - 0.005, 0.86, 0.40),
    ];
    bank(canvas, seed);
    for (at, (x, y, tall)) in spots.into_iter().enumerate() {
        let tint = dark * dice.between(0.8, 1.3);
        fir(
            canvas,
            (x, y),
            tall,
            tint,
            seed.wrapping_add(at as u32 * 13),
        );
    }
}

/// Two grassy points of land, one from each side.
fn bank(canvas: &mut Canvas, seed: u32) {
    let right = canvas.aspect();
    let soft = canvas.unit() * 1.5;
    canvas.paint((right / 2.0, 0.85), (right / 2.0, 0.2), |dx, dy| {
        let (x, y) = (dx + right / 2.0, dy + 0.85);
        let blades = fbm(x * 260.0, y * 60.0, 3, seed ^ 51);
        let wander = 0.02 * fbm(x * 14.0, 0.3, 4, seed ^ 52);
        let left_top = 0.765 + 0.32 * (x - 0.03).max(0.0) + 0.35 * x * x;
        let right_top = 0.775 + 0.30 * (right - x) + 0.45 * (right - x).powi(2);
        let top = left_top.min(right_top) + wander + 0.006 * blades;
        let left_foot = 0.865 - 0.22 * x;
        let right_foot = 0.885 - 0.27 * (right - x);
        let foot = if x < right / 2.0 {
            left_foot
        } else {
            right_foot
        } + 0.7 * wander
            + 0.006 * noise(x * 40.0, 0.7, seed ^ 55);
        let cover = smooth(-soft, soft, y - top) * smooth(soft, -soft, y - foot);
        let tufts = fbm(x * 40.0, y * 90.0, 5, seed ^ 53);
        let grass = Rgb::hex(0x4a4720).mix(Rgb::hex(0x7a6628), 0.5 + tufts);
        let stone = Rgb::hex(0x5a544c) * (0.8 + 0.8 * fbm(x * 70.0, y * 150.0, 4, seed ^ 54));
        let colour = grass.mix(stone, smooth(0.018, 0.004, foot - y + 0.01 * tufts));
        (
            colour * (0.28 + 0.35 * smooth(-0.6, 0.7, blades + tufts)),
            cover,
        )
    });
}
