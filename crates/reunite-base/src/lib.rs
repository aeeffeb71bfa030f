//! Small things that more than one application needs, each in one place.
//!
//! * [`file`](mod@file): writes files that are whole or not there.
//! * [`escape`]: makes foreign text safe for a terminal, for HTML and XML, and JSON for a terminal.
//! * [`units`]: writes counts with the singular or the plural, and numbers of bytes.
//! * [`secret`]: compares secrets in constant time.
//! * [`machine`]: tells how many cores and how much memory there are.
//!
//! The crate stands below the applications. It does not use the library `reunite`, and `reunite` does not use it.
#![forbid(unsafe_code)]

pub mod escape;
pub mod file;
pub mod machine;
pub mod secret;
pub mod units;
