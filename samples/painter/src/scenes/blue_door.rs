//! A blue door in a brick wall, with ivy. Taken upright.

use crate::canvas::{Canvas, Rgb};
use crate::noise::{Dice, chance, fbm, hash, noise, smooth};
use crate::terrain::{dot, normalise};

/// The door's middle, half its width, where its arch springs, and the ground.
const MIDDLE: f32 = 0.335;
const HALF: f32 = 0.150;
const SPRING: f32 = 0.385;
const GROUND: f32 = 0.875;

pub(crate) fn picture(width: usize, height: usize, seed: u32) -> Canvas {
    let mut canvas = Canvas::render(width, height, 2, |x, y| scene(x, y, seed));
    lantern(&mut canvas);
    ivy(&mut canvas, seed);
    pot(
        &mut canvas,
        0.115,
        0.905,
        0.055,
        Rgb::hex(0xb4643c),
        Rgb::hex(0xd2364e),
        seed ^ 71,
    );
    pot(
        &mut canvas,
        0.570,
        0.915,
        0.065,
        Rgb::hex(0x8f5a3a),
        Rgb::hex(0xf0e6ee),
        seed ^ 72,
    );
    canvas
}

/// The distance of a point from the edge of the doorway, inwards.
fn inside(x: f32, y: f32, half: f32) -> f32 {
    let dx = (x - MIDDLE).abs();
    if y < SPRING {
        half - dx.hypot(y - SPRING)
    } else {
        half - dx
    }
}

/// Afternoon sun from the upper left, through leaves that move the light about.
fn light(x: f32, y: f32, up: [f32; 3], seed: u32) -> Rgb {
    let sun = normalise([-0.55, -0.62, 0.58]);
    let slant = x * 0.8 - y * 0.6;
    let dapple =
        fbm(x * 5.5 + 3.0, y * 5.5, 4, seed ^ 81) + 0.6 * fbm(x * 15.0, y * 15.0, 3, seed ^ 82);
    let shade = smooth(
        -0.25,
        0.25,
        dapple + 0.55 - 1.1 * smooth(0.0, 0.42, slant + 0.22),
    );
    let facing = dot(up, sun).max(0.0);
    Rgb::new(2.0, 1.66, 1.24) * (facing * (0.16 + 0.84 * shade)) + Rgb::new(0.30, 0.36, 0.46)
}

fn scene(x: f32, y: f32, seed: u32) -> Rgb {
    if y > GROUND {
        return street(x, y, seed);
    }
    let stone = HALF + 0.042;
    let depth = inside(x, y, HALF);
    if depth > 0.0 {
        let shadow = smooth(0.0, 0.055, (x - MIDDLE + HALF) - 0.01) * smooth(0.0, 0.05, depth);
        return door(x, y, seed) * (0.30 + 0.70 * shadow);
    }
    if inside(x, y, stone) > 0.0 {
        return surround(x, y, depth, seed);
    }
    let under = smooth(0.0, 0.012, -inside(x - 0.004, y - 0.006, stone));
    wall(x, y, seed) * (0.55 + 0.45 * under)
}

