//! What style sheets refer to: pictures, fonts, other sheets.

use cssparser::{Parser, ParserInput, Token};

/// Blocks within blocks: more is no style sheet, and would be deep in the stack.
const DEEPEST: u32 = 64;

/// The addresses in a style sheet, as they are written but without places, in its order: of `@import` and `url()`, also
/// in `image-set()`. `@namespace` only looks like one.
///
/// ```
/// let sheet = r#"@import "base.css"; a { background: url(pictures/a.png) }"#;
/// assert_eq!(reunite_crawl::html::sheet(sheet), ["base.css", "pictures/a.png"]);
/// ```
pub fn sheet(text: &str) -> Vec<String> {
    let mut input = ParserInput::new(text);
    let mut found = Vec::new();
    walk(&mut Parser::new(&mut input), Within::Nothing, 0, &mut found);
    found
}

/// What a string is where it stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Nothing,
    /// An address.
    Address,
    /// None, and neither is what `url()` says.
    Namespace,
}

fn walk(parser: &mut Parser<'_, '_>, within: Within, depth: u32, found: &mut Vec<String>) {
    let mut here = within;
    while let Ok(token) = parser.next().cloned() {
        let inner = match &token {
            Token::UnquotedUrl(url) if here != Within::Namespace => {
                keep(url, found);
                None
            }
            Token::QuotedString(text) if here == Within::Address => {
                keep(text, found);
                None
            }
            Token::AtKeyword(name) if name.eq_ignore_ascii_case("import") => {
                here = Within::Address;
                continue;
            }
            Token::AtKeyword(name) if name.eq_ignore_ascii_case("namespace") => {
                here = Within::Namespace;
                continue;
            }
            Token::Function(_) if here == Within::Namespace => Some(here),
            Token::Function(name) if says_addresses(name) => Some(Within::Address),
            Token::Function(_)
            | Token::ParenthesisBlock
            | Token::SquareBracketBlock
            | Token::CurlyBracketBlock => Some(Within::Nothing),
            _ => None,
        };
        if let Some(inner) = inner.filter(|_| depth < DEEPEST) {
            let _none = parser.parse_nested_block(|parser| {
                walk(parser, inner, depth + 1, found);
                Ok::<_, cssparser::ParseError<'_, ()>>(())
            });
        }
        let ends = matches!(token, Token::Semicolon | Token::CurlyBracketBlock);
        // An import has one address; its conditions may have strings.
        if ends || (here == Within::Address && within != Within::Address) {
            here = within;
        }
    }
}

fn says_addresses(function: &str) -> bool {
    ["url", "src", "image-set", "-webkit-image-set"]
        .iter()
        .any(|name| function.eq_ignore_ascii_case(name))
}

fn keep(address: &str, found: &mut Vec<String>) {
    let file = address.split('#').next().unwrap_or_default().trim();
    if !file.is_empty() {
        found.push(file.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_wherever_they_stand() {
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
    fn no_depth_is_too_deep() {
        for open in ["(", "[", "{", "a("] {
            let text = open.repeat(200_000) + "url(a)";
            assert!(sheet(&text).is_empty());
        }
    }
}
