//! Texts: their characters, bytes, lines and words.

use std::array;
use std::iter::Take;

use super::pieces::PieceIter;
use super::slice::SliceIter;
use super::text_pieces::{
    IntoCharIndices, IntoChars, MatchIndices, Matches, Pattern, SplittingText,
    SplittingTextInclusive,
};
use crate::par::adaptor::Adapted;
use crate::par::adaptors::{Cloning, Filtering, FlatMappingIter, Mapping};
use crate::par::convert::IntoParallelIterator;

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
    fn par_encode_utf16(&self) -> Utf16Units<'_> {
        Adapted::new(self.par_chars(), FlatMappingIter(utf16_units))
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

    /// Returns a parallel iterator over the parts that are a character of a pattern, as `str::matches` does.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!("a1b2".par_matches(char::is_numeric).collect::<Vec<_>>(), ["1", "2"]);
    /// ```
    fn par_matches<P: Pattern>(&self, pattern: P) -> PieceIter<&str, Matches<P>> {
        PieceIter::new(Some(self.as_parallel_string()), Matches(pattern))
    }

    /// Returns a parallel iterator over the parts that are a character of a pattern, and the numbers of bytes before
    /// them, as `str::match_indices` does.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!("é-".par_match_indices('-').collect::<Vec<_>>(), [(2, "-")]);
    /// ```
    fn par_match_indices<P: Pattern>(&self, pattern: P) -> PieceIter<&str, MatchIndices<'_, P>> {
        let text = self.as_parallel_string();
        PieceIter::new(Some(text), MatchIndices { text, pattern })
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
    fn par_split_whitespace(&self) -> Words<'_> {
        words(self.as_parallel_string(), char::is_whitespace)
    }

    /// Returns a parallel iterator over the words between ASCII white space.
    ///
    /// ```
    /// use reunite::prelude::*;
    /// assert_eq!("to\tbe".par_split_ascii_whitespace().count(), 2);
    /// ```
    fn par_split_ascii_whitespace(&self) -> Words<'_> {
        words(self.as_parallel_string(), |c| c.is_ascii_whitespace())
    }
}

/// The result of [`par_encode_utf16`](ParallelString::par_encode_utf16).
pub type Utf16Units<'a> = Adapted<
    PieceIter<&'a str, IntoChars>,
    FlatMappingIter<fn(char) -> Take<array::IntoIter<u16, 2>>>,
>;

/// The result of [`par_split_whitespace`](ParallelString::par_split_whitespace) and
/// [`par_split_ascii_whitespace`](ParallelString::par_split_ascii_whitespace).
pub type Words<'a> =
    Adapted<PieceIter<&'a str, SplittingText<fn(char) -> bool>>, Filtering<fn(&&'a str) -> bool>>;

impl ParallelString for str {
    fn as_parallel_string(&self) -> &str {
        self
    }
}

fn words(text: &str, is_space: fn(char) -> bool) -> Words<'_> {
    Adapted::new(text.par_split(is_space), Filtering(|word| !word.is_empty()))
}

fn utf16_units(c: char) -> Take<array::IntoIter<u16, 2>> {
    let mut units = [0; 2];
    let count = c.encode_utf16(&mut units).len();
    units.into_iter().take(count)
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
