//! Dunes in low light.

use crate::canvas::{Canvas, Rgb, ramp};
use crate::noise::{fbm, noise, smooth};
use crate::terrain::{Camera, Depths, Place, dot, normal, normalise, sunlight};

const HORIZON: f32 = 0.30;

pub(crate) fn picture(width: usize, height: usize, seed: u32) -> Canvas {
    let camera = Camera {
        x: 0.0,
        height: 1.55,
        z: 0.0,
        focal: 1.05,
        horizon: HORIZON,
    };
    let depths = Depths::march((width * 2, height * 2), camera, (0.9, 90.0), |x, z| {
        land(x, z, seed)
    });
    let middle = width as f32 / height as f32 / 2.0;
    Canvas::render(width, height, 2, |x, y| match depths.at(x, y) {
        Some(place) => sand(place, seed),
        None => sky(x - middle, y, seed),
    })
}

/// Long windward slopes, short steep lee slopes, crests that wander.
fn land(x: f32, z: f32, seed: u32) -> f32 {
    let wander = 1.5 * noise(x * 0.16, z * 0.10, seed) + 0.5 * noise(x * 0.42, z * 0.3, seed ^ 1);
    let chain = |across: f32, length: f32, tall: f32, number: u32| {
        let phase = across / length;
        let t = phase.rem_euclid(1.0);
        let lee = 0.70;
        let profile = if t < lee {
            smooth(0.0, lee * 1.5, t) * 1.35
        } else {
            1.0 - smooth(lee - 0.08, 1.0, t) * 1.0
        };
        let top = smooth(0.0, lee * 1.5, lee) * 1.35;
        let lee_side = top * (1.0 - smooth(lee, 1.0, t).powf(0.8));
        let size = 0.65 + 0.55 * noise(x * 0.11, phase.floor() * 3.1, number);
        tall * size * if t < lee { profile } else { lee_side }
    };
    let main = chain(z * 0.8 + x * 0.55 + wander * 1.6, 5.2, 1.15, seed ^ 2);
    let far = smooth(14.0, 50.0, z) * 2.6 * fbm(x * 0.05, z * 0.05, 3, seed ^ 3).max(0.0);
    main + far + 0.16 * noise(x * 0.3, z * 0.3, seed ^ 4) - 0.2
}

fn sun() -> [f32; 3] {
    normalise([0.80, 0.30, 0.42])
}

fn sand(place: Place, seed: u32) -> Rgb {
    let Place { x, z, distance } = place;
    let broad = normal(x, z, 0.004 + 0.001 * distance, |x, z| land(x, z, seed));
    // Wind ripples: crests across the wind that bend with the slope, gone where they would be too fine.
    let bend = 0.9 * noise(x * 1.3, z * 1.3, seed ^ 5) + 0.35 * noise(x * 4.0, z * 4.0, seed ^ 6);
    let phase = (x * 0.62 + z * 0.78) * 46.0 + bend * 7.0 + land(x, z, seed) * 16.0;
    let strength = 0.20 * smooth(16.0, 2.0, distance) * smooth(0.72, 0.90, broad[1]);
    let ripple = phase.cos() + 0.35 * (2.0 * phase + 0.8).cos();
    let grain = fbm(x * 90.0, z * 90.0, 3, seed ^ 7) * smooth(9.0, 1.0, distance);
    let up = normalise([
        broad[0] + strength * 0.62 * ripple,
        broad[1],
        broad[2] + strength * 0.78 * ripple,
    ]);
    let seen = sunlight((x, z), sun(), (0.05, 9.0), |x, z| land(x, z, seed));
    let facing = dot(up, sun()).max(0.0);
    let colour = Rgb::hex(0xd9a066)
        .mix(Rgb::hex(0xc07f4c), 0.5 + noise(x * 0.5, z * 0.5, seed ^ 8))
        * (1.0 + 0.22 * grain);
    let warm = Rgb::new(3.0, 2.0, 1.15) * (facing * seen);
    let cool = Rgb::new(0.30, 0.30, 0.46) * (0.6 + 0.4 * up[1]);
    let lit = colour * (warm + cool);
    let air = 1.0 - (-(distance - 4.0).max(0.0) * 0.022).exp();
    lit.mix(Rgb::hex(0xf0c9a0) * 0.95, air * 0.9)
}

fn sky(x: f32, y: f32, seed: u32) -> Rgb {
    let stops = [
        (0.0, Rgb::hex(0x5d86b4) * 0.8),
        (0.14, Rgb::hex(0x9db7cf) * 0.95),
        (0.26, Rgb::hex(0xf2d3ac)),
        (0.34, Rgb::hex(0xf8d2a0) * 1.1),
    ];
    let glow = (-((x - 0.75).powi(2) * 3.0 + (y - 0.24).powi(2) * 22.0)).exp();
    let clear = ramp(&stops, y) + Rgb::new(0.9, 0.55, 0.22) * glow * 0.8;
    let far = 0.12 / (HORIZON + 0.04 - y).max(0.03);
    let wisps = fbm(x * far * 2.2 + y, far * 5.0 + x * 0.8, 7, seed ^ 9);
    clear.mix(Rgb::hex(0xfff0dc) * 1.2, smooth(0.0, 0.6, wisps) * 0.55)
}
