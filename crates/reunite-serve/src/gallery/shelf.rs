//! What was made and is kept: the latest used of it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// What an entry takes beside its bytes.
const EACH: usize = 256;

/// Places, each for something that is made once; when what is made takes more than there is room for, that which was
/// not asked for the longest goes.
pub(crate) struct Shelf<K, T> {
    places: HashMap<K, Place<T>>,
    room: usize,
    taken: usize,
    clock: u64,
}

struct Place<T> {
    thing: Arc<T>,
    /// None while it is made.
    bytes: Option<usize>,
    used: u64,
}

impl<K: Clone + Eq + Hash, T: Default> Shelf<K, T> {
    pub(crate) fn new(room: usize) -> Self {
        Self {
            places: HashMap::new(),
            room,
            taken: 0,
            clock: 0,
        }
    }

    /// The same for everybody who asks for the same.
    pub(crate) fn place(&mut self, key: &K) -> Arc<T> {
        self.clock += 1;
        let place = self.places.entry(key.clone()).or_insert_with(|| Place {
            thing: Arc::default(),
            bytes: None,
            used: 0,
        });
        place.used = self.clock;
        Arc::clone(&place.thing)
    }

    /// What is in the place was made and takes so much.
    pub(crate) fn made(&mut self, key: &K, bytes: usize) {
        if let Some(place) = self.places.get_mut(key)
            && place.bytes.is_none()
        {
            place.bytes = Some(bytes + EACH);
            self.taken += bytes + EACH;
        }
        while self.taken > self.room {
            let made = self
                .places
                .iter()
                .filter(|(_, place)| place.bytes.is_some());
            let Some(oldest) = made.min_by_key(|(_, place)| place.used) else {
                break;
            };
            let oldest = oldest.0.clone();
            self.forget(&oldest);
        }
    }

    /// The next who asks has it made again.
    pub(crate) fn forget(&mut self, key: &K) {
        if let Some(place) = self.places.remove(key) {
            self.taken -= place.bytes.unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_asked_for_the_longest_goes_first() {
        let mut shelf: Shelf<u8, u32> = Shelf::new(3 * (100 + EACH));
        let at_work = shelf.place(&0);
        let first = shelf.place(&1);
        for key in [1, 2, 3] {
            shelf.place(&key);
            shelf.made(&key, 100);
        }
        assert!(Arc::ptr_eq(&shelf.place(&1), &first), "asked for again");
        shelf.place(&4);
        shelf.made(&4, 100);
        assert!(!shelf.places.contains_key(&2));
        assert!(Arc::ptr_eq(&shelf.place(&1), &first), "still there");
        assert!(Arc::ptr_eq(&shelf.place(&0), &at_work), "being made");
        assert_eq!(shelf.taken, 3 * (100 + EACH));
        shelf.made(&0, 10_000);
        assert!(shelf.taken <= shelf.room && !shelf.places.contains_key(&0));
    }
}
