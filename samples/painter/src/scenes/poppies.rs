//! Poppies in a meadow, the lens wide open.

use crate::canvas::{Canvas, Rgb, ramp};
use crate::noise::{Dice, fbm, lerp, noise, smooth};

pub(crate) fn picture(width: usize, height: usize, seed: u32) -> Canvas {
    let mut canvas = Canvas::render(width, height, 1, |x, y| meadow(x, y, seed));
    let mut dice = Dice::new(seed ^ 7);
    bokeh(&mut canvas, &mut dice);
    // From far to near: `near` runs from 0 at the edge of the field to 1 at the lens; sharp at 0.62.
    for step in 0..150_u32 {
        let near = (step as f32 / 150.0).powf(0.8);
        let blur = (near - 0.62).abs().powf(1.25) * 0.050;
        grass(
            &mut canvas,
            &mut dice,
            near,
            blur,
            if near > 0.8 { 5 } else { 34 },
        );
        if step % 3 == 0 && near < 0.56 {
            let x = dice.between(0.0, canvas.aspect());
            small_flower(
                &mut canvas,
                &mut dice,
                x,
                near,
                blur,
                seed.wrapping_add(step),
            );
        }
        for (when, x, y, size, turn) in STARS {
            if when == step {
                poppy(
                    &mut canvas,
                    (x, y),
                    size,
                    turn,
                    blur * 0.55,
                    seed.wrapping_add(step * 7),
                );
            }
        }
    }
    canvas
}

/// The flowers one looks at: when they are painted, where, how large, how turned.
const STARS: [(u32, f32, f32, f32, f32); 8] = [
    (52, 1.30, 0.40, 0.050, 0.4),
    (58, 0.22, 0.43, 0.056, 2.0),
    (66, 0.86, 0.36, 0.062, 1.2),
    (74, 1.16, 0.52, 0.085, 2.6),
    (80, 0.36, 0.55, 0.100, 0.3),
    (84, 0.70, 0.46, 0.135, 0.9),
    (100, 1.00, 0.68, 0.115, 1.9),
    (140, 0.06, 0.90, 0.190, 0.5),
];

fn meadow(x: f32, y: f32, seed: u32) -> Rgb {
    let stops = [
        (0.0, Rgb::hex(0x9fc4dc)),
        (0.12, Rgb::hex(0xdfe3c0)),
        (0.20, Rgb::hex(0xb9c884)),
        (0.34, Rgb::hex(0x8aa653)),
        (0.60, Rgb::hex(0x55783a)),
        (1.0, Rgb::hex(0x24401f)),
    ];
    let soft = fbm(x * 3.0, y * 4.0, 3, seed);
    let trees = smooth(0.03, -0.03, y - 0.21 - 0.03 * noise(x * 2.6, 0.4, seed ^ 1))
        * smooth(0.05, 0.11, y + 0.10 * noise(x * 4.0, 0.9, seed ^ 2));
    let wood = Rgb::hex(0x41683f).mix(Rgb::hex(0x86a25a), 0.5 + soft);
    let sun = (-((x - 1.25).powi(2) * 1.6 + (y + 0.02).powi(2) * 5.0)).exp();
    let ground = ramp(&stops, y + 0.05 * soft).mix(wood, trees * 0.8) * (0.95 + 0.35 * soft);
    let far_red = smooth(0.10, 0.40, noise(x * 9.0, y * 34.0, seed ^ 3))
        * smooth(0.2, 0.25, y)
        * smooth(0.46, 0.3, y);
    (ground.mix(Rgb::hex(0xc8402e), far_red * 0.55) + Rgb::new(0.55, 0.40, 0.16) * sun) * 0.62
}

fn bokeh(canvas: &mut Canvas, dice: &mut Dice) {
    for _ in 0..90 {
        let at = (dice.between(0.0, canvas.aspect()), dice.between(0.02, 0.48));
        let size = dice.between(0.012, 0.040);
        let red = dice.roll() < 0.35 && at.1 > 0.2;
        let colour = if red {
            Rgb::hex(0xe0482c)
        } else {
            Rgb::hex(0xe6efac)
        } * 1.1;
        let strength = dice.between(0.06, 0.26);
        canvas.paint(at, (size, size), |dx, dy| {
            let far = dx.hypot(dy) / size;
            (
                colour,
                strength * smooth(1.0, 0.9, far) * (0.6 + 0.4 * smooth(0.5, 1.0, far)),
            )
        });
    }
}

/// Where the ground is at this distance.
fn ground(near: f32) -> f32 {
    lerp(0.30, 1.28, near.powf(1.5))
}

