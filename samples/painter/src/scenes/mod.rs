//! The pictures. Each is a function of its size and a seed.

pub(crate) mod blue_door;
pub(crate) mod canal;
pub(crate) mod dunes;
pub(crate) mod lake;
pub(crate) mod lighthouse;
pub(crate) mod milky_way;
pub(crate) mod pines;
pub(crate) mod poppies;
pub(crate) mod sunflower;

use crate::canvas::Canvas;

/// A picture of this width and height, varied by the seed.
pub(crate) type Scene = fn(usize, usize, u32) -> Canvas;
