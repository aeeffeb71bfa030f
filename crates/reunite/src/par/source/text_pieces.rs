//! Where texts are cut.

use std::fmt;

use super::pieces::{Cut, cut_or_whole};
use crate::par::adaptor::debug_without_functions;

/// A pattern by which a text is cut: a character, an array or a slice of characters, or a function of a character.
/// This trait is sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a pattern by which a text can be cut in parallel",
    note = "use a `char`, an array or a slice of `char`s, or a closure `|c: char| -> bool`"
)]
pub trait Pattern: sealed::SealedPattern + Send + Sync {
    /// Returns true if the character is one of the pattern.
    #[doc(hidden)]
    fn matches(&self, c: char) -> bool;
}

mod sealed {
    pub trait SealedPattern {}
    impl SealedPattern for char {}
    impl SealedPattern for &[char] {}
    impl<const N: usize> SealedPattern for [char; N] {}
    impl<const N: usize> SealedPattern for &[char; N] {}
    impl<F: Fn(char) -> bool> SealedPattern for F {}
}

impl Pattern for char {
    fn matches(&self, c: char) -> bool {
        *self == c
    }
}

impl Pattern for &[char] {
    fn matches(&self, c: char) -> bool {
        self.contains(&c)
    }
}

impl<const N: usize> Pattern for [char; N] {
    fn matches(&self, c: char) -> bool {
        self.contains(&c)
    }
}

impl<const N: usize> Pattern for &[char; N] {
    fn matches(&self, c: char) -> bool {
        self.contains(&c)
    }
}

impl<F: Fn(char) -> bool + Send + Sync> Pattern for F {
    fn matches(&self, c: char) -> bool {
        self(c)
    }
}

/// Returns the first place of a character at `from` or after it.
fn boundary(text: &str, from: usize) -> usize {
    let from = from.min(text.len());
    (from..text.len())
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(text.len())
}

/// Returns the number of bytes of `whole` before `part`, which is a part of it.
fn bytes_before(part: &str, whole: &str) -> usize {
    part.as_ptr().addr() - whole.as_ptr().addr()
}

/// Cuts a text at characters, which are in no piece.
#[derive(Clone)]
pub struct SplittingText<P>(pub(super) P);

debug_without_functions! {
    SplittingText<P> {}, where {};
}

impl<'a, P: Pattern> Cut<&'a str> for SplittingText<P> {
    type Piece = &'a str;

    fn len(&self, rest: &&'a str) -> usize {
        rest.len()
    }

    fn cut(&self, rest: &'a str, from: usize) -> (&'a str, Option<&'a str>) {
        let from = boundary(rest, from);
        let found = rest[from..].find(|c| self.0.matches(c));
        let cut = found.map(|found| {
            let (left, right) = rest.split_at(from + found);
            let mut right = right.chars();
            right.next();
            (left, right.as_str())
        });
        cut_or_whole(rest, cut)
    }

    fn pieces(&self, part: &'a str) -> impl Iterator<Item = &'a str> {
        part.split(|c| self.0.matches(c))
    }
}

/// Cuts a text behind characters, each of which ends its piece.
#[derive(Clone)]
pub struct SplittingTextInclusive<P>(pub(super) P);

debug_without_functions! {
    SplittingTextInclusive<P> {}, where {};
}

impl<'a, P: Pattern> Cut<&'a str> for SplittingTextInclusive<P> {
    type Piece = &'a str;

    fn len(&self, rest: &&'a str) -> usize {
        rest.len()
    }

    fn cut(&self, rest: &'a str, from: usize) -> (&'a str, Option<&'a str>) {
        let from = boundary(rest, from);
        let mut after = rest[from..].chars();
        let _end = after.find(|c| self.0.matches(*c));
        let after = after.as_str();
        let cut = (!after.is_empty()).then(|| rest.split_at(rest.len() - after.len()));
        cut_or_whole(rest, cut)
    }

    fn pieces(&self, part: &'a str) -> impl Iterator<Item = &'a str> {
        part.split_inclusive(|c| self.0.matches(c))
    }
}

/// Cuts a text at every character.
#[derive(Clone, Debug)]
pub struct IntoChars;

impl<'a> Cut<&'a str> for IntoChars {
    type Piece = char;

    fn len(&self, rest: &&'a str) -> usize {
        rest.len()
    }

    fn cut(&self, rest: &'a str, from: usize) -> (&'a str, Option<&'a str>) {
        let at = boundary(rest, from);
        cut_or_whole(rest, (at < rest.len()).then(|| rest.split_at(at)))
    }

    fn pieces(&self, part: &'a str) -> impl Iterator<Item = char> {
        part.chars()
    }
}

/// Cuts a text at every character, and counts the bytes before it.
#[derive(Clone, Debug)]
pub struct IntoCharIndices<'a>(pub(super) &'a str);

impl<'a> Cut<&'a str> for IntoCharIndices<'a> {
    type Piece = (usize, char);

    fn len(&self, rest: &&'a str) -> usize {
        rest.len()
    }

    fn cut(&self, rest: &'a str, from: usize) -> (&'a str, Option<&'a str>) {
        IntoChars.cut(rest, from)
    }

    fn pieces(&self, part: &'a str) -> impl Iterator<Item = (usize, char)> {
        let before = bytes_before(part, self.0);
        part.char_indices().map(move |(at, c)| (before + at, c))
    }
}

/// Finds the characters of a pattern. A text is cut at any character.
#[derive(Clone)]
pub struct Matches<P>(pub(super) P);

impl<'a, P: Pattern> Cut<&'a str> for Matches<P> {
    type Piece = &'a str;

    fn len(&self, rest: &&'a str) -> usize {
        rest.len()
    }

    fn cut(&self, rest: &'a str, from: usize) -> (&'a str, Option<&'a str>) {
        IntoChars.cut(rest, from)
    }

    fn pieces(&self, part: &'a str) -> impl Iterator<Item = &'a str> {
        part.matches(|c| self.0.matches(c))
    }
}

/// Finds the characters of a pattern, and counts the bytes before them.
#[derive(Clone)]
pub struct MatchIndices<'a, P> {
    pub(super) text: &'a str,
    pub(super) pattern: P,
}

impl<'a, P: Pattern> Cut<&'a str> for MatchIndices<'a, P> {
    type Piece = (usize, &'a str);

    fn len(&self, rest: &&'a str) -> usize {
        rest.len()
    }

    fn cut(&self, rest: &'a str, from: usize) -> (&'a str, Option<&'a str>) {
        IntoChars.cut(rest, from)
    }

    fn pieces(&self, part: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
        let before = bytes_before(part, self.text);
        let matches = part.match_indices(|c| self.pattern.matches(c));
        matches.map(move |(at, found)| (before + at, found))
    }
}

debug_without_functions! {
    Matches<P> {}, where {};
}

impl<P> fmt::Debug for MatchIndices<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MatchIndices").finish_non_exhaustive()
    }
}
