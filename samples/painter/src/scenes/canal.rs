//! Gabled houses on a canal, in the blue hour.

use crate::canvas::{Canvas, Rgb, ramp};
use crate::noise::{Dice, chance, fbm, hash, noise, smooth};

/// Where the houses stand, and where the water begins.
const STREET: f32 = 0.640;
const WATER: f32 = 0.672;

struct House {
    left: f32,
    width: f32,
    eaves: f32,
    gable: u32,
    wall: Rgb,
    floors: u32,
    bays: u32,
    seed: u32,
}

pub(crate) fn picture(width: usize, height: usize, seed: u32) -> Canvas {
    let right = width as f32 / height as f32;
    let row = houses(right, seed);
    let mut above = Canvas::render(width, height, 2, |x, y| front(&row, x, y, seed));
    trees(&mut above, seed);
    lamps(&mut above);
    let mut canvas = Canvas::render(width, height, 1, |x, y| {
        if y <= WATER {
            above.at(x, y)
        } else {
            water(&above, x, y, seed)
        }
    });
    boat(&mut canvas, 0.36, 0.715, Rgb::hex(0x24486a), seed);
    boat(&mut canvas, 1.13, 0.735, Rgb::hex(0x7a2f26), seed ^ 5);
    canvas
}

fn houses(right: f32, seed: u32) -> Vec<House> {
    const WALLS: [u32; 9] = [
        0x8c3b2e, 0xd9b36a, 0x4f6b78, 0xe6dccb, 0xa8543a, 0x6d7f5a, 0xc98a5e, 0x8a4a50, 0xd8c7a0,
    ];
    let mut dice = Dice::new(seed ^ 3);
    let mut row = Vec::new();
    let mut left = -0.06;
    while left < right {
        let number = row.len();
        let width = dice.between(0.135, 0.205);
        row.push(House {
            left,
            width,
            eaves: dice.between(0.235, 0.335),
            gable: (number as u32 * 2 + u32::from(dice.roll() > 0.6)) % 4,
            wall: Rgb::hex(WALLS[(number * 4 + number / 3) % WALLS.len()]),
            floors: 4 + u32::from(dice.roll() > 0.55),
            bays: if width > 0.175 { 4 } else { 3 },
            seed: seed.wrapping_add(100 + number as u32),
        });
        left += width;
    }
    row
}

fn sky(x: f32, y: f32, seed: u32) -> Rgb {
    let stops = [
        (0.0, Rgb::hex(0x23407c)),
        (0.20, Rgb::hex(0x4a6aa6)),
        (0.36, Rgb::hex(0xb492a6)),
        (0.52, Rgb::hex(0xf5b98a)),
    ];
    let drift = fbm(x * 1.4, y * 3.0, 3, seed ^ 1);
    let here = fbm(x * 2.2 + drift, y * 7.5 + x * 0.6, 7, seed ^ 2);
    let below = fbm(x * 2.2 + drift, y * 7.5 + x * 0.6 + 0.2, 7, seed ^ 2);
    let lit = Rgb::hex(0x5f6f9c).mix(Rgb::hex(0xffab8a), 0.45 + (here - below) * 2.5);
    ramp(&stops, y).mix(lit, smooth(0.02, 0.45, here) * 0.75) * 0.85
}

/// The gable's outline: how high it stands above the eaves at `u` from 0 to 1 across the house.
fn outline(kind: u32, u: f32) -> f32 {
    let middle = 1.0 - (2.0 * u - 1.0).abs();
    match kind {
        0 => 0.025 + 0.105 * ((middle * 6.0).floor() / 5.0).min(1.0),
        1 => {
            let shoulder = smooth(0.10, 0.42, middle);
            0.02 + 0.045 * shoulder + 0.06 * smooth(0.40, 0.56, middle) * (0.75 + 0.25 * middle)
        }
        2 => 0.012 + 0.115 * middle,
        _ => {
            let neck = smooth(0.44, 0.50, middle);
            0.022
                + 0.04 * (middle / 0.46).min(1.0).powi(2) * (1.0 - neck)
                + neck * (0.085 + 0.045 * middle * middle)
        }
    }
}

