//! Texts: their characters, bytes, lines and words.

use super::pieces::{Cut, PieceIter};
use super::slice::SliceIter;
use crate::par::adaptor::Adapted;
use crate::par::adaptors::{Cloning, Filtering, Mapping};
use crate::par::convert::IntoParallelIterator;
use crate::par::plumbing::Drive;

/// A pattern by which a text is cut: a character, an array or a slice of characters, or a function of a character.
/// This trait is sealed.
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

/// Cuts a text at characters, which are in no piece.
#[derive(Clone, Debug)]
pub struct SplittingText<P>(P);

impl<'a, P: Pattern> Cut<&'a str> for SplittingText<P> {
    type Piece = &'a str;

    fn len(&self, rest: &'a str) -> usize {
        rest.len()
    }

    fn cut(&self, rest: &'a str, from: usize) -> Option<(&'a str, &'a str)> {
        let from = boundary(rest, from);
        let at = from + rest[from..].find(|c| self.0.matches(c))?;
        let mut right = rest[at..].chars();
        right.next();
        Some((&rest[..at], right.as_str()))
    }

    fn pieces(&self, part: &'a str) -> impl Iterator<Item = &'a str> {
        part.split(|c| self.0.matches(c))
    }
}

/// Cuts a text behind characters, each of which ends its piece.
#[derive(Clone, Debug)]
pub struct SplittingTextInclusive<P>(P);

impl<'a, P: Pattern> Cut<&'a str> for SplittingTextInclusive<P> {
    type Piece = &'a str;

    fn len(&self, rest: &'a str) -> usize {
        rest.len()
    }

    fn cut(&self, rest: &'a str, from: usize) -> Option<(&'a str, &'a str)> {
        let from = boundary(rest, from);
        let mut after = rest[from..].chars();
        after.find(|c| self.0.matches(*c))?;
        let right = after.as_str();
        (!right.is_empty()).then(|| rest.split_at(rest.len() - right.len()))
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

    fn len(&self, rest: &'a str) -> usize {
        rest.len()
    }

    fn cut(&self, rest: &'a str, from: usize) -> Option<(&'a str, &'a str)> {
        let at = boundary(rest, from);
        (at < rest.len()).then(|| rest.split_at(at))
    }

    fn pieces(&self, part: &'a str) -> impl Iterator<Item = char> {
        part.chars()
    }
}

/// Cuts a text at every character, and counts the bytes before it.
#[derive(Clone, Debug)]
pub struct IntoCharIndices<'a>(&'a str);

impl<'a> Cut<&'a str> for IntoCharIndices<'a> {
    type Piece = (usize, char);

    fn len(&self, rest: &'a str) -> usize {
        rest.len()
    }

    fn cut(&self, rest: &'a str, from: usize) -> Option<(&'a str, &'a str)> {
        IntoChars.cut(rest, from)
    }

    fn pieces(&self, part: &'a str) -> impl Iterator<Item = (usize, char)> {
        let before = part.as_ptr().addr() - self.0.as_ptr().addr();
        part.char_indices().map(move |(at, c)| (before + at, c))
    }
}

/// A parallel iterator over the lines of a text.
pub type Lines<'a> =
    Adapted<PieceIter<&'a str, SplittingTextInclusive<char>>, Mapping<fn(&str) -> &str>>;

/// The methods of texts that return parallel iterators.
///
/// ```
/// use reunite::prelude::*;
/// let longest = "to be\nor not to be".par_lines().map(str::len).max();
/// assert_eq!(longest, Some(12));
/// ```
pub trait ParallelString {
    /// Returns the text.
    fn as_parallel_string(&self) -> &str;

    /// Returns a parallel iterator over the characters.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!("Ångström".par_chars().count(), 8);
    /// ```
    fn par_chars(&self) -> PieceIter<&str, IntoChars> {
        PieceIter::new(Some(self.as_parallel_string()), IntoChars)
    }

