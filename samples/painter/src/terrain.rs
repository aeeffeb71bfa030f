//! Land seen by a level camera: one march along the ground for each column of the picture.

use crate::canvas::in_rows;
use crate::noise::lerp;

/// Where the eye is, in the units of the land; it looks along z.
#[derive(Clone, Copy)]
pub(crate) struct Camera {
    pub(crate) x: f32,
    pub(crate) height: f32,
    pub(crate) z: f32,
    /// In picture heights.
    pub(crate) focal: f32,
    /// In picture heights from the top.
    pub(crate) horizon: f32,
}

/// The distance of the land that each pixel shows.
pub(crate) struct Depths {
    width: usize,
    height: usize,
    camera: Camera,
    /// Column by column; infinite where there is sky.
    depths: Vec<f32>,
}

/// A place on the land.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) x: f32,
    pub(crate) z: f32,
    pub(crate) distance: f32,
}

impl Depths {
    pub(crate) fn march(
        (width, height): (usize, usize),
        camera: Camera,
        (near, far): (f32, f32),
        land: impl Fn(f32, f32) -> f32 + Sync,
    ) -> Self {
        let mut depths = vec![f32::INFINITY; width * height];
        in_rows(&mut depths, height, |column, line| {
            let slant = camera.slant((column as f32 + 0.5 - width as f32 / 2.0) / height as f32);
            let mut filled = height;
            let (mut distance, mut before) = (near, near);
            while distance < far && filled > 0 {
                let ground = land(camera.x + slant * distance, camera.z + distance);
                let rise = (ground - camera.height) / distance * camera.focal;
                let top = (camera.horizon - rise) * height as f32;
                let top = (top.max(0.0) as usize).min(height);
                let share = 1.0 / filled.saturating_sub(top).max(1) as f32;
                for (steps, cell) in line[top.min(filled)..filled].iter_mut().rev().enumerate() {
                    *cell = lerp(before, distance, (steps + 1) as f32 * share);
                }
                filled = filled.min(top);
                before = distance;
                distance *= 1.0012;
            }
        });
        Self {
            width,
            height,
            camera,
            depths,
        }
    }

    /// The land at a point of the picture, in heights, or nothing where there is sky.
    pub(crate) fn at(&self, x: f32, y: f32) -> Option<Place> {
        let column = ((x * self.height as f32) as usize).min(self.width - 1);
        let row = ((y * self.height as f32) as usize).min(self.height - 1);
        let distance = self.depths[column * self.height + row];
        let middle = self.width as f32 / self.height as f32 / 2.0;
        distance.is_finite().then(|| Place {
            x: self.camera.x + self.camera.slant(x - middle) * distance,
            z: self.camera.z + distance,
            distance,
        })
    }
}

impl Camera {
    fn slant(&self, x: f32) -> f32 {
        x / self.focal
    }
}

pub(crate) type Vector = [f32; 3];

pub(crate) fn normalise([x, y, z]: Vector) -> Vector {
    let length = (x * x + y * y + z * z).sqrt();
    [x / length, y / length, z / length]
}

pub(crate) fn dot(a: Vector, b: Vector) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// Returns the direction that the land faces, measured over `step`.
pub(crate) fn normal(x: f32, z: f32, step: f32, land: impl Fn(f32, f32) -> f32) -> Vector {
    let here = land(x, z);
    normalise([here - land(x + step, z), step, here - land(x, z + step)])
}

/// Returns the share of the sun that a place sees, from 0 to 1, soft at the edge of the shadow.
pub(crate) fn sunlight(
    (x, z): (f32, f32),
    sun: Vector,
    (first, reach): (f32, f32),
    land: impl Fn(f32, f32) -> f32,
) -> f32 {
    let ground = land(x, z);
    let (mut seen, mut along) = (1.0_f32, first);
    while along < reach && seen > 0.0 {
        let clear = ground + sun[1] * along - land(x + sun[0] * along, z + sun[2] * along);
        seen = seen.min(0.5 + clear / along * 18.0);
        along *= 1.35;
    }
    seen.clamp(0.0, 1.0)
}