fn front(row: &[House], x: f32, y: f32, seed: u32) -> Rgb {
    if y > STREET {
        return quay(x, y, seed);
    }
    let Some(house) = row
        .iter()
        .find(|house| x >= house.left && x < house.left + house.width)
    else {
        return sky(x, y, seed);
    };
    let u = (x - house.left) / house.width;
    let top = house.eaves - outline(house.gable, u);
    if y < top {
        // The slope of the roof behind the gable, and a chimney on it.
        let roof = house.eaves - 0.055 * smooth(0.0, 0.12, u.min(1.0 - u));
        let chimney = (u - 0.82).abs() < 0.05 && y > house.eaves - 0.10;
        if chimney {
            return Rgb::hex(0x5d3a30) * (0.30 + 0.2 * noise(x * 400.0, y * 300.0, 1));
        }
        if y > roof && house.gable != 2 {
            let tile = ((y * 260.0).rem_euclid(1.0) * 0.5 + 0.6)
                * (0.8 + 0.3 * chance((x * 420.0) as i32, (y * 260.0) as i32, 4));
            return Rgb::hex(0x5a3029) * 0.32 * tile;
        }
        return sky(x, y, seed);
    }
    facade(house, x, y, u, top)
}

fn facade(house: &House, x: f32, y: f32, u: f32, top: f32) -> Rgb {
    let fall = 0.42 + 0.30 * smooth(house.eaves, STREET, y);
    let dusk = Rgb::new(0.66, 0.74, 1.0) * fall + lamp_light(x, y);
    let trim = Rgb::hex(0xe8e0d0);
    let edge = (u.min(1.0 - u) * house.width).min(y - top);
    if y - top < 0.0075 && y < house.eaves + 0.012 {
        return trim * dusk * 0.9;
    }
    if (y - house.eaves - 0.006).abs() < 0.0030 {
        return trim * dusk * 0.75;
    }
    // Bricks or plaster.
    let course = (y * 230.0).floor();
    let along = x * 95.0 + 0.5 * course.rem_euclid(2.0);
    let joint = (y * 230.0).rem_euclid(1.0) < 0.16 || along.rem_euclid(1.0) < 0.08;
    let brick = 0.82 + 0.36 * chance(along.floor() as i32, course as i32, house.seed);
    let plaster = house.seed.is_multiple_of(3);
    let grime =
        0.85 + 0.35 * fbm(x * 16.0, y * 9.0, 5, house.seed) - 0.18 * smooth(0.03, 0.0, STREET - y);
    let mut wall = house.wall * grime;
    if !plaster {
        wall = if joint {
            wall * 0.78 + Rgb::new(0.02, 0.02, 0.02)
        } else {
            wall * brick
        };
    }
    let wall = wall * (0.70 + 0.30 * smooth(0.0, 0.004, edge));

    let body = STREET - house.eaves - 0.012;
    let floor_height = body / house.floors as f32;
    let storey = (y - house.eaves - 0.012) / floor_height;
    if storey < 0.0 {
        // The hoist and the attic window in the gable.
        let (dx, dy) = ((u - 0.5) * house.width, y - house.eaves + 0.026);
        return opening(house, (90, 0), (dx, dy), (0.0105, 0.0165), true, dusk)
            .unwrap_or(wall * dusk);
    }
    let floor = storey as u32;
    let down = storey.fract();
    let bay = (u * house.bays as f32) as u32;
    let ground = floor + 1 == house.floors;
    let pitch = house.width / house.bays as f32;
    let dx = (u * house.bays as f32).fract() * pitch - pitch / 2.0;
    let dy = (down - 0.52) * floor_height;
    let tall = floor_height * (0.36 - 0.015 * floor as f32 * 0.0);
    if ground && bay == house.seed % house.bays {
        return door(
            house,
            dx,
            (down - 0.56) * floor_height,
            pitch,
            floor_height,
            wall,
            dusk,
        );
    }
    if let Some(light) = opening(
        house,
        (bay, floor),
        (dx, dy),
        (pitch * 0.31, tall),
        !ground,
        dusk,
    ) {
        return light;
    }
    // Flower boxes below some windows.
    let box_top = tall + 0.0005;
    if !ground && hash(bay as i32, floor as i32, house.seed) % 5 < 2 && dx.abs() < pitch * 0.36 {
        let leaf = noise(x * 900.0, y * 900.0, house.seed);
        let lift = 0.006 + 0.003 * noise(x * 300.0, 0.0, house.seed);
        if dy > box_top - lift && dy < box_top + 0.007 {
            let petal = chance((x * 700.0) as i32, (y * 700.0) as i32, house.seed);
            let bloom = if petal > 0.72 {
                Rgb::hex(0xd8384a)
            } else {
                Rgb::hex(0x3d5a2a)
            };
            let colour = if dy > box_top + 0.003 {
                Rgb::hex(0x4a3426)
            } else {
                bloom * (1.0 + 0.6 * leaf)
            };
            return colour * dusk * 1.1;
        }
    }
    wall * dusk
}

