//! HTTP requests, and their answers: complete, decoded and parsed, or the reason why there is none.

mod agent;
mod answer;
mod body;
mod cookies;
mod failure;
mod names;

pub use agent::{AgentSettings, Fetched, Fetcher, Method, Request};
pub use answer::{Answer, Body};
pub(crate) use answer::{header, unpack};
pub use failure::Failure;
pub use names::{Names, SystemNames};
