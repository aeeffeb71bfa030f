//! Pictures made smaller.
//!
//! *One picture*: [`Probe`] reads a header, [`Transform`] says what is wanted, [`transform`] does it:
//! decode (JPEGs already scaled, in the DCT), resize, turn upright, encode. No threads, no files.
//!
//! *A folder*: [`batch`] finds the pictures, runs load, transform and save as a pipeline of joined tasks
//! within a memory budget, and leaves whole files or none.
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
