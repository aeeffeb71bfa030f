//! The size of the result, and the part of the source that it shows.

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Size {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
}

impl Size {
    /// Creates a size from width and height.
    pub fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    pub(crate) fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Returns the size with width and height exchanged if `exchange`, else unchanged.
    pub(crate) fn exchanged_if(self, exchange: bool) -> Self {
        if exchange {
            Self {
                width: self.height,
                height: self.width,
            }
        } else {
            self
        }
    }
}

/// The way to fit a picture into the box it is scaled to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// Fits the whole picture into the box and keeps its proportions.
    #[default]
    Fit,
    /// Fills the box, keeps the proportions, and crops the overhang evenly on both sides.
    Cover,
    /// Scales to exactly the box; the proportions may change.
    Exact,
}

/// The size of the result, and of the scaled source that it is cut from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Layout {
    /// The size of the result.
    pub(crate) target: Size,
    /// The size that the whole source would have at the result's scale. It is larger than `target` only where
    /// the picture is cropped.
    pub(crate) scaled: Size,
}

impl Layout {
    /// Computes the layout of `source` in the box `within`, both upright. Unless `enlarge`, the picture is not scaled up
    /// (except by `Fit::Exact`).
    pub(crate) fn new(source: Size, within: Size, fit: Fit, enlarge: bool) -> Self {
        let x = f64::from(within.width) / f64::from(source.width.max(1));
        let y = f64::from(within.height) / f64::from(source.height.max(1));
        let limit = if enlarge { f64::INFINITY } else { 1.0 };
        let scale = |factor: f64| {
            // The result may exceed what a file can hold: the overhang is never computed.
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
    fn fit_scales_the_whole_picture_into_the_box() {
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
    fn a_picture_is_enlarged_only_on_request() {
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
        // The visible part keeps its proportions even where the cropped side is very long.
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
