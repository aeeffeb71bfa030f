//! A web site on loopback addresses, for tests and measurements. [`Site`] generates the pages and knows every byte of
//! them; [`Server`] serves them, or any other replies, faults included.
//!
//! ```
//! use loopback_site::{Reply, Server};
//! let server = Server::start(1, |request| Reply::html(format!("<p>{}", request.path))).unwrap();
//! assert!(server.address(0).ip().is_loopback());
//! ```
#![forbid(unsafe_code)]

mod rng;
mod server;
mod site;

pub use server::{Reply, Request, Seen, Server, Step};
pub use site::{Kind, Page, Plan, Site};
