//! The methods of requests.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Head,
    Options,
    Post,
    /// `CONNECT`, which is not supported; its target has a form of its own.
    Connect,
    /// A method that is known and not supported.
    Other,
}

impl Method {
    /// Returns the method with this name; `None` if it is unknown.
    pub(super) fn of(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"GET" => Self::Get,
            b"HEAD" => Self::Head,
            b"OPTIONS" => Self::Options,
            b"POST" => Self::Post,
            b"CONNECT" => Self::Connect,
            b"PUT" | b"DELETE" | b"PATCH" | b"TRACE" => Self::Other,
            _ => return None,
        })
    }
}
