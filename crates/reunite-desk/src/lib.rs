//! A window over [`reunite_images`] that never freezes.
//!
//! [`Desk`] is what it shows and what can be done with it, without a window; [`Window`] draws that with egui.
//! The thread that draws waits for nothing: work is done by tasks that wake it when they have something
//! ([`reunite::JoinHandle::on_complete`]), and it takes that without waiting ([`reunite::JoinHandle::try_join`]).
#![forbid(unsafe_code)]

mod batch;
mod errand;
mod folder;
mod insight;
mod model;
mod settings;
mod thumbs;
mod view;
mod words;

pub use errand::Wake;
pub use insight::{Insight, Lane, Line, Span};
pub use model::{Counts, DRAIN, Desk, Made, Phase, Row, State};
pub use settings::{Settings, Theme};
pub use view::Window;