fn wall(x: f32, y: f32, seed: u32) -> Rgb {
    const BRICKS: [u32; 5] = [0x9c4f38, 0x87402f, 0xb0664a, 0x7a3b30, 0xa85a3c];
    let height = |x: f32, y: f32| {
        let (px, py) = (
            x + 0.0012 * noise(x * 60.0, y * 60.0, seed ^ 1),
            y + 0.0012 * noise(x * 50.0, y * 70.0, seed ^ 2),
        );
        let course = (py * 44.0).floor();
        let along = px * 15.0 + 0.5 * course.rem_euclid(2.0);
        let (u, v) = (along.rem_euclid(1.0), (py * 44.0).rem_euclid(1.0));
        let edge = (u.min(1.0 - u) / 15.0).min(v.min(1.0 - v) / 44.0);
        let number = hash(along.floor() as i32, course as i32, seed);
        let raised = smooth(
            0.0012,
            0.0030,
            edge + 0.0006 * noise(x * 300.0, y * 300.0, seed ^ 3),
        );
        let pits = 0.35 * fbm(x * 160.0, y * 160.0, 4, seed ^ 4);
        (
            raised * (1.0 + 0.35 * ((number & 63) as f32 / 63.0)) + pits * 0.6,
            raised,
            number,
        )
    };
    let (level, raised, number) = height(x, y);
    let step = 0.0011;
    let slope = [
        (level - height(x + step, y).0) * 0.55,
        (level - height(x, y + step).0) * 0.55,
        1.0,
    ];
    let tint = Rgb::hex(BRICKS[(number >> 8) as usize % BRICKS.len()]);
    let tone = 0.78 + 0.4 * ((number >> 16 & 255) as f32 / 255.0);
    let speck = 1.0 + 0.35 * fbm(x * 220.0, y * 220.0, 3, seed ^ 5);
    let mortar = Rgb::hex(0xa89c8a) * (0.75 + 0.4 * fbm(x * 120.0, y * 120.0, 4, seed ^ 6));
    let chalk = smooth(0.15, 0.55, fbm(x * 5.0, y * 8.0, 6, seed ^ 7)) * 0.35;
    let damp = smooth(
        0.10,
        0.0,
        GROUND - y + 0.05 * fbm(x * 9.0, 0.0, 4, seed ^ 8),
    ) * 0.55;
    let colour =
        mortar.mix((tint * tone * speck).mix(Rgb::hex(0xd8c8b4), chalk), raised) * (1.0 - damp);
    colour * light(x, y, normalise(slope), seed) * (0.6 + 0.4 * raised)
}

/// Blocks of sandstone round the doorway; a keystone above.
fn surround(x: f32, y: f32, depth: f32, seed: u32) -> Rgb {
    let turn = if y < SPRING {
        (y - SPRING).atan2(x - MIDDLE) / std::f32::consts::PI * 9.0
    } else {
        20.0 + (y - SPRING) * 14.0
    };
    let joint = turn.rem_euclid(1.0).min(1.0 - turn.rem_euclid(1.0));
    let side = i32::from(x > MIDDLE);
    let tone = 0.85 + 0.25 * chance(turn.floor() as i32, side, seed ^ 11);
    let grain = 1.0
        + 0.30 * fbm(x * 130.0, y * 130.0, 5, seed ^ 12)
        + 0.16 * fbm(x * 14.0, y * 40.0, 4, seed ^ 13);
    let groove = 0.45 + 0.55 * smooth(0.01, 0.05, joint);
    let across = (-depth / 0.042).clamp(0.0, 1.0);
    let outward = if y < SPRING {
        [(x - MIDDLE) / HALF, (y - SPRING) / HALF]
    } else {
        [(x - MIDDLE).signum(), 0.0]
    };
    let bevel = smooth(0.20, 0.0, across) * -0.9 + smooth(0.85, 1.0, across) * 0.8;
    let up = normalise([outward[0] * bevel, outward[1] * bevel, 1.0]);
    Rgb::hex(0xcbb894) * tone * grain * groove * light(x, y, up, seed)
}

