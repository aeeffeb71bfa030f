//! Requests: read, looked at, refused.

mod body;
mod head;
mod reader;

pub(crate) use head::{Method, Request};
pub(crate) use reader::{Read, Reader};
