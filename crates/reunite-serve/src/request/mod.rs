//! Reading and parsing requests.

mod body;
mod head;
mod method;
mod reader;

pub(crate) use head::Request;
pub(crate) use method::Method;
pub(crate) use reader::{NextRequest, Reader};