fn door(x: f32, y: f32, seed: u32) -> Rgb {
    let dx = x - MIDDLE;
    let blue = Rgb::hex(0x1f5f8c).mix(
        Rgb::hex(0x2f7aa4),
        0.5 + fbm(x * 3.0, y * 2.0, 3, seed ^ 21),
    );
    let plank = ((dx + HALF) / 0.05).floor();
    let u = ((dx + HALF) / 0.05).rem_euclid(1.0);
    let gap = u.min(1.0 - u);
    let grain = fbm(dx * 150.0 + plank * 31.0, y * 7.0, 5, seed ^ 22);
    let worn = smooth(
        0.22,
        0.40,
        grain + 0.45 * smooth(0.10, 0.0, GROUND - y) + 0.2 * fbm(x * 25.0, y * 25.0, 4, seed ^ 23),
    );
    let mut colour = (blue * (0.85 + 0.35 * grain)).mix(Rgb::hex(0x8c7a62), worn * 0.8);
    let bevel = smooth(0.10, 0.02, gap) * if u < 0.5 { -0.8 } else { 0.8 };
    let mut up = [bevel, 0.0, 1.0];
    colour = colour * (0.25 + 0.75 * smooth(0.015, 0.05, gap));
    // Iron bands with studs, and a ring.
    for band in [0.45_f32, 0.77] {
        let dy = y - band;
        let end = HALF * 0.80 - dx - HALF * 0.0;
        if dy.abs() < 0.0095 && end > 0.0 {
            let stud = ((dx / 0.036).round() * 0.036 - dx).hypot(dy);
            let bump = smooth(0.0052, 0.0, stud);
            up = [
                (dx - (dx / 0.036).round() * 0.036) * 90.0 * bump,
                dy * 60.0,
                1.0,
            ];
            colour =
                Rgb::hex(0x2a2927) * (0.8 + 0.5 * fbm(x * 160.0, y * 160.0, 4, seed ^ 24) + bump);
        }
    }
    let ring = (dx - 0.098).hypot((y - 0.630) * 0.9);
    if (ring - 0.0185).abs() < 0.0034 || (dx - 0.098).hypot(y - 0.610) < 0.0075 {
        let round = (ring - 0.0185) / 0.0034;
        up = [
            (dx - 0.098) / ring.max(0.001) * round,
            (y - 0.63) / ring.max(0.001) * round,
            0.8,
        ];
        colour = Rgb::hex(0xb08a48) * 0.9;
    } else if (ring - 0.0185 - 0.002).abs() < 0.006 {
        colour = colour * 0.6;
    }
    colour * light(x, y, normalise(up), seed)
}

/// A step, then cobbles.
fn street(x: f32, y: f32, seed: u32) -> Rgb {
    let on_step = (x - MIDDLE).abs() < HALF + 0.06 && y < GROUND + 0.052;
    if on_step {
        let front = y > GROUND + 0.022;
        let grain = 0.9 + 0.28 * fbm(x * 90.0, y * 120.0, 5, seed ^ 31);
        let worn =
            1.0 - 0.25 * smooth(0.15, 0.0, (x - MIDDLE).abs()) * smooth(0.0, 0.02, y - GROUND);
        let up = if front {
            [0.0, 0.2, 1.0]
        } else {
            [0.0, -1.0, 0.45]
        };
        let edge = smooth(0.003, 0.0, (y - GROUND - 0.022).abs()) * 0.3;
        let under = if y < GROUND + 0.006 { 0.6 } else { 1.0 };
        return Rgb::hex(0xb5aa98)
            * grain
            * (worn + edge)
            * under
            * light(x, y, normalise(up), seed)
            * if front { 0.6 } else { 0.9 };
    }
    let far = 0.05 + (y - GROUND) * 0.9;
    let (u, v) = ((x - MIDDLE) / far * 1.5, -0.42 / far);
    let row = (v * 2.2).floor();
    let along = u * 1.6 + 0.5 * row.rem_euclid(2.0) + 0.2 * chance(0, row as i32, seed);
    let (cu, cv) = (along.rem_euclid(1.0) - 0.5, (v * 2.2).rem_euclid(1.0) - 0.5);
    let round = (cu.abs().powi(4) + cv.abs().powi(4)).powf(0.25);
    let number = chance(along.floor() as i32, row as i32, seed ^ 32);
    let tone = Rgb::hex(0x6d675f).mix(Rgb::hex(0x94897a), number);
    let up = normalise([cu * 1.1, -0.8 + cv * 0.9, 0.6]);
    let gap = smooth(0.50, 0.40, round);
    let grain = 0.85 + 0.4 * fbm(u * 18.0, v * 18.0, 4, seed ^ 33);
    let against_wall = 0.5 + 0.5 * smooth(0.0, 0.03, y - GROUND);
    tone * grain * (0.2 + 0.8 * gap) * light(x, y, up, seed) * against_wall * 0.9
}