/// A window: frame, sill, glazing bars, and behind the panes either a lit room or the sky.
fn opening(
    house: &House,
    (bay, floor): (u32, u32),
    (dx, dy): (f32, f32),
    (half, tall): (f32, f32),
    sill: bool,
    dusk: Rgb,
) -> Option<Rgb> {
    let trim = Rgb::hex(0xece6da);
    if sill && dx.abs() < half + 0.004 && (dy - tall - 0.0015).abs() < 0.0022 {
        return Some(trim * dusk * 0.9);
    }
    if dx.abs() > half || dy.abs() > tall {
        return None;
    }
    let rim = (half - dx.abs()).min(tall - dy.abs());
    let cross = dx.abs().min((dy + tall * 0.25).abs());
    let fine = ((dy / tall * 3.0).rem_euclid(1.0) * tall / 3.0).min(9.0);
    if rim < 0.0024 || cross < 0.0010 || (dy > -tall * 0.25 && fine < 0.0008) {
        return Some(trim * dusk * if rim < 0.0008 { 0.45 } else { 0.95 });
    }
    let number = hash(bay as i32, floor as i32, house.seed ^ 77);
    let (u, v) = (dx / half, dy / tall);
    if number % 100 < 46 {
        let warm = Rgb::hex(0xffb45e).mix(Rgb::hex(0xffd9a0), (number >> 8 & 255) as f32 / 255.0);
        let lamp = (-((u - 0.2).powi(2) + (v + 0.35).powi(2)) * 2.0).exp();
        let curtain = smooth(0.50, 0.62, u.abs() + 0.06 * (v * 9.0).sin() * 0.3) * 0.55;
        let things = smooth(0.1, 0.2, v - 0.45 - 0.35 * noise(dx * 240.0, 0.0, number));
        return Some(warm * (0.75 + 1.1 * lamp) * (1.0 - curtain) * (1.0 - 0.6 * things));
    }
    let glass = Rgb::hex(0x5a6f9c).mix(
        Rgb::hex(0x1b2436),
        0.55 + 0.4 * v + 0.3 * noise(u * 1.5, v + u, number),
    );
    let curtain = smooth(0.55, 0.6, u.abs()) * 0.35;
    Some(glass.mix(trim * 0.5, curtain) * 0.55)
}

fn door(house: &House, dx: f32, dy: f32, pitch: f32, storey: f32, wall: Rgb, dusk: Rgb) -> Rgb {
    const DOORS: [u32; 5] = [0x1f4a3a, 0x23406e, 0x7a2424, 0x2e2e34, 0x3f5a2c];
    let (half, top) = (pitch * 0.27, -storey * 0.44);
    let from_edge = (half - dx.abs()).min(dy - top);
    if from_edge < -0.004 {
        return wall * dusk;
    }
    if from_edge < 0.0 {
        return Rgb::hex(0xe8e0d0) * dusk * 0.9;
    }
    let light = top + storey * 0.20;
    if dy < light {
        let bars = (dx / half * 2.0).rem_euclid(1.0);
        return if bars < 0.12 {
            Rgb::hex(0xe0d8c8) * dusk * 0.7
        } else {
            Rgb::hex(0xffc070) * 1.1
        };
    }
    let (u, v) = (dx.abs() / half, (dy - light) / (storey * 0.68));
    let panel = (u - 0.5).abs().max(((v * 3.0).fract() - 0.5).abs() * 0.9);
    let relief = if panel > 0.36 && panel < 0.42 {
        0.6
    } else {
        1.0
    };
    let knob = (dx - half * 0.62).hypot(dy - light - storey * 0.34) < 0.0014;
    let paint = Rgb::hex(DOORS[house.seed as usize % DOORS.len()]) * relief;
    if knob {
        Rgb::hex(0xe0b050)
    } else {
        paint * dusk * 1.1
    }
}

