//! A lighthouse at dusk. Taken upright.

use crate::canvas::{Canvas, Rgb, ramp};
use crate::noise::{fbm, lerp, noise, ridges, smooth};

const HORIZON: f32 = 0.66;
/// Where the island meets the water.
const FOOT: f32 = 0.715;
const TOWER: f32 = 0.42;
const LAMP: f32 = 0.262;

pub(crate) fn picture(width: usize, height: usize, seed: u32) -> Canvas {
    let mut above = Canvas::render(width, height, 1, |x, y| sky(x, y, seed));
    beams(&mut above);
    coast(&mut above, seed);
    tower(&mut above, seed);
    let mut canvas = Canvas::render(width, height, 1, |x, y| {
        if y <= HORIZON {
            above.at(x, y)
        } else {
            sea(&above, x, y, seed)
        }
    });
    rocks(&mut canvas, seed);
    tower(&mut canvas, seed);
    canvas.glow((TOWER, LAMP), 0.16, Rgb::new(1.7, 1.2, 0.6));
    canvas
}

fn sky(x: f32, y: f32, seed: u32) -> Rgb {
    let stops = [
        (0.0, Rgb::hex(0x1d2f5e)),
        (0.22, Rgb::hex(0x3f5390)),
        (0.40, Rgb::hex(0x8d78a8)),
        (0.52, Rgb::hex(0xd98f8c)),
        (0.60, Rgb::hex(0xf6b07a)),
        (0.66, Rgb::hex(0xffd79a) * 1.15),
    ];
    let sun = (-((x - 0.12).powi(2) * 9.0 + (y - HORIZON).powi(2) * 40.0)).exp();
    let clear = ramp(&stops, y) + Rgb::new(1.2, 0.55, 0.18) * sun;
    let far = 0.15 / (HORIZON + 0.05 - y).max(0.02);
    let (u, v) = ((x - 0.3) * far * 2.6, far * 6.0);
    let drift = fbm(u * 0.6, v * 0.4, 3, seed ^ 1);
    let thick = |dv: f32| fbm(u * 1.1 + drift, v * 1.1 + dv + drift * 0.8, 8, seed ^ 2);
    let here = thick(0.0);
    let cover = smooth(-0.08, 0.34, here);
    let lit_below = (here - thick(0.10)) * 4.0 + 0.35;
    let glow = Rgb::hex(0xff9a6a).mix(Rgb::hex(0xffc98e), sun) * (0.75 + 0.6 * smooth(0.2, 0.6, y));
    let body = Rgb::hex(0x4b4f7c).mix(Rgb::hex(0x8a6a86), smooth(0.2, 0.6, y)) * 0.8;
    clear.mix(body.mix(glow, lit_below), cover * 0.85)
}

fn beams(canvas: &mut Canvas) {
    for (slope, light) in [(-0.20_f32, 0.55_f32), (0.17, 0.40)] {
        canvas.paint((TOWER, LAMP), (1.0, 0.4), |dx, dy| {
            let along = -dx * slope.signum();
            if along <= 0.0 {
                return (Rgb::BLACK, 0.0);
            }
            let off = (dy - slope.abs() * -0.35 * along) / (0.006 + along * 0.055);
            let fade = (-off * off).exp() * light * (-along * 3.2).exp();
            (Rgb::new(2.2, 1.75, 1.1), fade * 0.5)
        });
    }
}

/// A far headland, and the island the tower stands on.
fn coast(canvas: &mut Canvas, seed: u32) {
    let right = canvas.aspect();
    let soft = canvas.unit();
    canvas.paint((right / 2.0, 0.62), (right / 2.0, 0.07), |dx, dy| {
        let (x, y) = (dx + right / 2.0, dy + 0.62);
        let far =
            HORIZON - 0.045 * smooth(0.30, 0.75, x) * (0.5 + ridges(x * 3.0, 0.2, 7, seed ^ 5));
        let cover = smooth(-soft, soft, y - far) * smooth(soft, -soft, y - HORIZON);
        let tone = Rgb::hex(0x6d5f82).mix(Rgb::hex(0x4d4a70), smooth(far, HORIZON, y));
        (tone * 0.8, cover)
    });
    rocks(canvas, seed);
}

