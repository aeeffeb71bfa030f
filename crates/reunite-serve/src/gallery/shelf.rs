//! What was made and is kept: the latest used of it.

use std::hash::Hash;
use std::sync::Arc;

use lru::LruCache;

/// What an entry takes beside its bytes.
const EACH: usize = 256;

/// Places, each for something that is made once; when what is made takes more than there is room for, that which was
/// not asked for the longest goes.
pub(crate) struct Shelf<K, T> {
    /// The last used first.
    places: LruCache<K, Place<T>>,
    room: usize,
    taken: usize,
}

struct Place<T> {
    thing: Arc<T>,
    /// None while it is made.
    bytes: Option<usize>,
}

impl<K: Clone + Eq + Hash, T: Default> Shelf<K, T> {
    pub(crate) fn new(room: usize) -> Self {
        Self {
            places: LruCache::unbounded(),
            room,
            taken: 0,
        }
    }

    /// The same for everybody who asks for the same.
    pub(crate) fn place(&mut self, key: &K) -> Arc<T> {
        let place = self.places.get_or_insert_mut(key.clone(), || Place {
            thing: Arc::default(),
            bytes: None,
        });
        Arc::clone(&place.thing)
    }

    /// What is in the place was made and takes so much.
    pub(crate) fn made(&mut self, key: &K, bytes: usize) {
        if let Some(place) = self.places.peek_mut(key)
            && place.bytes.is_none()
        {
            place.bytes = Some(bytes + EACH);
            self.taken += bytes + EACH;
        }
        while self.taken > self.room {
            let mut from_oldest = self.places.iter().rev();
            let Some(oldest) = from_oldest.find(|(_, place)| place.bytes.is_some()) else {
                break;
            };
            let oldest = oldest.0.clone();
            self.forget(&oldest);
        }
    }

    /// The next who asks has it made again.
    pub(crate) fn forget(&mut self, key: &K) {
        if let Some(place) = self.places.pop(key) {
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
        assert!(!shelf.places.contains(&2));
        assert!(Arc::ptr_eq(&shelf.place(&1), &first), "still there");
        assert!(Arc::ptr_eq(&shelf.place(&0), &at_work), "being made");
        assert_eq!(shelf.taken, 3 * (100 + EACH));
        shelf.made(&0, 10_000);
        assert!(shelf.taken <= shelf.room && !shelf.places.contains(&0));
    }
}