    /// Returns a parallel iterator over the characters and the numbers of bytes before them.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!("né!".par_char_indices().collect::<Vec<_>>(), [(0, 'n'), (1, 'é'), (3, '!')]);
    /// ```
    fn par_char_indices(&self) -> PieceIter<&str, IntoCharIndices<'_>> {
        let text = self.as_parallel_string();
        PieceIter::new(Some(text), IntoCharIndices(text))
    }

    /// Returns a parallel iterator over the bytes.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!("ab".par_bytes().map(u32::from).sum::<u32>(), 97 + 98);
    /// ```
    fn par_bytes(&self) -> Adapted<SliceIter<'_, u8>, Cloning> {
        let bytes = self.as_parallel_string().as_bytes();
        Adapted::new(bytes.into_par_iter(), Cloning)
    }

    /// Returns a parallel iterator over the UTF-16 code units.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!("a𝄞".par_encode_utf16().collect::<Vec<_>>(), [0x61, 0xd834, 0xdd1e]);
    /// ```
    fn par_encode_utf16(&self) -> impl Drive<Item = u16> {
        let units = |c: char| {
            let mut units = [0; 2];
            let count = c.encode_utf16(&mut units).len();
            units.into_iter().take(count)
        };
        Adapted::new(
            self.par_chars(),
            crate::par::adaptors::FlatMappingIter(units),
        )
    }

    /// Returns a parallel iterator over the pieces between the characters of a pattern, as `str::split` does.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!("1,2,,3".par_split(',').collect::<Vec<_>>(), ["1", "2", "", "3"]);
    /// ```
    fn par_split<P: Pattern>(&self, separator: P) -> PieceIter<&str, SplittingText<P>> {
        PieceIter::new(Some(self.as_parallel_string()), SplittingText(separator))
    }

    /// Returns a parallel iterator over the pieces, each with the character that ends it, as `str::split_inclusive`
    /// does.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!("1,2,".par_split_inclusive(',').collect::<Vec<_>>(), ["1,", "2,"]);
    /// ```
    fn par_split_inclusive<P: Pattern>(
        &self,
        separator: P,
    ) -> PieceIter<&str, SplittingTextInclusive<P>> {
        let text = self.as_parallel_string();
        let whole = Some(text).filter(|text| !text.is_empty());
        PieceIter::new(whole, SplittingTextInclusive(separator))
    }

    /// Returns a parallel iterator over the pieces that end with a character of a pattern, as `str::split_terminator`
    /// does.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!("1;2;".par_split_terminator(';').collect::<Vec<_>>(), ["1", "2"]);
    /// ```
    fn par_split_terminator<P: Pattern>(&self, terminator: P) -> PieceIter<&str, SplittingText<P>> {
        PieceIter::new(
            without_terminator(self.as_parallel_string(), &terminator),
            SplittingText(terminator),
        )
    }

    /// Returns a parallel iterator over the lines, as `str::lines` does.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!("a\r\nb\n".par_lines().collect::<Vec<_>>(), ["a", "b"]);
    /// ```
    fn par_lines(&self) -> Lines<'_> {
        Adapted::new(self.par_split_inclusive('\n'), Mapping(without_line_end))
    }

    /// Returns a parallel iterator over the words between white space.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!(" to  be ".par_split_whitespace().collect::<Vec<_>>(), ["to", "be"]);
    /// ```
    fn par_split_whitespace(&self) -> impl Drive<Item = &str> {
        let words = self.par_split(char::is_whitespace);
        Adapted::new(words, Filtering(|word: &&str| !word.is_empty()))
    }

    /// Returns a parallel iterator over the words between ASCII white space.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!("to\tbe".par_split_ascii_whitespace().count(), 2);
    /// ```
    fn par_split_ascii_whitespace(&self) -> impl Drive<Item = &str> {
        let words = self.par_split(|c: char| c.is_ascii_whitespace());
        Adapted::new(words, Filtering(|word: &&str| !word.is_empty()))
    }
}

impl ParallelString for str {
    fn as_parallel_string(&self) -> &str {
        self
    }
}

/// Returns the text without a terminator at its end; `None` if it is empty.
fn without_terminator<'a>(text: &'a str, terminator: &impl Pattern) -> Option<&'a str> {
    let last = text.chars().next_back()?;
    if terminator.matches(last) {
        Some(&text[..text.len() - last.len_utf8()])
    } else {
        Some(text)
    }
}

fn without_line_end(line: &str) -> &str {
    match line.strip_suffix('\n') {
        Some(line) => line.strip_suffix('\r').unwrap_or(line),
        None => line,
    }
}
