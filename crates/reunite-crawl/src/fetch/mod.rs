//! One request, one answer: whole, decoded, read; or the reason why not.

mod agent;
mod answer;
mod body;
mod cookies;
mod failure;
mod names;

pub use agent::{AgentSettings, Fetched, Fetcher, Request};
pub use answer::{Answer, Body};
pub(crate) use answer::{header, unpack};
pub use failure::Failure;
pub use names::{Names, SystemNames};