const LAMPS: [f32; 4] = [0.16, 0.58, 1.00, 1.40];

fn lamp_light(x: f32, y: f32) -> Rgb {
    let mut sum = 0.0;
    for lamp in LAMPS {
        let far = ((x - lamp) / 0.11).powi(2) + ((y - 0.565) / 0.085).powi(2);
        sum += 1.0 / (1.0 + far * 1.6).powi(2);
    }
    Rgb::new(1.5, 0.86, 0.38) * sum
}

fn quay(x: f32, y: f32, seed: u32) -> Rgb {
    let light = Rgb::new(0.5, 0.56, 0.78) * 0.8 + lamp_light(x, 0.63) * 0.8;
    if y < STREET + 0.008 {
        let kerb = (x * 36.0).rem_euclid(1.0) < 0.03;
        return Rgb::hex(0x9c948a) * light * if kerb { 0.5 } else { 0.9 };
    }
    let course = (y * 140.0).floor();
    let along = x * 40.0 + 0.5 * course.rem_euclid(2.0);
    let block = 0.7 + 0.5 * chance(along.floor() as i32, course as i32, seed);
    let joint = along.rem_euclid(1.0) < 0.05 || (y * 140.0).rem_euclid(1.0) < 0.14;
    let moss = Rgb::hex(0x3a4a2a).mix(
        Rgb::hex(0x5c4d44),
        smooth(WATER, STREET, y + 0.012 * fbm(x * 20.0, 0.0, 4, seed)),
    );
    moss * light * block * if joint { 0.45 } else { 0.75 }
}

fn trees(canvas: &mut Canvas, seed: u32) {
    for (at, x) in [0.37_f32, 0.80, 1.235].into_iter().enumerate() {
        let number = seed.wrapping_add(300 + at as u32);
        let crown = 0.455;
        let soft = canvas.unit();
        canvas.paint((x, 0.56), (0.02, 0.09), |dx, dy| {
            let half =
                0.0042 + 0.004 * smooth(0.0, 0.085, dy) + 0.001 * noise(dy * 60.0, 0.0, number);
            let light = Rgb::new(0.4, 0.42, 0.5) + lamp_light(x + dx, 0.56 + dy);
            (
                Rgb::hex(0x3c3228) * light * 0.7,
                smooth(-soft, soft, half - dx.abs()),
            )
        });
        canvas.paint((x, crown), (0.10, 0.12), |dx, dy| {
            let edge = 1.0 - (dx / 0.080).hypot(dy / 0.098);
            let clumps = fbm(dx * 32.0, dy * 32.0, 3, number);
            let leaves = fbm(dx * 210.0, dy * 210.0, 3, number ^ 9);
            let cover = smooth(0.08, 0.22, edge + 0.55 * clumps + 0.55 * leaves);
            let light = Rgb::new(0.34, 0.42, 0.60) * (0.55 - dy * 4.5 + clumps * 0.9).max(0.12)
                + lamp_light(x + dx, crown + dy) * 0.7;
            let green = Rgb::hex(0x4d6a2c).mix(Rgb::hex(0x9a8a34), 0.5 + leaves);
            (green * light * (0.75 + leaves), cover)
        });
    }
}

