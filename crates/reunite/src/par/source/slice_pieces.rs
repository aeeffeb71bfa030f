//! Where slices are cut by `par_split`, `par_split_inclusive` and `par_chunk_by`, and those over mutable pieces.

use super::pieces::{Cut, cut_or_whole};
use crate::par::adaptor::debug_without_functions;

debug_without_functions! {
    Splitting<F> {}, where {};
    SplittingInclusive<F> {}, where {};
    ChunkingBy<F> {}, where {};
}

/// Cuts at items, which are in no piece.
#[derive(Clone)]
pub struct Splitting<F>(pub(in crate::par) F);

impl<F> Splitting<F> {
    /// Returns the place of the first item at `from` or after it at which the slice is cut.
    fn separator<T>(&self, rest: &[T], from: usize) -> Option<usize>
    where
        F: Fn(&T) -> bool,
    {
        let from = from.min(rest.len());
        Some(from + rest[from..].iter().position(&self.0)?)
    }
}

impl<'a, T: Sync, F: Fn(&T) -> bool + Send + Sync> Cut<&'a [T]> for Splitting<F> {
    type Piece = &'a [T];

    fn len(&self, rest: &&'a [T]) -> usize {
        rest.len()
    }

    fn cut(&self, rest: &'a [T], from: usize) -> (&'a [T], Option<&'a [T]>) {
        let at = self.separator(rest, from);
        cut_or_whole(rest, at.map(|at| (&rest[..at], &rest[at + 1..])))
    }

    fn pieces(&self, part: &'a [T]) -> impl Iterator<Item = &'a [T]> {
        part.split(&self.0)
    }
}

impl<'a, T: Send, F: Fn(&T) -> bool + Send + Sync> Cut<&'a mut [T]> for Splitting<F> {
    type Piece = &'a mut [T];

    fn len(&self, rest: &&'a mut [T]) -> usize {
        rest.len()
    }

    fn cut(&self, rest: &'a mut [T], from: usize) -> (&'a mut [T], Option<&'a mut [T]>) {
        match self.separator(rest, from) {
            None => (rest, None),
            Some(at) => {
                let (left, right) = rest.split_at_mut(at);
                (left, Some(&mut right[1..]))
            }
        }
    }

    fn pieces(&self, part: &'a mut [T]) -> impl Iterator<Item = &'a mut [T]> {
        part.split_mut(&self.0)
    }
}

/// Cuts behind items, each of which ends its piece.
#[derive(Clone)]
pub struct SplittingInclusive<F>(pub(in crate::par) F);

impl<F> SplittingInclusive<F> {
    /// Returns the first place behind `from` at which the slice is cut, if any.
    fn end<T>(&self, rest: &[T], from: usize) -> Option<usize>
    where
        F: Fn(&T) -> bool,
    {
        let from = from.min(rest.len());
        let after = from + rest[from..].iter().position(&self.0)? + 1;
        (after < rest.len()).then_some(after)
    }
}

impl<'a, T: Sync, F: Fn(&T) -> bool + Send + Sync> Cut<&'a [T]> for SplittingInclusive<F> {
    type Piece = &'a [T];

    fn len(&self, rest: &&'a [T]) -> usize {
        rest.len()
    }

    fn cut(&self, rest: &'a [T], from: usize) -> (&'a [T], Option<&'a [T]>) {
        let end = self.end(rest, from);
        cut_or_whole(rest, end.map(|end| rest.split_at(end)))
    }

    fn pieces(&self, part: &'a [T]) -> impl Iterator<Item = &'a [T]> {
        part.split_inclusive(&self.0)
    }
}

impl<'a, T: Send, F: Fn(&T) -> bool + Send + Sync> Cut<&'a mut [T]> for SplittingInclusive<F> {
    type Piece = &'a mut [T];

    fn len(&self, rest: &&'a mut [T]) -> usize {
        rest.len()
    }

    fn cut(&self, rest: &'a mut [T], from: usize) -> (&'a mut [T], Option<&'a mut [T]>) {
        split_at_mut(self.end(rest, from), rest)
    }

    fn pieces(&self, part: &'a mut [T]) -> impl Iterator<Item = &'a mut [T]> {
        part.split_inclusive_mut(&self.0)
    }
}

/// Cuts between two neighbours that do not belong together.
#[derive(Clone)]
pub struct ChunkingBy<F>(pub(in crate::par) F);

impl<F> ChunkingBy<F> {
    /// Returns the first place at `from` or after it at which the slice is cut, if any.
    fn end<T>(&self, rest: &[T], from: usize) -> Option<usize>
    where
        F: Fn(&T, &T) -> bool,
    {
        let from = from.max(1).min(rest.len());
        (from..rest.len()).find(|&at| !(self.0)(&rest[at - 1], &rest[at]))
    }
}

impl<'a, T: Sync, F: Fn(&T, &T) -> bool + Send + Sync> Cut<&'a [T]> for ChunkingBy<F> {
    type Piece = &'a [T];

    fn len(&self, rest: &&'a [T]) -> usize {
        rest.len()
    }

    fn cut(&self, rest: &'a [T], from: usize) -> (&'a [T], Option<&'a [T]>) {
        let end = self.end(rest, from);
        cut_or_whole(rest, end.map(|end| rest.split_at(end)))
    }

    fn pieces(&self, part: &'a [T]) -> impl Iterator<Item = &'a [T]> {
        part.chunk_by(&self.0)
    }
}

impl<'a, T: Send, F: Fn(&T, &T) -> bool + Send + Sync> Cut<&'a mut [T]> for ChunkingBy<F> {
    type Piece = &'a mut [T];

    fn len(&self, rest: &&'a mut [T]) -> usize {
        rest.len()
    }

    fn cut(&self, rest: &'a mut [T], from: usize) -> (&'a mut [T], Option<&'a mut [T]>) {
        split_at_mut(self.end(rest, from), rest)
    }

    fn pieces(&self, part: &'a mut [T]) -> impl Iterator<Item = &'a mut [T]> {
        part.chunk_by_mut(&self.0)
    }
}

fn split_at_mut<T>(at: Option<usize>, rest: &mut [T]) -> (&mut [T], Option<&mut [T]>) {
    match at {
        None => (rest, None),
        Some(at) => {
            let (left, right) = rest.split_at_mut(at);
            (left, Some(right))
        }
    }
}
