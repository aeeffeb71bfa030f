//! Pieces of different lengths, found by looking at the items: `par_split` on slices and texts, `par_lines` and others.
//!
//! These iterators are not indexed. Their producers count the bytes or items, and one more for the end, because an
//! empty text or slice still is one (empty) piece.

use std::panic::Location;

use crate::par::drive::drive_producer;
use crate::par::plumbing::{Consumer, Drive, Producer};

/// A text or a slice, and where it is cut.
pub trait Cut<S>: Send + Sync {
    /// The type of a piece.
    type Piece: Send;

    /// Returns the length of `rest`.
    fn len(&self, rest: &S) -> usize;

    /// Finds the first end of a piece at `from` or after it. Returns what is before it and what follows, or all and
    /// `None` if there is none. Nothing before `from` is looked at.
    fn cut(&self, rest: S, from: usize) -> (S, Option<S>);

    /// Returns the pieces of a part between two ends.
    fn pieces(&self, part: S) -> impl Iterator<Item = Self::Piece>;
}

/// Returns what [`Cut::cut`] does of a text or slice that is cut in these two, or not at all.
pub(super) fn cut_or_whole<S>(whole: S, cut: Option<(S, S)>) -> (S, Option<S>) {
    cut.map_or((whole, None), |(left, right)| (left, Some(right)))
}

/// A parallel iterator over the pieces of a text or a slice.
#[derive(Clone, Debug)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct PieceIter<S, C> {
    /// `None` if there are no pieces.
    whole: Option<S>,
    cut: C,
}

impl<S, C> PieceIter<S, C> {
    pub(in crate::par) fn new(whole: Option<S>, cut: C) -> Self {
        Self { whole, cut }
    }
}

impl<S: Send, C: Cut<S>> Drive for PieceIter<S, C> {
    type Item = C::Piece;

    fn drive<K: Consumer<C::Piece>>(self, at: &'static Location<'static>, consumer: K) -> K {
        let producer = PiecesProducer {
            rest: self.whole,
            cut: &self.cut,
        };
        drive_producer(at, producer, consumer)
    }
}

struct PiecesProducer<'a, S, C> {
    rest: Option<S>,
    cut: &'a C,
}

impl<S, C: Cut<S>> PiecesProducer<'_, S, C> {
    /// Cuts `rest` at the first end at `from` or after it.
    fn cut_at(rest: Option<S>, cut: &C, from: usize) -> (Option<S>, Option<S>) {
        rest.map_or((None, None), |rest| {
            let (left, right) = cut.cut(rest, from);
            (Some(left), right)
        })
    }
}

impl<S: Send, C: Cut<S>> Producer for PiecesProducer<'_, S, C> {
    type Item = C::Piece;

    fn len(&self) -> usize {
        self.rest.as_ref().map_or(0, |rest| self.cut.len(rest) + 1)
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        let Self { rest, cut } = self;
        let (left, right) = Self::cut_at(rest, cut, at);
        (Self { rest: left, cut }, Self { rest: right, cut })
    }

    fn next_block(&mut self, size: usize) -> impl Iterator<Item = C::Piece> {
        let cut = self.cut;
        let (block, rest) = Self::cut_at(self.rest.take(), cut, size);
        self.rest = rest;
        block.into_iter().flat_map(|block| cut.pieces(block))
    }
}
