//! Foreign text, made safe for where it is shown.

use std::borrow::Cow;
use std::fmt::Write;

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

/// Escapes what a terminal would obey or hide: control characters, format characters such as U+202E, which reverses
/// the direction of the text, and separators of lines and paragraphs. Each is written as `\u{202e}`, or as `\n`,
/// `\r` and `\t`. U+200C and U+200D stay between letters and emoji outside ASCII: Persian and Hindi words and families
/// of emoji contain them.
///
/// ```
/// use reunite_base::escape::terminal;
///
/// assert_eq!(terminal("caf\u{e9} \u{1f980}"), "caf\u{e9} \u{1f980}");
/// assert_eq!(terminal("\u{1b}[2J\n"), "\\u{1b}[2J\\n");
/// assert_eq!(terminal("gpj.\u{202e}exe"), "gpj.\\u{202e}exe");
/// ```
pub fn terminal(text: &str) -> Cow<'_, str> {
    if !text.contains(is_invisible) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len());
    let mut before = None;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let joins = is_joiner(c) && is_joined(before) && is_joined(rest.peek().copied());
        if is_invisible(c) && !joins {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
        before = Some(c);
    }
    Cow::Owned(escaped)
}

fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Returns true for letters, with their marks, and emoji, which are symbols. A joiner has no effect on ASCII letters.
fn is_joined(neighbour: Option<char>) -> bool {
    neighbour.is_some_and(|c| {
        let group = c.general_category_group();
        !c.is_ascii()
            && matches!(
                group,
                GeneralCategoryGroup::Letter
                    | GeneralCategoryGroup::Mark
                    | GeneralCategoryGroup::Symbol
            )
    })
}

fn is_invisible(c: char) -> bool {
    !matches!(c, ' '..='~')
        && matches!(
            c.general_category(),
            GeneralCategory::Control
                | GeneralCategory::Format
                | GeneralCategory::LineSeparator
                | GeneralCategory::ParagraphSeparator
        )
}

/// Escapes in a JSON text what a terminal would obey or hide, as `\u202e`. JSON itself escapes control characters only
/// up to U+001F. The text stays valid JSON of the same value, because these characters can only be in strings. Line
/// ends between values stay.
///
/// ```
/// use reunite_base::escape::json;
///
/// assert_eq!(json("[\"gpj.\u{202e}exe\",\n \"caf\u{e9}\"]"), "[\"gpj.\\u202eexe\",\n \"caf\u{e9}\"]");
/// ```
pub fn json(text: &str) -> Cow<'_, str> {
    let is_escaped = |c: char| c > '\u{1f}' && is_invisible(c);
    if !text.contains(is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_escaped(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _infallible = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// Escapes text for HTML, between tags and in quoted attributes.
///
/// ```
/// use reunite_base::escape::html;
///
/// assert_eq!(html("<a href='x'> & \"y\""), "&lt;a href=&#39;x&#39;&gt; &amp; &quot;y&quot;");
/// ```
pub fn html(text: &str) -> Cow<'_, str> {
    replaced(text, entity)
}

/// Escapes text for XML, and for HTML that is to be valid XML, too: like [`html`], but white space other than a space
/// becomes a space, and a control character, most of which XML does not allow even when escaped, becomes U+FFFD. What
/// else a terminal would obey or hide becomes a reference such as `&#x202e;`.
///
/// ```
/// use reunite_base::escape::xml;
///
/// assert_eq!(xml("a\tb\u{1b}<c"), "a b\u{fffd}&lt;c");
/// assert_eq!(xml("gpj.\u{202e}exe"), "gpj.&#x202e;exe");
/// ```
pub fn xml(text: &str) -> Cow<'_, str> {
    replaced(text, |c| match c {
        '\t' | '\n' | '\r' => Some(" ".into()),
        '\u{fffe}' | '\u{ffff}' => Some("\u{fffd}".into()),
        c if c.is_control() => Some("\u{fffd}".into()),
        c if is_invisible(c) => Some(format!("&#x{:x};", u32::from(c)).into()),
        c => entity(c),
    })
}

fn entity(c: char) -> Option<Cow<'static, str>> {
    let entity = match c {
        '&' => "&amp;",
        '<' => "&lt;",
        '>' => "&gt;",
        '"' => "&quot;",
        '\'' => "&#39;",
        _ => return None,
    };
    Some(entity.into())
}