fn grass(canvas: &mut Canvas, dice: &mut Dice, near: f32, blur: f32, blades: u32) {
    for _ in 0..blades {
        let foot = dice.between(-0.05, canvas.aspect() + 0.05);
        let tall = lerp(0.05, 0.40, near) * dice.between(0.45, 1.0);
        let lean = tall * dice.between(-0.35, 0.45);
        let half = lerp(0.0007, 0.0050, near) * dice.between(0.6, 1.3);
        let tint = dice.roll();
        let colour = Rgb::hex(0x3d6424).mix(Rgb::hex(0xa8bb5c), tint * (1.1 - 0.5 * near))
            * lerp(1.0, 0.75, near);
        let ear = dice.roll() > 0.88 && near < 0.75;
        stem(
            canvas,
            (foot, ground(near)),
            (lean, tall),
            half,
            blur,
            colour,
            ear,
        );
    }
}

/// A blade from `foot`, bending sideways by `lean` over its height.
fn stem(
    canvas: &mut Canvas,
    foot: (f32, f32),
    (lean, tall): (f32, f32),
    half: f32,
    blur: f32,
    colour: Rgb,
    ear: bool,
) {
    let soft = canvas.unit().max(blur);
    let reach = (lean.abs() / 2.0 + soft + half * 4.0, tall / 2.0 + soft);
    // What is blurred is thin: its colour spreads over more room.
    let thin = (half * 2.0 / soft).min(1.0).sqrt();
    canvas.paint(
        (foot.0 + lean / 2.0, foot.1 - tall / 2.0),
        reach,
        |dx, dy| {
            let t = 0.5 - dy / tall;
            let middle = lean * t.max(0.0).powi(2) - lean / 2.0;
            let head = if ear {
                1.25 * (smooth(0.74, 0.84, t) * smooth(1.0, 0.90, t))
            } else {
                0.0
            };
            let wide = half * ((1.0 - t).clamp(0.0, 1.0).powf(0.6) + head);
            let cover = smooth(-soft, soft, wide - (dx - middle).abs())
                * smooth(0.0, 0.03, t)
                * smooth(1.02, 0.98, t);
            let round = 0.85 + 0.35 * ((dx - middle) / wide.max(1e-5)).clamp(-1.0, 1.0);
            let light = lerp(0.45, 1.35, t.clamp(0.0, 1.0)) * round;
            let tone = if ear {
                colour.mix(Rgb::hex(0xb4b070), smooth(0.7, 0.8, t) * 0.8)
            } else {
                colour
            };
            (tone * (light * 0.62), cover * thin)
        },
    );
}

fn small_flower(canvas: &mut Canvas, dice: &mut Dice, x: f32, near: f32, blur: f32, seed: u32) {
    let size = lerp(0.012, 0.065, near) * dice.between(0.7, 1.2);
    let y = ground(near) - lerp(0.06, 0.42, near) * dice.between(0.7, 1.0);
    match seed % 5 {
        0 => daisy(canvas, (x, y), size * 0.55, blur, Rgb::hex(0x4a62c8)),
        1 => daisy(canvas, (x, y), size * 0.6, blur, Rgb::hex(0xf4f2ea)),
        _ => poppy(canvas, (x, y), size, dice.between(0.0, 6.0), blur, seed),
    }
}

fn daisy(canvas: &mut Canvas, at: (f32, f32), size: f32, blur: f32, colour: Rgb) {
    stem(
        canvas,
        (at.0 - size * 0.3, at.1 + size * 6.0),
        (size * 0.3, size * 6.0),
        size * 0.06,
        blur,
        Rgb::hex(0x5f7f3a),
        false,
    );
    let soft = canvas.unit().max(blur);
    canvas.paint(at, (size + soft, size + soft), |dx, dy| {
        let (far, around) = (dx.hypot(dy * 1.35), dy.atan2(dx));
        let petal = size * (0.72 + 0.28 * (around * 7.0).cos());
        let heart = smooth(-soft, soft, size * 0.27 - far);
        (
            colour.mix(Rgb::hex(0xe8b428), heart) * (0.75 + 0.4 * far / size),
            smooth(-soft, soft, petal - far),
        )
    });
}