fn lamps(canvas: &mut Canvas) {
    let soft = canvas.unit();
    for x in LAMPS {
        canvas.paint((x, 0.605), (0.012, 0.05), |dx, dy| {
            let half = 0.0016 + 0.0022 * smooth(0.028, 0.034, dy);
            let post = smooth(-soft, soft, half - dx.abs())
                * smooth(-0.04, -0.038, dy)
                * smooth(0.037, 0.035, dy);
            (Rgb::hex(0x14181a) * 0.8, post)
        });
        canvas.paint((x, 0.556), (0.012, 0.016), |dx, dy| {
            let half = 0.0052 - 0.12 * dy;
            let lantern = smooth(-soft, soft, half - dx.abs()) * smooth(0.011, 0.010, dy.abs());
            let frame = !(-0.0078..=0.0090).contains(&dy) || (half - dx.abs()) < 0.0009;
            (
                if frame {
                    Rgb::hex(0x14181a)
                } else {
                    Rgb::new(4.2, 2.9, 1.5)
                },
                lantern,
            )
        });
        canvas.glow((x, 0.556), 0.085, Rgb::new(1.7, 1.0, 0.42));
    }
}

fn water(above: &Canvas, x: f32, y: f32, seed: u32) -> Rgb {
    let below = y - WATER;
    let scale = 1.0 / (0.05 + below);
    let (u, v) = ((x - 0.75) * scale * 1.6, scale * 3.2);
    let wave =
        0.6 * fbm(u * 2.2, v * 3.0, 4, seed ^ 31) + 0.4 * fbm(u * 9.0, v * 13.0, 3, seed ^ 32);
    let sway = fbm(u * 3.0 + 9.0, v * 3.6, 4, seed ^ 33);
    let reach = 0.012 + below * 0.22;
    let mut mirror = Rgb::BLACK;
    for tap in 0..6 {
        let off = (tap as f32 - 2.5) * (0.0015 + below * 0.010);
        let up = WATER - below * 1.55 - wave * reach * 1.1 - off;
        mirror = mirror + above.at(x + sway * reach * 0.30, up.min(WATER)) * (1.0 / 6.0);
    }
    let fresnel = (0.80 - 0.9 * below + wave * 0.5).clamp(0.25, 0.92);
    let deep = Rgb::hex(0x15242c) * 0.45;
    deep.mix(mirror, fresnel) * (0.72 + 0.28 * smooth(0.0, 0.012, below))
}

fn boat(canvas: &mut Canvas, x: f32, y: f32, paint: Rgb, seed: u32) {
    let soft = canvas.unit() * 1.2;
    let half = 0.105;
    canvas.paint((x, y + 0.014), (half * 1.1, 0.016), |dx, dy| {
        let cover = (1.0 - (dx / half).powi(2) - (dy / 0.014).powi(2)).max(0.0);
        (Rgb::hex(0x0b1116) * 0.5, cover * 0.9)
    });
    canvas.paint((x, y), (half * 1.1, 0.04), |dx, dy| {
        let t = dx / half;
        let sheer = -0.020 - 0.013 * t * t;
        let keel = 0.014 * (1.0 - t.powi(4)).max(0.0).sqrt();
        let hull = smooth(-soft, soft, dy - sheer)
            * smooth(soft, -soft, dy - keel)
            * smooth(1.0, 0.985, t.abs());
        let down = (dy - sheer) / 0.034;
        let planks = if (down * 5.0).rem_euclid(1.0) < 0.10 {
            0.6
        } else {
            1.0
        };
        let rim = down < 0.14;
        let grain = 0.85 + 0.3 * fbm(dx * 60.0, dy * 300.0, 4, seed);
        let light =
            Rgb::new(0.50, 0.55, 0.72) * (0.85 - 0.5 * down) + lamp_light(x + dx, 0.60) * 0.35;
        let colour = if rim {
            Rgb::hex(0xd8cdb4)
        } else {
            paint * planks
        };
        (colour * light * grain, hull)
    });
    // A tarpaulin over the middle.
    canvas.paint((x - 0.01, y - 0.026), (0.06, 0.018), |dx, dy| {
        let top = -0.014 * (1.0 - (dx / 0.052).powi(4)).max(0.0).sqrt();
        let folds = 0.8 + 0.5 * noise(dx * 130.0, dy * 40.0, seed);
        let cover = smooth(-soft, soft, dy - top)
            * smooth(0.006, 0.005, dy)
            * smooth(0.053, 0.052, dx.abs());
        (
            Rgb::hex(0x6f7d70) * folds * Rgb::new(0.5, 0.52, 0.62),
            cover,
        )
    });
}