fn rocks(canvas: &mut Canvas, seed: u32) {
    let right = canvas.aspect();
    let soft = canvas.unit();
    let shore = |x: f32| FOOT + 0.007 * fbm(x * 14.0, 0.2, 5, seed ^ 8);
    canvas.paint((right / 2.0, 0.66), (right / 2.0, 0.10), |dx, dy| {
        let (x, y) = (dx + right / 2.0, dy + 0.66);
        // A flat top with the tower on it, stacks before its left end, a lower shelf to the right.
        let plateau = smooth(0.27, 0.37, x) * (0.100 - 0.050 * smooth(0.50, 0.62, x));
        let stacks = 0.045 * smooth(0.14, 0.20, x) * smooth(0.40, 0.28, x);
        let calm = smooth(0.10, 0.04, (x - TOWER).abs());
        let jags =
            ridges(x * 7.0, 0.6, 8, seed ^ 6) - 0.25 + 0.25 * fbm(x * 55.0, 0.4, 4, seed ^ 7);
        let lift = smooth(0.10, 0.17, x) * 0.075 * jags * (1.0 - 0.9 * calm);
        let top = FOOT + 0.008 - 0.010 * smooth(0.10, 0.16, x) - plateau - stacks - lift;
        let foot = shore(x);
        let cover = smooth(-soft, soft, y - top) * smooth(soft, -soft, y - foot);
        // Tilted slabs: steep faces in shade, ledges in the evening sun.
        let slab = |x: f32, y: f32| {
            let bend = fbm(x * 6.0, y * 9.0, 4, seed ^ 9);
            let phase = ((y - 0.28 * x) * 62.0 + bend * 5.0).rem_euclid(1.0);
            let ledge = smooth(0.0, 0.72, phase) * smooth(1.0, 0.72, phase);
            0.35 * ledge + 0.8 * ridges(x * 13.0 + bend, y * 26.0, 6, seed ^ 10) + 0.5 * bend
        };
        let here = slab(x, y);
        let slope = (here - slab(x + 0.002, y + 0.0008)) * 3.4 + (slab(x, y + 0.002) - here) * 0.9;
        let light = (0.34 + slope).clamp(0.02, 1.6);
        let stone = Rgb::hex(0x3f3a40).mix(Rgb::hex(0x7c685a), here * 0.9);
        let wet = smooth(0.020, 0.004, foot - y);
        let ragged = 0.008 * fbm(x * 60.0, y * 60.0, 3, seed);
        let grass = smooth(0.020, 0.004, y - top + ragged) * smooth(0.33, 0.37, x);
        let blades = 0.6 + 0.8 * fbm(x * 200.0, y * 90.0, 3, seed ^ 11);
        let colour = stone.mix(Rgb::hex(0x5c6030) * blades, grass) * (1.0 - 0.65 * wet);
        let warm = Rgb::new(1.7, 0.92, 0.58) * light * smooth(0.85, 0.15, x);
        let cool = Rgb::new(0.22, 0.22, 0.36) * (0.5 + 0.5 * here.clamp(0.0, 1.0));
        (colour * (warm + cool), cover)
    });
    canvas.paint((right / 2.0, FOOT), (right / 2.0, 0.02), |dx, dy| {
        let (x, y) = (dx + right / 2.0, dy + FOOT);
        let spread = 0.0025 + 0.005 * (0.5 + fbm(x * 22.0, 0.9, 4, seed ^ 12)).max(0.0);
        let foam = fbm(x * 130.0, y * 420.0, 4, seed ^ 13);
        let cover = smooth(spread, 0.0, (y - shore(x) - 0.001).abs())
            * smooth(-0.35, 0.25, foam)
            * smooth(0.11, 0.15, x);
        (Rgb::new(0.72, 0.62, 0.66), cover * 0.8)
    });
}