fn lantern(canvas: &mut Canvas) {
    let soft = canvas.unit();
    let (x, y) = (0.575, 0.345);
    let iron = Rgb::hex(0x1b1a19);
    // Its shadow on the wall.
    canvas.paint((x + 0.018, y + 0.022), (0.034, 0.055), |dx, dy| {
        (
            Rgb::BLACK,
            0.5 * smooth(0.030, 0.016, dx.abs()) * smooth(0.052, 0.038, dy.abs()),
        )
    });
    canvas.paint((x, y), (0.04, 0.075), |dx, dy| {
        let half = 0.0175 - 0.14 * dy;
        let body = smooth(-soft, soft, half - dx.abs()) * smooth(0.0335, 0.0325, dy.abs());
        let roof = smooth(-soft, soft, 0.030 - (-0.034 - dy) * 1.25 - dx.abs())
            * smooth(-0.0545, -0.0535, dy)
            * smooth(-0.033, -0.034, dy);
        let hook = smooth(soft, -soft, (dx.hypot(dy + 0.060) - 0.0065).abs() - 0.0016);
        let frame = (half - dx.abs()) < 0.0024 || dx.abs() < 0.0011 || dy.abs() > 0.0295;
        let flame = (-(dx * dx / 0.00004 + (dy - 0.008).powi(2) / 0.00016)).exp();
        let glass = Rgb::new(0.50, 0.42, 0.28) + Rgb::new(4.0, 2.6, 1.0) * flame;
        let sheen = iron * (0.7 + 1.6 * smooth(0.012, -0.022, dx));
        let colour = if roof.max(hook) > body || frame {
            sheen
        } else {
            glass
        };
        (colour, body.max(roof).max(hook))
    });
    canvas.glow((x, y + 0.006), 0.07, Rgb::new(0.8, 0.46, 0.16));
}

/// One leaf with a midrib; `turn` is where its tip points.
fn leaf(canvas: &mut Canvas, at: (f32, f32), size: f32, turn: f32, colour: Rgb, lobes: f32) {
    let soft = canvas.unit();
    let (sin, cos) = turn.sin_cos();
    canvas.paint(at, (size * 1.2, size * 1.2), |dx, dy| {
        let (along, across) = (dx * cos + dy * sin, dy * cos - dx * sin);
        let t = along / size * 0.5 + 0.5;
        if !(0.0..=1.0).contains(&t) {
            return (colour, 0.0);
        }
        let outline = size * 0.62 * (t * std::f32::consts::PI).sin().powf(0.7) * (1.25 - 0.75 * t);
        let lobed = outline * (1.0 - lobes * (0.5 + 0.5 * (t * 17.0).cos()));
        let cover = smooth(-soft, soft, lobed - across.abs());
        let rib = smooth(size * 0.05, 0.0, across.abs())
            + 0.5
                * smooth(
                    0.12,
                    0.0,
                    ((across.abs() * 1.2 + along) / size * 3.2).rem_euclid(1.0) - 0.02,
                )
                .min(0.4);
        let fold = 0.82 + 0.36 * smooth(-0.4, 0.4, across / size);
        (colour * fold * (1.0 + 0.35 * rib), cover)
    });
}

fn ivy(canvas: &mut Canvas, seed: u32) {
    let mut dice = Dice::new(seed ^ 41);
    let right = canvas.aspect();
    for layer in 0..3 {
        for _ in 0..900 {
            let x = dice.between(0.0, right);
            let y = dice.between(-0.02, 0.62);
            let hang = 0.055
                + 0.05 * noise(x * 9.0, 0.3, seed ^ 42)
                + 0.52 * smooth(0.50, 0.72, x + 0.05 * noise(y * 7.0, 0.0, seed ^ 43)).powi(2)
                + 0.16 * smooth(0.16, -0.02, x);
            if y > hang * (0.75 + 0.25 * dice.roll()) {
                continue;
            }
            let size = dice.between(0.0085, 0.0165);
            let turn = 1.5 + dice.between(-1.1, 1.1);
            let tone = 0.32 + 0.34 * layer as f32;
            let green = Rgb::hex(0x2f5a22).mix(Rgb::hex(0x7a9a3a), dice.roll() * 0.8) * tone;
            let lit = light(x, y, normalise([dice.between(-0.5, 0.3), -0.5, 0.8]), seed);
            // A darker twin below gives the leaf its shadow.
            leaf(
                canvas,
                (x + 0.004, y + 0.006),
                size,
                turn,
                Rgb::new(0.012, 0.016, 0.010),
                0.2,
            );
            leaf(canvas, (x, y), size, turn, green * lit, 0.22);
        }
    }
}