fn replaced(text: &str, replacement: impl Fn(char) -> Option<Cow<'static, str>>) -> Cow<'_, str> {
    let Some((first, _)) = text.char_indices().find(|&(_, c)| replacement(c).is_some()) else {
        return Cow::Borrowed(text);
    };
    let mut escaped = String::with_capacity(text.len() + 16);
    escaped.push_str(&text[..first]);
    for c in text[first..].chars() {
        match replacement(c) {
            Some(instead) => escaped.push_str(&instead),
            None => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_that_turns_or_hides_text_is_escaped() {
        let turning = ('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}');
        let hiding = "\u{61c}\u{200b}\u{200e}\u{200f}\u{2028}\u{2029}\u{2060}\u{feff}\u{e0041}";
        let control = "\0\u{7}\u{8}\n\r\t\u{1b}\u{7f}\u{85}\u{9b}";
        for c in turning.chain(hiding.chars()).chain(control.chars()) {
            let shown = terminal(&c.to_string()).into_owned();
            assert_eq!(shown, c.escape_default().to_string());
            assert!(shown.is_ascii());
        }
    }

    #[test]
    fn json_is_escaped_for_a_terminal_and_its_value_stays() {
        let steering =
            "\u{7f}\u{85}\u{9b}2J\u{202e}\u{2066}\u{200d}\u{2028}\u{feff}\u{e0041}\n\u{1b}\"\\";
        let value = serde_json::json!({ steering: [steering, "写真 e\u{301}"] });
        for text in [
            value.to_string(),
            serde_json::to_string_pretty(&value).unwrap(),
        ] {
            let escaped = json(&text);
            assert!(
                !escaped.contains(|c: char| c != '\n' && is_invisible(c)),
                "{escaped}"
            );
            let read: serde_json::Value = serde_json::from_str(&escaped).unwrap();
            assert_eq!(read, value);
        }
        assert_eq!(json("\"\u{e0041}\""), "\"\\udb40\\udc41\"");
        assert!(matches!(json("{\"写真\": 1}\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn xml_shows_a_terminal_nothing_that_it_would_obey() {
        let steering =
            "\0\u{7}\n\u{1b}\u{7f}\u{85}\u{9b}2J\u{202e}\u{2066}\u{2028}\u{feff}\u{e0041}\u{fffe}";
        let escaped = xml(steering);
        assert!(!escaped.contains(is_invisible), "{escaped}");
        assert!(escaped.ends_with("2J&#x202e;&#x2066;&#x2028;&#xfeff;&#xe0041;\u{fffd}"));
    }

    #[test]
    fn joiners_between_letters_and_emoji_stay() {
        let family = "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}";
        let heart_on_fire = "\u{2764}\u{fe0f}\u{200d}\u{1f525}";
        let persian = "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}";
        let hindi = "\u{915}\u{94d}\u{200d}\u{937}";
        for text in [family, heart_on_fire, persian, hindi] {
            assert_eq!(terminal(text), text);
        }
        let with_escape = format!("{persian}\u{1b}");
        assert_eq!(terminal(&with_escape), format!("{persian}\\u{{1b}}"));
    }

    #[test]
    fn joiners_that_join_nothing_are_escaped() {
        for (text, shown) in [
            ("\u{200d}", "\\u{200d}"),
            ("pay\u{200d}pal", "pay\\u{200d}pal"),
            ("\u{645}\u{200c}", "\u{645}\\u{200c}"),
            ("\u{200c}\u{645}", "\\u{200c}\u{645}"),
            (
                "\u{645}\u{200c}\u{200c}\u{645}",
                "\u{645}\\u{200c}\\u{200c}\u{645}",
            ),
            ("\u{645}\u{200c} \u{645}", "\u{645}\\u{200c} \u{645}"),
        ] {
            assert_eq!(terminal(text), shown);
        }
    }

    #[test]
    fn letters_of_all_languages_stay() {
        let text = "\\ \"quoted\" é e\u{301} שלום مرحبا 写真 🦀 \u{a0}";
        assert!(matches!(terminal(text), Cow::Borrowed(_)));
    }
}