/// A bowl of four petals, the back ones lit through, a dark eye and stamens between.
fn poppy(canvas: &mut Canvas, at: (f32, f32), size: f32, turn: f32, blur: f32, seed: u32) {
    let sway = (turn * 1.7).sin() * size * 0.9;
    let stalk = Rgb::hex(0x6b8a3c);
    stem(
        canvas,
        (at.0 - sway, at.1 + size * 5.2),
        (sway, size * 5.2),
        size * 0.034,
        blur,
        stalk,
        false,
    );
    let soft = canvas.unit().max(blur);
    let tilt = 0.12 * (turn * 2.3).sin();
    let (sin, cos) = (0.5 * (turn * 2.9).sin()).sin_cos();
    let turned = |x: f32, y: f32| (x * cos - y * sin, x * sin + y * cos);
    let back = |x: f32, y: f32| (x * cos + y * sin, y * cos - x * sin);
    let petal =
        |canvas: &mut Canvas, dx0: f32, dy0: f32, wide: f32, high: f32, tone: f32, number: u32| {
            let (off_x, off_y) = turned(dx0 * size, dy0 * size);
            let middle = (at.0 + off_x, at.1 + off_y);
            let reach = wide.max(high) * size * 1.3 + soft;
            canvas.paint(middle, (reach, reach), |dx, dy| {
                let (dx, dy) = back(dx, dy);
                let (u, v) = (dx / (wide * size) + tilt * dy / size, dy / (high * size));
                let (far, around) = (u.hypot(v), v.atan2(u));
                let frill = 0.055 * noise(around * 3.0, number as f32, seed)
                    + 0.03 * noise(around * 9.0, 2.0, seed ^ number);
                let edge = (1.0 + frill * 1.6 - far.powf(1.15)) * size * wide.min(high);
                let cover = smooth(-soft, soft, edge);
                // Veins and folds run from the eye outwards.
                let from_eye = (dy + dy0 * size - 0.05 * size).atan2(dx + dx0 * size);
                let reach = ((dx + dx0 * size).hypot(dy + dy0 * size) / size).min(1.5);
                let vein = fbm(from_eye * 16.0, reach * 1.1, 4, seed ^ number);
                let fold = fbm(from_eye * 3.6, reach * 1.6, 3, seed ^ number ^ 5);
                let through = smooth(0.15, 1.15, reach);
                let deep = Rgb::hex(0x9c0e0a).mix(Rgb::hex(0xf2361a), through * 0.85 + 0.25 * fold);
                let glow = Rgb::hex(0xff7a3c).mix(Rgb::hex(0xffa25e), through)
                    * 0.55
                    * smooth(0.62, 1.1, reach + 0.3 * fold);
                let rim = smooth(0.10, 0.0, edge / size) * 0.35;
                let light = (tone + 0.42 * fold + 0.26 * vein - 0.25 * v + rim).max(0.12);
                ((deep + glow * 0.4) * light * 1.15, cover)
            });
        };
    petal(canvas, -0.34, -0.26, 0.68, 0.62, 0.95, 1);
    petal(canvas, 0.36, -0.30, 0.66, 0.64, 1.05, 2);
    petal(canvas, 0.0, -0.36, 0.74, 0.60, 1.15, 3);
    eye(canvas, at, size, soft, seed);
    petal(canvas, 0.05, 0.30, 0.86, 0.46, 0.82, 4);
}

fn eye(canvas: &mut Canvas, at: (f32, f32), size: f32, soft: f32, seed: u32) {
    let middle = (at.0, at.1 - size * 0.08);
    canvas.paint(middle, (size * 0.5, size * 0.42), |dx, dy| {
        let (far, around) = ((dx / size).hypot(dy / size * 1.25), dy.atan2(dx));
        let blotch = smooth(0.46, 0.22, far + 0.08 * noise(around * 4.0, 1.0, seed));
        let soft = soft / size;
        let ray = (around * 23.0 + 3.0 * noise(around * 5.0, 0.0, seed)).cos();
        let filament = smooth(0.2, 0.9, ray) * smooth(0.34, 0.28, far) * smooth(0.10, 0.14, far);
        let anther = smooth(0.35, 0.8, ray)
            * smooth(
                0.05 + soft,
                0.02,
                (far - 0.31 - 0.04 * noise(around * 11.0, 0.0, seed)).abs(),
            );
        let pod = smooth(-soft, soft, 0.135 - far);
        let crown = 0.6 + 0.4 * (around * 9.0).cos();
        let dark = Rgb::hex(0x140a10);
        let green = Rgb::hex(0x7d8f4a)
            * (0.55 + 0.6 * crown * smooth(0.0, 0.12, far) + 1.6 * (-dy / size).max(0.0));
        let colour = dark
            .mix(Rgb::hex(0x3a2430), filament * 0.8)
            .mix(Rgb::hex(0x2c2838) * 1.6, anther)
            .mix(green, pod);
        (colour, blotch.max(anther).max(pod) * 0.97)
    });
}