fn pot(canvas: &mut Canvas, x: f32, foot: f32, half: f32, clay: Rgb, bloom: Rgb, seed: u32) {
    let soft = canvas.unit();
    let tall = half * 1.5;
    canvas.paint(
        (x + half * 0.6, foot),
        (half * 1.6, half * 0.35),
        |dx, dy| {
            let far = (dx / (half * 1.5)).powi(2) + (dy / (half * 0.30)).powi(2);
            (Rgb::BLACK, 0.6 * smooth(1.0, 0.2, far))
        },
    );
    canvas.paint(
        (x, foot - tall / 2.0),
        (half * 1.15, tall * 0.62),
        |dx, dy| {
            let t = dy / tall + 0.5;
            let rim = t < 0.17;
            let wide = if rim {
                half * 1.08
            } else {
                half * (0.98 - 0.30 * t)
            };
            let across = (dx / wide).clamp(-1.0, 1.0);
            let belly = 0.06 * (1.0 - across * across).sqrt();
            let cover = smooth(-soft, soft, wide - dx.abs())
                * smooth(0.0, 0.01, t)
                * smooth(1.0 + belly, 0.99 + belly, t);
            let up = normalise([across * 1.2, -0.1, 1.0 - across * across * 0.8]);
            let grain = 0.85 + 0.35 * fbm(dx * 70.0, dy * 110.0, 5, seed);
            let under = 1.0 - 0.45 * smooth(0.26, 0.17, t) * f32::from(u8::from(!rim));
            (clay * grain * under * light(x + dx, foot, up, 5), cover)
        },
    );
    let mut dice = Dice::new(seed);
    let top = foot - tall;
    for layer in 0..3 {
        for _ in 0..130 {
            let angle = dice.between(-3.3, 0.2);
            let reach = half * 1.5 * dice.roll().sqrt();
            let at = (
                x + reach * angle.cos(),
                top - half * 0.25 + reach * angle.sin() * 0.85,
            );
            let lit = light(
                at.0,
                at.1,
                normalise([dice.between(-0.6, 0.4), -0.6, 0.6]),
                seed,
            );
            let green = Rgb::hex(0x38602a).mix(Rgb::hex(0x86a24a), dice.roll())
                * (0.35 + 0.3 * layer as f32);
            leaf(
                canvas,
                at,
                dice.between(0.007, 0.012),
                dice.between(-3.0, 0.2),
                green * lit,
                0.05,
            );
        }
    }
    for _ in 0..46 {
        let angle = dice.between(-3.2, 0.1);
        let reach = half * 1.45 * dice.roll().sqrt();
        let at = (
            x + reach * angle.cos(),
            top - half * 0.3 + reach * angle.sin() * 0.85,
        );
        let size = dice.between(0.0075, 0.0115);
        let lit = light(at.0, at.1, normalise([-0.3, -0.5, 0.8]), seed) * dice.between(0.75, 1.05);
        let turn = dice.roll();
        canvas.paint(at, (size, size), |dx, dy| {
            let (far, around) = (dx.hypot(dy), dy.atan2(dx));
            let petal = 0.72 + 0.28 * (around * 5.0 + turn * 6.0).cos().abs().sqrt();
            let cover = smooth(-soft, soft, size * petal - far);
            let depth = 0.65 + 0.4 * smooth(0.0, size, far);
            let heart = smooth(size * 0.28, size * 0.16, far);
            ((bloom * depth).mix(Rgb::hex(0xe8c040), heart) * lit, cover)
        });
    }
}
