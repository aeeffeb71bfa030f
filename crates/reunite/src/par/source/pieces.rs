//! Pieces of different lengths, found by looking at the items: `par_split` on slices and texts, `par_lines` and others.
//!
//! These iterators are not indexed. Their producers count the bytes or items, and one more for the end, because an
//! empty text or slice still is one (empty) piece.

use std::panic::Location;

use crate::par::drive::drive_producer;
use crate::par::plumbing::{Consumer, Drive, Producer};

/// A text or a slice, and where it is cut.
pub trait Cut<S: Copy>: Send + Sync {
    /// The type of a piece.
    type Piece: Send;

    /// Returns the length of `rest`.
    fn len(&self, rest: S) -> usize;

    /// Finds the first end of a piece at `from` or after it. Returns what is before it and what follows, or `None` if
    /// there is none. Nothing before `from` is looked at.
    fn cut(&self, rest: S, from: usize) -> Option<(S, S)>;

    /// Returns the pieces of a part between two ends.
    fn pieces(&self, part: S) -> impl Iterator<Item = Self::Piece>;
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
    pub(super) fn new(whole: Option<S>, cut: C) -> Self {
        Self { whole, cut }
    }
}

impl<S: Copy + Send, C: Cut<S>> Drive for PieceIter<S, C> {
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

impl<S: Copy + Send, C: Cut<S>> PiecesProducer<'_, S, C> {
    /// Cuts `rest` at the first end at `from` or after it.
    fn cut_at(&self, from: usize) -> (Option<S>, Option<S>) {
        let Some(rest) = self.rest else {
            return (None, None);
        };
        match self.cut.cut(rest, from) {
            Some((left, right)) => (Some(left), Some(right)),
            None => (Some(rest), None),
        }
    }
}

impl<S: Copy + Send, C: Cut<S>> Producer for PiecesProducer<'_, S, C> {
    type Item = C::Piece;

    fn len(&self) -> usize {
        self.rest.map_or(0, |rest| self.cut.len(rest) + 1)
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        let (left, right) = self.cut_at(at);
        let cut = self.cut;
        (Self { rest: left, cut }, Self { rest: right, cut })
    }

    fn next_block(&mut self, size: usize) -> impl Iterator<Item = C::Piece> {
        let (block, rest) = self.cut_at(size);
        self.rest = rest;
        let cut = self.cut;
        block.into_iter().flat_map(|block| cut.pieces(block))
    }
}
