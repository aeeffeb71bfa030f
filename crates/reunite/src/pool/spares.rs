//! What a thread keeps of the scopes that it has had open: the next that it opens has the memory of one that has ended.
//!
//! A recursion opens one scope inside the other, so a thread has use for as many as it had open at a time. One without memory
//! for tasks is about as large as the frames of its scope, and a stack that was deep once keeps its memory, too: so thousands are
//! kept. Of those with memory for tasks it is fewer, by their [`Weight`]. So that what one deep recursion has needed does not stay
//! for good, one in [`EACH`] that end is given back while there are many.

/// How many are kept in any case.
const FEW: usize = 16;
/// How many of each [`Weight`] are kept.
const MOST: [usize; 3] = [1 << 15, 1 << 11, FEW];
/// One in so many is given back. It costs a recursion that is as deep again the making of as few.
const EACH: u32 = 64;

/// How much memory a scope has for its tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Nothing,
    Little,
    Much,
}

/// The newest is used first.
pub(super) struct Spares<T> {
    kept: Vec<(T, Weight)>,
    /// How many there are of each weight.
    counts: [usize; 3],
    /// How many have ended.
    ended: u32,
}

impl<T> Spares<T> {
    pub(super) const fn new() -> Self {
        Self {
            kept: Vec::new(),
            counts: [0; 3],
            ended: 0,
        }
    }

    #[inline]
    pub(super) fn take(&mut self) -> Option<T> {
        let (spare, weight) = self.kept.pop()?;
        self.counts[weight as usize] -= 1;
        Some(spare)
    }

    /// Keeps `spare`, unless that is not to be. Then it is returned, to be dropped.
    #[inline]
    pub(super) fn put(&mut self, spare: T, weight: Weight) -> Option<T> {
        self.ended = self.ended.wrapping_add(1);
        let is_given_back = self.ended.is_multiple_of(EACH) && self.kept.len() >= FEW;
        let count = &mut self.counts[weight as usize];
        if is_given_back || *count >= MOST[weight as usize] {
            return Some(spare);
        }
        *count += 1;
        self.kept.push((spare, weight));
        None
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
    fn nearly_as_many_as_were_open_at_a_time_are_kept() {
        let mut spares = Spares::new();
        let back = (0..6_400).filter_map(|n| spares.put(n, Weight::Nothing));
        assert_eq!(back.count(), 100);
        assert_eq!(spares.take(), Some(6_398));
    }

    #[test]
    fn those_that_are_not_needed_any_more_are_given_back() {
        let mut spares = Spares::new();
        let mut dropped: Vec<_> = (0..1_000)
            .filter_map(|n| spares.put(n, Weight::Nothing))
            .collect();
        for _ in 0..1_000 * EACH {
            let spare = spares.take().unwrap();
            dropped.extend(spares.put(spare, Weight::Little));
        }
        assert_eq!(spares.iter().count(), FEW);
        dropped.sort_unstable();
        dropped.dedup();
        assert_eq!(dropped.len(), 1_000 - FEW);
    }

    #[test]
    fn there_is_an_end_to_what_is_kept_and_the_sooner_the_more_memory_it_has() {
        for (weight, most) in [Weight::Nothing, Weight::Little, Weight::Much]
            .into_iter()
            .zip(MOST)
        {
            let mut spares = Spares::new();
            let kept = (0..3 * most).filter(|n| spares.put(*n, weight).is_none());
            assert_eq!(kept.count(), most);
            // There is room for what is taken.
            let spare = spares.take().unwrap();
            assert!((0..2).any(|_| spares.put(spare, weight).is_none()));
        }
    }
}
