//! The header fields of a request.

use super::StatusCode;

/// The maximum number of fields.
const MAX_FIELDS: usize = 100;
/// The number of fields that are tried first, to initialise less memory for most requests.
const USUAL_FIELDS: usize = 16;

/// The header fields of a request, in order.
#[derive(Clone, Debug, Default)]
pub struct Fields(Vec<(String, Vec<u8>)>);

impl Fields {
    /// Parses the lines after the first one, up to and including the empty line.
    ///
    /// # Errors
    /// Returns the status that refuses the request: 431 for more than 100 fields, 400 for a malformed one.
    pub fn parse(lines: &[u8]) -> Result<Self, StatusCode> {
        match parse::<USUAL_FIELDS>(lines) {
            Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE) => parse::<MAX_FIELDS>(lines),
            usual => usual,
        }
    }

    /// Returns the number of fields.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Returns true if there is a field of this name, which must be in lower case.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(field, _)| field == name)
    }

    /// Returns the values of a field, in order. `name` must be in lower case.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.0
            .iter()
            .filter(move |(field, _)| field == name)
            .map(|(_, value)| value.as_slice())
    }

    /// Returns the value of a field that occurs once and is UTF-8. `name` must be in lower case.
    pub fn text(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(field, _)| field == name);
        let (_, value) = values.next()?;
        match values.next() {
            None => std::str::from_utf8(value).ok(),
            Some(_) => None,
        }
    }

    /// Returns the members of a list, which may span several fields of that name. `name` must be in lower case.
    pub fn list(&self, name: &str) -> Vec<&str> {
        self.0
            .iter()
            .filter(|(field, _)| field == name)
            .filter_map(|(_, value)| std::str::from_utf8(value).ok())
            .flat_map(|value| value.split(','))
            .map(|member| member.trim_matches([' ', '\t']))
            .filter(|member| !member.is_empty())
            .collect()
    }
}

/// Parses at most `MAX` fields; their names are stored in lower case.
fn parse<const MAX: usize>(lines: &[u8]) -> Result<Fields, StatusCode> {
    let mut slots = [httparse::EMPTY_HEADER; MAX];
    match httparse::parse_headers(lines, &mut slots) {
        Ok(httparse::Status::Complete((_, fields))) => Ok(Fields(
            fields
                .iter()
                .map(|field| (field.name.to_ascii_lowercase(), field.value.to_vec()))
                .collect(),
        )),
        Err(httparse::Error::TooManyHeaders) => Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        Ok(httparse::Status::Partial) | Err(_) => Err(StatusCode::BAD_REQUEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_name_in_lower_case() {
        let lines = b"Host: a\r\nACCEPT: b, c\r\nx: 1\r\nAccept: ,d\r\nX: 2\r\n\r\n";
        let fields = Fields::parse(lines).unwrap();
        assert_eq!(fields.count(), 5);
        assert_eq!(fields.text("host"), Some("a"));
        assert_eq!(fields.list("accept"), ["b", "c", "d"]);
        assert_eq!(fields.text("x"), None, "it occurs twice");
        assert!(fields.values("x").eq([b"1", b"2"]));
        assert!(!fields.has("y"));
    }

    #[test]
    fn more_fields_than_the_maximum_are_refused() {
        let lines = |count: usize| format!("{}\r\n", "a: b\r\n".repeat(count));
        for count in [0, USUAL_FIELDS, USUAL_FIELDS + 1, MAX_FIELDS] {
            let fields = Fields::parse(lines(count).as_bytes()).unwrap();
            assert_eq!(fields.count(), count);
        }
        let refused = Fields::parse(lines(MAX_FIELDS + 1).as_bytes()).map(|fields| fields.count());
        assert_eq!(refused, Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
    }
}
