//! How large the result is, and which part of the source it shows.

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Size {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
}

impl Size {
    /// Width and height.
    pub fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    pub(crate) fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Lying instead of standing, or the reverse.
    pub(crate) fn turned(self, turn: bool) -> Self {
        if turn {
            Self {
                width: self.height,
                height: self.width,
            }
        } else {
            self
        }
    }
}

/// How a picture fills the box it is scaled to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// All of it, inside the box, its proportions kept.
    #[default]
    Fit,
    /// All of the box filled, its proportions kept, what protrudes cut off evenly.
    Cover,
    /// Exactly the box, whatever that does to the proportions.
    Exact,
}

/// What to do with a picture of a known size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Layout {
    /// The size of the result.
    pub(crate) target: Size,
    /// The size that the whole source would have at the result's scale: larger than `target` only where
    /// the picture is cut.
    pub(crate) scaled: Size,
}

impl Layout {
    /// `source` and `within` both upright. Unless `enlarge`, no side is scaled up (but by `Fit::Exact`).
    pub(crate) fn new(source: Size, within: Size, fit: Fit, enlarge: bool) -> Self {
        let x = f64::from(within.width) / f64::from(source.width.max(1));
        let y = f64::from(within.height) / f64::from(source.height.max(1));
        let limit = if enlarge { f64::INFINITY } else { 1.0 };
        let scale = |factor: f64| {
            // A long side may become longer than any file's: what protrudes is never made.
            let side = |length: u32| (f64::from(length) * factor).round().max(1.0) as u32;
            Size::new(side(source.width), side(source.height))
        };
        match fit {
            Fit::Fit => {
                let scaled = scale(x.min(y).min(limit));
                Self {
                    target: scaled,
                    scaled,
                }
            }
            Fit::Cover => {
                let scaled = scale(x.max(y).min(limit));
                let target = Size::new(
                    scaled.width.min(within.width),
                    scaled.height.min(within.height),
                );
                Self { target, scaled }
            }
            Fit::Exact => Self {
                target: within,
                scaled: within,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(source: (u32, u32), within: (u32, u32), fit: Fit, enlarge: bool) -> (Size, Size) {
        let size = |(width, height)| Size::new(width, height);
        let Layout { target, scaled } = Layout::new(size(source), size(within), fit, enlarge);
        (target, scaled)
    }

    #[test]
    fn fit_keeps_the_whole_picture_inside_the_box() {
        for source in [
            (4000, 3000),
            (3000, 4000),
            (1, 9000),
            (9000, 1),
            (513, 512),
            (7, 5),
        ] {
            for within in [(512, 512), (100, 300), (1, 1), (4096, 16)] {
                let (target, scaled) = layout(source, within, Fit::Fit, false);
                assert!(target.width >= 1 && target.height >= 1);
                assert!(target.width <= within.0.max(1) && target.height <= within.1.max(1));
                assert!(target.width <= source.0 && target.height <= source.1);
                assert_eq!(target, scaled);
            }
        }
        assert_eq!(
            layout((4000, 3000), (512, 512), Fit::Fit, false).0,
            Size::new(512, 384)
        );
    }

    #[test]
    fn nothing_is_enlarged_unless_asked() {
        assert_eq!(
            layout((40, 30), (512, 512), Fit::Fit, false).0,
            Size::new(40, 30)
        );
        assert_eq!(
            layout((40, 30), (400, 400), Fit::Fit, true).0,
            Size::new(400, 300)
        );
        assert_eq!(
            layout((40, 30), (20, 100), Fit::Cover, false).0,
            Size::new(20, 30)
        );
    }

    #[test]
    fn cover_fills_the_box_and_exact_is_exact() {
        let (target, scaled) = layout((4000, 3000), (500, 500), Fit::Cover, false);
        assert_eq!((target, scaled), (Size::new(500, 500), Size::new(667, 500)));
        // However long the side that is cut: the part that is shown keeps its proportions.
        let (target, scaled) = layout((1, 10_000), (512, 512), Fit::Cover, true);
        assert_eq!(
            (target, scaled),
            (Size::new(512, 512), Size::new(512, 5_120_000))
        );
        assert_eq!(
            layout((4000, 3000), (17, 900), Fit::Exact, false).0,
            Size::new(17, 900)
        );
    }
}