fn tower(canvas: &mut Canvas, seed: u32) {
    let soft = canvas.unit() * 1.1;
    let foot = 0.618;
    let top = 0.292;
    let lit = |across: f32| {
        let round = (1.0 - across * across).max(0.0).sqrt();
        let side = (-0.75 * across + 0.45 * round).max(0.0);
        Rgb::new(1.75, 1.0, 0.66) * side + Rgb::new(0.30, 0.32, 0.48) * (0.55 + 0.45 * round)
    };
    // The shaft, white with red bands.
    canvas.paint(
        (TOWER, (foot + top) / 2.0),
        (0.06, (foot - top) / 2.0 + 0.03),
        |dx, dy| {
            let y = dy + (foot + top) / 2.0;
            let t = (y - top) / (foot - top);
            let half = 0.024 + 0.019 * t.max(0.0).powf(1.35);
            let across = dx / half;
            let bend = 0.006 * (1.0 - across * across).max(0.0).sqrt();
            let band = ((t - bend * 2.0) * 5.0).rem_euclid(2.0) < 1.0;
            let paint = if band {
                Rgb::hex(0xb8322c)
            } else {
                Rgb::hex(0xf0e9df)
            };
            let stain = 0.86 + 0.22 * fbm(dx * 90.0, y * 22.0, 5, seed ^ 11);
            let window = [0.18_f32, 0.45, 0.72]
                .iter()
                .any(|&at| (t - at).abs() < 0.020 && (dx - 0.004).abs() < 0.0042);
            let door = (dx - 0.002).abs() < 0.009 && t > 0.91;
            let mut colour = paint * lit(across) * stain;
            if window {
                colour = Rgb::new(1.5, 0.9, 0.35);
            } else if door {
                colour = Rgb::hex(0x2b2a30) * 0.8;
            }
            let cover = smooth(-soft, soft, half - dx.abs())
                * smooth(-soft, soft, y - top)
                * smooth(soft, -soft, y - foot - bend * 2.0);
            (colour, cover)
        },
    );
    // From the gallery up: rail, lamp room, dome.
    canvas.paint((TOWER, 0.262), (0.06, 0.075), |dx, dy| {
        let y = dy + 0.262;
        let inside = |half: f32, from: f32, to: f32| {
            smooth(-soft, soft, half - dx.abs())
                * smooth(-soft, soft, y - from)
                * smooth(soft, -soft, y - to)
        };
        let dark = Rgb::hex(0x2a2a33);
        let gallery = inside(0.037, 0.288, 0.297);
        let flare = inside(0.024 + 0.013 * smooth(0.312, 0.295, y), 0.295, 0.312);
        let rail = inside(0.036, 0.272, 0.2735)
            + inside(0.036, 0.279, 0.280)
            + inside(0.036, 0.272, 0.288)
                * smooth(0.0009, 0.0004, ((dx / 0.006).round() * 0.006 - dx).abs());
        let room = inside(0.021, 0.243, 0.288);
        let bars = smooth(0.0009, 0.0004, ((dx / 0.0105).round() * 0.0105 - dx).abs());
        let heat = (-(dx * dx / 0.00016 + (y - LAMP).powi(2) / 0.00020)).exp();
        let glass = Rgb::new(0.95, 0.62, 0.26) + Rgb::new(3.4, 2.8, 1.8) * heat;
        let round = 0.024 * (1.0 - ((0.243 - y) / 0.020).clamp(0.0, 1.0).powi(2)).sqrt();
        let dome = inside(round, 0.223, 0.2435);
        let spike =
            inside(0.0012, 0.205, 0.225) + smooth(soft, -soft, dx.hypot(y - 0.221) - 0.0035);
        let solid = gallery.max(rail.min(1.0)).max(dome).max(spike.min(1.0));
        let tone =
            dark.mix(Rgb::hex(0x9a3028), dome.max(flare)) * lit((dx / 0.03).clamp(-1.0, 1.0));
        let colour = if solid.max(flare) > 0.5 {
            tone
        } else {
            glass.mix(dark * 0.6, bars)
        };
        (colour, solid.max(flare).max(room))
    });
}

fn sea(above: &Canvas, x: f32, y: f32, seed: u32) -> Rgb {
    let below = y - HORIZON;
    let far = 0.05 / below.max(0.0008);
    let (wx, wz) = ((x - 0.33) * far, far);
    let swell = |dx: f32, dz: f32| {
        let (u, v) = ((wx + dx) * 1.7, (wz + dz) * 1.7);
        0.55 * fbm(u * 8.0, v * 22.0, 4, seed ^ 21)
            + 0.25 * fbm(u * 40.0, v * 80.0, 4, seed ^ 22)
            + 0.2 * noise(u * 3.0, v * 9.0, seed ^ 23)
    };
    let here = swell(0.0, 0.0);
    let tilt = (swell(0.0, 0.004) - here) * 3.0;
    let sway = swell(5.0, 3.0);
    // Far water mirrors the sky about the horizon, near water the island about its foot.
    let axis = lerp(HORIZON, FOOT, smooth(HORIZON, FOOT, y));
    let mut mirror = Rgb::BLACK;

    for tap in 0..4 {
        let reach = 1.0 + 0.16 * tap as f32 + tilt * 1.2 + here * 0.6;
        let up = axis - (y - axis).max(0.0) * reach.max(0.05) - 0.012 * here.abs();
        mirror = mirror + above.at(x + sway * 0.02 * (0.2 + below * 3.0), up.max(0.0)) * 0.25;
    }
    let fresnel =
        (0.25 + 0.6 * (1.0 - below * 2.2).max(0.0).powi(2) + tilt * 0.5).clamp(0.08, 0.95);
    let deep = Rgb::hex(0x17304a).mix(Rgb::hex(0x1e4a58), smooth(0.0, 0.5, here)) * 0.5;
    let glitter = (-((x - 0.12) / (0.03 + below * 0.30)).powi(2)).exp()
        * smooth(
            0.16,
            0.45,
            fbm(wx * 70.0, wz * 150.0, 4, seed ^ 25) + 0.3 * here,
        );
    let surf = smooth(
        0.30,
        0.55,
        here + 0.3 * fbm(wx * 120.0, wz * 150.0, 3, seed ^ 24),
    ) * smooth(0.10, 0.30, below);
    deep.mix(mirror, fresnel)
        + Rgb::new(2.2, 1.2, 0.55) * glitter * 0.55
        + Rgb::new(0.30, 0.30, 0.36) * surf
}
