//! A cache of results that are made on demand. It drops the least recently used ones.

use std::hash::Hash;
use std::sync::Arc;

use lru::LruCache;

/// The memory that an entry needs besides its bytes.
const EACH: usize = 256;

/// A cache with one entry per key, each of which is made once. When the entries exceed `room` bytes, the least
/// recently used ones are dropped.
pub(crate) struct Shelf<K, T> {
    /// The entries, the most recently used first.
    places: LruCache<K, Place<T>>,
    room: usize,
    taken: usize,
}

struct Place<T> {
    thing: Arc<T>,
    /// The size of the entry; `None` while it is being made.
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

    /// Returns the entry of the key. Callers with the same key share one entry.
    pub(crate) fn place(&mut self, key: &K) -> Arc<T> {
        let place = self.places.get_or_insert_mut(key.clone(), || Place {
            thing: Arc::default(),
            bytes: None,
        });
        Arc::clone(&place.thing)
    }

    /// Records that the entry was made and has this size, then drops the oldest entries until the rest fits.
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

    /// Removes the entry; the next request makes it again.
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
