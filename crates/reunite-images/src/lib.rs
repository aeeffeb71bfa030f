//! Resizes pictures.
//!
//! *One picture*: [`Probe`] reads a header, [`Transform`] describes the result, and [`transform`] makes it:
//! it decodes (JPEGs already scaled, in the DCT), resizes, turns upright and encodes. It uses no threads and no files.
//!
//! *A folder*: [`batch`] finds the pictures and runs load, transform and save as a pipeline of joined tasks
//! within a memory budget. Every output file is complete or absent.
#![forbid(unsafe_code)]

mod apply;
pub mod batch;
mod codec;
mod error;
mod format;
mod geometry;
mod picture;
mod probe;
mod transform;

pub use apply::{Encoded, transform};
pub use error::ImageError;
pub use format::{InputFormat, OutputFormat};
pub use geometry::{Fit, Size};
pub use probe::Probe;
pub use transform::Transform;
