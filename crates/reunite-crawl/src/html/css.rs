//! Addresses in style sheets: images, fonts, other style sheets.

use cssparser::{Parser, ParserInput, Token};

/// The deepest nesting of blocks that is parsed, which bounds the recursion.
const MAX_DEPTH: u32 = 64;

/// Returns the addresses in a style sheet as they are written, without fragments, in order.
///
/// These are the addresses of `@import`, `url()` and `image-set()`, but not those of `@namespace`.
///
/// ```
/// let sheet = r#"@import "base.css"; a { background: url(pictures/a.png) }"#;
/// assert_eq!(reunite_crawl::html::sheet(sheet), ["base.css", "pictures/a.png"]);
/// ```
pub fn sheet(text: &str) -> Vec<String> {
    let mut input = ParserInput::new(text);
    let mut found = Vec::new();
    walk(&mut Parser::new(&mut input), Context::Other, 0, &mut found);
    found
}

/// The meaning of strings and of `url()` in a part of a style sheet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    /// `url()` is an address, a string is not.
    Other,
    /// Both are addresses.
    Address,
    /// Neither is an address.
    Namespace,
}

fn walk(parser: &mut Parser<'_, '_>, context: Context, depth: u32, found: &mut Vec<String>) {
    let mut here = context;
    while let Ok(token) = parser.next().cloned() {
        let inner = match &token {
            Token::UnquotedUrl(url) if here != Context::Namespace => {
                push(url, found);
                None
            }
            Token::QuotedString(text) if here == Context::Address => {
                push(text, found);
                None
            }
            Token::AtKeyword(name) if name.eq_ignore_ascii_case("import") => {
                here = Context::Address;
                continue;
            }
            Token::AtKeyword(name) if name.eq_ignore_ascii_case("namespace") => {
                here = Context::Namespace;
                continue;
            }
            Token::Function(_) if here == Context::Namespace => Some(here),
            Token::Function(name) if takes_address(name) => Some(Context::Address),
            Token::Function(_)
            | Token::ParenthesisBlock
            | Token::SquareBracketBlock
            | Token::CurlyBracketBlock => Some(Context::Other),
            _ => None,
        };
        if let Some(inner) = inner.filter(|_| depth < MAX_DEPTH) {
            let _ignored = parser.parse_nested_block(|parser| {
                walk(parser, inner, depth + 1, found);
                Ok::<_, cssparser::ParseError<'_, ()>>(())
            });
        }
        let ends = matches!(token, Token::Semicolon | Token::CurlyBracketBlock);
        // An import has one address. Strings in its conditions are not addresses.
        if ends || (here == Context::Address && context != Context::Address) {
            here = context;
        }
    }
}

fn takes_address(function: &str) -> bool {
    ["url", "src", "image-set", "-webkit-image-set"]
        .iter()
        .any(|name| function.eq_ignore_ascii_case(name))
}

fn push(address: &str, found: &mut Vec<String>) {
    let file = address.split('#').next().unwrap_or_default().trim();
    if !file.is_empty() {
        found.push(file.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_all_places_where_css_allows_them() {
        for (text, expected) in [
            ("@import 'a.css';", &["a.css"][..]),
            (
                "@IMPORT URL(a.css) layer(x) supports(content: 'b');",
                &["a.css"],
            ),
            ("@import url('a.css') screen; b{c:d}", &["a.css"]),
            ("a{background:URL( \"a b.png\" )}", &["a b.png"]),
            ("a{background:url(a\\29 b.png) , url(c)}", &["a)b.png", "c"]),
            ("@media print{@supports (d:e){a{b:url(c)}}}", &["c"]),
            (
                "@font-face{src:local('x'),url(f.woff2) format('woff2'),url(f.eot?#fix)}",
                &["f.woff2", "f.eot?"],
            ),
            (
                "a{b:image-set('c.png' 1x, url(d.png) 2x type('image/png'))}",
                &["c.png", "d.png"],
            ),
            ("background:url(a);color:red", &["a"]),
            ("a{fill:url(#g);b:url();c:url('')}", &[]),
            ("/* url(a) */ a{content:'url(b)';--c:\"d\"}", &[]),
            (
                "@namespace svg url(http://www.w3.org/2000/svg); @namespace url('x'); a{b:url(c)}",
                &["c"],
            ),
            ("a{b:url(c", &["c"]),
            ("a}}]) b{c:url(d)}", &["d"]),
            ("a{b:url(c d)} e{f:url(g)}", &["g"]),
            ("", &[]),
        ] {
            assert_eq!(sheet(text), expected, "{text}");
        }
    }

    #[test]
    fn deep_nesting_does_not_overflow_the_stack() {
        for open in ["(", "[", "{", "a("] {
            let text = open.repeat(200_000) + "url(a)";
            assert!(sheet(&text).is_empty());
        }
    }
}
