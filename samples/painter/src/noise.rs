//! Repeatable randomness: a hash of the plane, and the noises made of it.

/// Mixes two coordinates and a seed into 32 bits that look random.
pub(crate) fn hash(x: i32, y: i32, seed: u32) -> u32 {
    let mut h = (x as u32).wrapping_mul(0x9E37_79B1)
        ^ (y as u32).wrapping_mul(0x85EB_CA77)
        ^ seed.wrapping_mul(0xC2B2_AE3D);
    h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
    h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
    h ^ (h >> 15)
}

/// The same, from 0 to 1.
pub(crate) fn chance(x: i32, y: i32, seed: u32) -> f32 {
    (hash(x, y, seed) >> 8) as f32 / 16_777_216.0
}

/// Gradient noise (Perlin 2002), from about -1 to 1.
pub(crate) fn noise(x: f32, y: f32, seed: u32) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let (fx, fy) = (x - left, y - top);
    let (ix, iy) = (left as i32, top as i32);
    let slope = |dx: i32, dy: i32| {
        let bits = hash(ix + dx, iy + dy, seed);
        let gx = (bits & 0xFFFF) as f32 / 32_768.0 - 1.0;
        let gy = (bits >> 16) as f32 / 32_768.0 - 1.0;
        gx * (fx - dx as f32) + gy * (fy - dy as f32)
    };
    let fade = |t: f32| t * t * t * (t * (t * 6.0 - 15.0) + 10.0);
    let (u, v) = (fade(fx), fade(fy));
    let above = lerp(slope(0, 0), slope(1, 0), u);
    let below = lerp(slope(0, 1), slope(1, 1), u);
    lerp(above, below, v) * 1.5
}

/// Octaves of noise, each half as tall and twice as fine: from about -1 to 1.
pub(crate) fn fbm(x: f32, y: f32, octaves: u32, seed: u32) -> f32 {
    let (mut sum, mut height, mut px, mut py) = (0.0, 0.5, x, y);
    for octave in 0..octaves {
        sum += height * noise(px, py, seed.wrapping_add(octave));
        // Turned a little each time, so that the lattices do not show.
        (px, py) = ((px * 0.8 - py * 0.6) * 2.02, (px * 0.6 + py * 0.8) * 2.02);
        height *= 0.5;
    }
    sum
}

/// Sharp crests with detail where it is high (Musgrave's ridged multifractal), from 0 to about 1.
pub(crate) fn ridges(x: f32, y: f32, octaves: u32, seed: u32) -> f32 {
    let (mut sum, mut height, mut weight, mut px, mut py) = (0.0, 0.5, 1.0_f32, x, y);
    for octave in 0..octaves {
        let crest = 1.0 - noise(px, py, seed.wrapping_add(octave)).abs().min(1.0);
        let crest = crest * crest * weight;
        sum += height * crest;
        weight = (crest * 1.8).clamp(0.0, 1.0);
        (px, py) = ((px * 0.8 - py * 0.6) * 2.03, (px * 0.6 + py * 0.8) * 2.03);
        height *= 0.5;
    }
    sum
}

/// Pebbles (Worley 1996): the distances to the nearest and the next point, and the nearest one's number.
pub(crate) fn cells(x: f32, y: f32, seed: u32) -> (f32, f32, u32) {
    let (ix, iy) = (x.floor() as i32, y.floor() as i32);
    let (mut near, mut next, mut number) = (f32::MAX, f32::MAX, 0);
    for cy in iy - 1..=iy + 1 {
        for cx in ix - 1..=ix + 1 {
            let px = cx as f32 + 0.1 + 0.8 * chance(cx, cy, seed);
            let py = cy as f32 + 0.1 + 0.8 * chance(cx, cy, seed ^ 0x5555);
            let distance = (px - x).hypot(py - y);
            if distance < near {
                (next, near, number) = (near, distance, hash(cx, cy, seed ^ 0xAAAA));
            } else if distance < next {
                next = distance;
            }
        }
    }
    (near, next, number)
}

pub(crate) fn lerp(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// 0 up to `from`, 1 past `to`, smooth between; `from` may be the greater.
pub(crate) fn smooth(from: f32, to: f32, x: f32) -> f32 {
    let t = ((x - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A stream of numbers from 0 to 1.
pub(crate) struct Dice {
    seed: u32,
    rolled: i32,
}

impl Dice {
    pub(crate) fn new(seed: u32) -> Self {
        Self { seed, rolled: 0 }
    }

    pub(crate) fn roll(&mut self) -> f32 {
        self.rolled += 1;
        chance(self.rolled, 77, self.seed)
    }

    pub(crate) fn between(&mut self, from: f32, to: f32) -> f32 {
        lerp(from, to, self.roll())
    }
}
