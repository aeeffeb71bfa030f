//! What a thread keeps of the scopes that it has had open: the next that it opens has the memory of one that has ended.
//!
//! A recursion opens one scope inside the other, so a thread has use for as many as it had open at a time. One without memory
//! for tasks is about as large as the frames of its scope, and a stack that was deep once keeps its memory, too: so thousands are
//! kept. Of those with memory for tasks it is fewer, by their [`Weight`]. So that what one deep recursion has needed does not stay for good, one goes
//! with each scope that ends outside of all others, as long as there are many: never more at a time, as an end must not cost more for what was before.

/// How many are kept in any case.
const FEW: usize = 16;
/// How many of each [`Weight`] are kept.
const MOST: [usize; 3] = [1 << 15, 1 << 10, FEW];

/// How much memory a scope has for its tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Nothing,
    Little,
    Much,
}

/// Where a scope has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    InAnother,
    Outside,
}

/// The newest is used first.
pub(super) struct Spares<T> {
    kept: Vec<(T, Weight)>,
    /// How many there are of each weight.
    counts: [usize; 3],
}

impl<T> Spares<T> {
    pub(super) const fn new() -> Self {
        Self {
            kept: Vec::new(),
            counts: [0; 3],
        }
    }

    #[inline]
    pub(super) fn take(&mut self) -> Option<T> {
        let (spare, weight) = self.kept.pop()?;
        self.counts[weight as usize] -= 1;
        Some(spare)
    }

    /// Keeps `spare`, unless there are too many. Returns what is to be dropped.
    #[inline]
    pub(super) fn put(&mut self, spare: T, weight: Weight, ended: Ended) -> Option<T> {
        let at = weight as usize;
        if self.counts[at] >= MOST[at] {
            return Some(spare);
        }
        let is_many = ended == Ended::Outside && self.kept.len() >= FEW;
        let gone = if is_many { self.take() } else { None };
        self.counts[at] += 1;
        self.kept.push((spare, weight));
        gone
    }

    #[cfg(all(test, not(reunite_model)))]
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.kept.iter().map(|(spare, _)| spare)
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_were_open_at_a_time_are_kept_and_one_goes_with_each_that_ends_outside_of_others()
    {
        let mut spares = Spares::new();
        for n in 0..1_000 {
            assert_eq!(spares.put(n, Weight::Nothing, Ended::InAnother), None);
        }
        assert_eq!(spares.take(), Some(999));
        assert_eq!(spares.put(999, Weight::Little, Ended::Outside), Some(998));
        for _ in 0..2_000 {
            let spare = spares.take().unwrap();
            let _gone = spares.put(spare, Weight::Little, Ended::Outside);
        }
        assert_eq!(spares.iter().count(), FEW);
    }

    #[test]
    fn there_is_an_end_to_what_is_kept_and_the_sooner_the_more_memory_it_has() {
        let mut spares = Spares::new();
        let weights = [Weight::Nothing, Weight::Little, Weight::Much];
        for (weight, most) in weights.into_iter().zip(MOST) {
            let mut put = |n| spares.put(n, weight, Ended::InAnother);
            assert_eq!((0..most + 3).filter_map(&mut put).count(), 3);
        }
        while spares.take().is_some() {}
        let mut put = |n| spares.put(n, Weight::Much, Ended::InAnother);
        assert_eq!((0..FEW).find_map(&mut put), None);
    }
}
