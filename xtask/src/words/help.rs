//! Help texts fit into 80 columns: the first paragraph beside each option, and texts written out as a whole.

use proc_macro2::{TokenStream, TokenTree};

use super::rule::Hit;
use super::tokens::{each_level, line, string};

const COLUMNS: usize = 80;

/// Constants that hold a help text as a whole.
const WHOLE_TEXTS: [&str; 3] = ["USAGE", "HELP", "EXAMPLES"];

/// Finds the help texts of a file that are too wide.
pub(super) fn hits(text: &str, tokens: &TokenStream) -> Vec<Hit> {
    let mut hits = Vec::new();
    if text.contains("clap::") {
        hits.extend(paragraphs(text));
    }
    each_level(tokens, &mut |level| {
        for window in level.windows(6) {
            let [TokenTree::Ident(name), _, _, _, _, value] = window else {
                continue;
            };
            if WHOLE_TEXTS.iter().any(|known| name == known)
                && let Some(text) = string(value)
            {
                hits.extend(wide_lines(line(value), &text));
            }
        }
    });
    hits
}

fn wide_lines(first: usize, text: &str) -> impl Iterator<Item = Hit> {
    let lines = (first..).zip(text.split('\n'));
    lines
        .flat_map(|(line, text)| text.split("\\n").map(move |part| (line, part)))
        .filter(|(_, text)| text.chars().count() > COLUMNS)
        .map(|(line, text)| Hit {
            line,
            text: text.to_owned(),
        })
}

/// Finds the doc comments of fields and variants whose first paragraph is too wide: clap shows it as one line.
fn paragraphs(text: &str) -> Vec<Hit> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut hits = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let first = at;
        while at < lines.len() && lines[at].starts_with("///") {
            at += 1;
        }
        if at == first {
            at += 1;
            continue;
        }
        let paragraph: Vec<&str> = lines[first..at]
            .iter()
            .map(|line| line.trim_start_matches('/').trim())
            .take_while(|line| !line.is_empty())
            .collect();
        let paragraph = paragraph.join(" ");
        if is_shown(&lines[at..]) && paragraph.chars().count() > COLUMNS {
            hits.push(Hit {
                line: first + 1,
                text: paragraph,
            });
        }
    }
    hits
}

/// Returns whether the doc comment before these lines stands beside an option or a command in a help text: that of a
/// field with clap's attribute, or of a variant.
fn is_shown(after: &[&str]) -> bool {
    let attributes = after.iter().take_while(|line| line.starts_with("#["));
    let mut item = after.iter().skip_while(|line| line.starts_with("#["));
    let is_variant = item
        .next()
        .is_some_and(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
    is_variant || attributes.into_iter().any(|line| line.starts_with("#[arg"))
}

#[cfg(test)]
mod tests {
    use super::hits;

    fn count(text: &str) -> usize {
        hits(text, &text.parse().unwrap()).len()
    }

    #[test]
    fn a_short_first_paragraph_passes_whatever_follows() {
        let long = "word ".repeat(40);
        assert_eq!(
            count(&format!(
                "#[derive(clap::Args)] struct A {{\n/// Quality of JPEG output (1-100)\n///\n/// {long}\n#[arg(long)]\nquality: u8,\n}}"
            )),
            0
        );
        let code = format!("use clap::Parser;\n/// {long}\nfn f() {{}}");
        assert_eq!(count(&code), 0, "it is no help text");
    }

    #[test]
    fn a_long_first_paragraph_fails_on_one_line_or_several() {
        let words = "word ".repeat(10);
        for (before, after) in [
            ("", "#[arg(long)]\nquality: u8,"),
            ("#[cfg(unix)]\n", "Variant(u8),"),
        ] {
            let text = format!("use clap::Parser;\n{before}/// {words}\n/// {words}\n{after}");
            assert_eq!(super::paragraphs(&text).len(), 1, "{text}");
        }
    }

    #[test]
    fn whole_texts_are_measured_line_by_line() {
        let wide = "x".repeat(81);
        assert_eq!(count(&format!("const USAGE: &str = \"a\n{wide}\nb\";")), 1);
        assert_eq!(
            count(&format!("const EXAMPLES: &str = \"a\\n{wide}\\n\";")),
            1
        );
        let narrow = "x".repeat(80);
        assert_eq!(
            count(&format!("const USAGE: &str = \"{narrow}\n{narrow}\";")),
            0
        );
        assert_eq!(count(&format!("const OTHER: &str = \"{wide}\";")), 0);
    }
}
