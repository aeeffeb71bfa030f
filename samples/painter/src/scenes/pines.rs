//! Firs: boughs in tiers about a trunk, the lower ones painted first.

use crate::canvas::{Canvas, Rgb};
use crate::noise::{Dice, fbm, lerp, smooth};

/// A fir with its foot at `foot`, `tall` in picture heights.
pub(crate) fn fir(canvas: &mut Canvas, foot: (f32, f32), tall: f32, colour: Rgb, seed: u32) {
    let soft = canvas.unit();
    let mut dice = Dice::new(seed);
    let top = foot.1 - tall;
    canvas.paint(
        (foot.0, foot.1 - tall * 0.48),
        (tall * 0.02, tall * 0.48),
        |dx, dy| {
            let half = tall * lerp(0.0, 0.011, dy / tall + 0.5);
            (
                Rgb::hex(0x2c231c) * 0.35,
                smooth(-soft, soft, half - soft * 0.8 - dx.abs()),
            )
        },
    );
    let tiers = 34;
    for tier in (0..tiers).rev() {
        let down = (tier as f32 + dice.between(0.2, 0.8)) / tiers as f32;
        if down > 0.95 {
            continue;
        }
        let reach = tall * (0.018 + 0.18 * down.powf(0.78)) * dice.between(0.78, 1.12);
        for bough in 0..7_u32 {
            let turn = (bough as f32 + dice.between(-0.3, 0.3)) / 7.0 * std::f32::consts::TAU;
            let (side, front) = (turn.cos(), turn.sin());
            let start = (foot.0, top + tall * (down + 0.012 * front));
            let long = reach * dice.between(0.75, 1.05);
            let light = (0.75 + 0.35 * front) * dice.between(0.7, 1.25) * lerp(1.15, 0.8, down);
            let shape = Bough {
                side: side * long,
                sag: tall * 0.045 * (0.3 + down) + 0.25 * long * front,
                thick: (tall * 0.014 * (0.5 + down)).max(soft),
            };
            shape.paint(
                canvas,
                start,
                colour * light,
                seed.wrapping_add(tier * 8 + bough),
            );
        }
    }
}

struct Bough {
    /// Its reach to the right, the sag of its tip, the length of its needles.
    side: f32,
    sag: f32,
    thick: f32,
}

impl Bough {
    fn paint(&self, canvas: &mut Canvas, start: (f32, f32), colour: Rgb, seed: u32) {
        let soft = canvas.unit();
        let middle = (start.0 + self.side / 2.0, start.1 + self.sag / 2.0);
        let reach = (
            self.side.abs() / 2.0 + soft * 2.0,
            self.sag.abs() / 2.0 + self.thick * 3.0,
        );
        let grain = 0.5 / self.thick;
        canvas.paint(middle, reach, |dx, dy| {
            let out = (dx + self.side / 2.0) * self.side.signum();
            let along = (out / self.side.abs()).clamp(0.0, 1.0);
            let spine = self.sag * along.powf(1.4)
                - self.sag / 2.0
                - self.thick * (along - 0.75).max(0.0) * 2.0;
            let needles = fbm(dx * grain * 3.2, dy * grain * 1.3, 3, seed);
            let depth = self.thick * (1.0 - along).sqrt() * (1.15 + 1.5 * needles);
            let off = dy - spine;
            let cover =
                smooth(-soft, soft, depth * 1.25 - off) * smooth(-soft, soft, off + depth * 0.55);
            let light = 0.62 + 0.9 * needles + 0.55 * smooth(0.5, -0.5, off / self.thick);
            (
                colour * light.max(0.12),
                cover * smooth(-soft, 0.0, out) * smooth(soft, 0.0, out - self.side.abs()),
            )
        });
    }
}
