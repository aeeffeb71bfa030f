//! Heads of HTTP/1 requests (the feature `http`): reading and parsing them, and the statuses of answers.
//!
//! The parser is strict (RFC 9112): it refuses every form that two parsers might interpret differently, such as lines
//! that end in a bare LF. It checks the syntax only; which methods, targets and fields are valid is up to the server.

mod fields;
mod reader;
mod request_line;
mod status;

pub use fields::Fields;
pub use reader::{HeadReader, NextHead};
pub use request_line::RequestLine;
pub use status::StatusCode;
