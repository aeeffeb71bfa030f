//! Where slices are cut by `par_split`, `par_split_inclusive` and `par_chunk_by`.

use super::pieces::Cut;
use crate::par::adaptor::debug_without_functions;

debug_without_functions! {
    Splitting<F> {}, where {};
    SplittingInclusive<F> {}, where {};
    ChunkingBy<F> {}, where {};
}

/// Cuts at items, which are in no piece.
#[derive(Clone)]
pub struct Splitting<F>(pub(super) F);

impl<'a, T: Sync, F: Fn(&T) -> bool + Send + Sync> Cut<&'a [T]> for Splitting<F> {
    type Piece = &'a [T];

    fn len(&self, rest: &'a [T]) -> usize {
        rest.len()
    }

    fn cut(&self, rest: &'a [T], from: usize) -> Option<(&'a [T], &'a [T])> {
        let from = from.min(rest.len());
        let at = from + rest[from..].iter().position(&self.0)?;
        Some((&rest[..at], &rest[at + 1..]))
    }

    fn pieces(&self, part: &'a [T]) -> impl Iterator<Item = &'a [T]> {
        part.split(&self.0)
    }
}

/// Cuts behind items, each of which ends its piece.
#[derive(Clone)]
pub struct SplittingInclusive<F>(pub(super) F);

impl<'a, T: Sync, F: Fn(&T) -> bool + Send + Sync> Cut<&'a [T]> for SplittingInclusive<F> {
    type Piece = &'a [T];

    fn len(&self, rest: &'a [T]) -> usize {
        rest.len()
    }

    fn cut(&self, rest: &'a [T], from: usize) -> Option<(&'a [T], &'a [T])> {
        let from = from.min(rest.len());
        let after = from + rest[from..].iter().position(&self.0)? + 1;
        (after < rest.len()).then(|| rest.split_at(after))
    }

    fn pieces(&self, part: &'a [T]) -> impl Iterator<Item = &'a [T]> {
        part.split_inclusive(&self.0)
    }
}

/// Cuts between two neighbours that do not belong together.
#[derive(Clone)]
pub struct ChunkingBy<F>(pub(super) F);

impl<'a, T: Sync, F: Fn(&T, &T) -> bool + Send + Sync> Cut<&'a [T]> for ChunkingBy<F> {
    type Piece = &'a [T];

    fn len(&self, rest: &'a [T]) -> usize {
        rest.len()
    }

    fn cut(&self, rest: &'a [T], from: usize) -> Option<(&'a [T], &'a [T])> {
        let from = from.max(1).min(rest.len());
        let after = (from..rest.len()).find(|&at| !(self.0)(&rest[at - 1], &rest[at]))?;
        Some(rest.split_at(after))
    }

    fn pieces(&self, part: &'a [T]) -> impl Iterator<Item = &'a [T]> {
        part.chunk_by(&self.0)
    }
}
