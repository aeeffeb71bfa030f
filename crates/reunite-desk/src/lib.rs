//! A window that resizes pictures with [`reunite_images`] and never freezes.
//!
//! [`Desk`] is the window's state and its actions, without a window; [`Window`] draws it with egui. The drawing thread
//! never waits: background tasks do the work and wake it on completion ([`reunite::JoinHandle::on_complete`]), and it
//! takes their results without waiting ([`reunite::JoinHandle::try_join`]).
#![forbid(unsafe_code)]

mod background;
mod batch;
mod folder;
mod insight;
mod messages;
mod model;
mod settings;
mod thumbs;
mod view;

pub use background::Wake;
pub use insight::{Insight, Lane, Line, Span};
pub use model::{Counts, DRAIN, Desk, Made, Phase, Row, State};
pub use settings::{Settings, Theme};
pub use view::Window;
