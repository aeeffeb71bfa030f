//! A cache of results that are made on demand. It drops the least recently used ones.

use std::hash::Hash;
use std::sync::Arc;

use lru::LruCache;

/// The memory that an entry needs besides its bytes.
const ENTRY_OVERHEAD: usize = 256;

/// A cache with one entry per key, each of which is made once. When the entries exceed `capacity` bytes, the least
/// recently used ones are dropped.
pub(crate) struct SizedLruCache<K, T> {
    /// The entries, the most recently used first.
    entries: LruCache<K, CacheEntry<T>>,
    capacity: usize,
    used: usize,
}

struct CacheEntry<T> {
    value: Arc<T>,
    /// The size of the entry in bytes; `None` while it is being made.
    size: Option<usize>,
}

impl<K: Clone + Eq + Hash, T: Default> SizedLruCache<K, T> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            entries: LruCache::unbounded(),
            capacity,
            used: 0,
        }
    }

    /// Returns the value of the key, which may be yet to be made. Callers with the same key share one value.
    pub(crate) fn get(&mut self, key: &K) -> Arc<T> {
        let entry = self.entries.get_or_insert_mut(key.clone(), || CacheEntry {
            value: Arc::default(),
            size: None,
        });
        Arc::clone(&entry.value)
    }

    /// Records that the value was made and has this size in bytes, then drops the oldest entries until the rest fits.
    pub(crate) fn made(&mut self, key: &K, bytes: usize) {
        if let Some(entry) = self.entries.peek_mut(key)
            && entry.size.is_none()
        {
            let size = bytes + ENTRY_OVERHEAD;
            entry.size = Some(size);
            self.used += size;
        }
        while self.used > self.capacity {
            let mut from_oldest = self.entries.iter().rev();
            let Some(oldest) = from_oldest.find(|(_, entry)| entry.size.is_some()) else {
                break;
            };
            let oldest = oldest.0.clone();
            self.remove(&oldest);
        }
    }

    /// Removes the entry; the next request makes it again.
    pub(crate) fn remove(&mut self, key: &K) {
        if let Some(entry) = self.entries.pop(key) {
            self.used -= entry.size.unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_entry_is_dropped_first() {
        let mut cache: SizedLruCache<u8, u32> = SizedLruCache::new(3 * (100 + ENTRY_OVERHEAD));
        let being_made = cache.get(&0);
        let first = cache.get(&1);
        for key in [1, 2, 3] {
            cache.get(&key);
            cache.made(&key, 100);
        }
        assert!(Arc::ptr_eq(&cache.get(&1), &first), "requested again");
        cache.get(&4);
        cache.made(&4, 100);
        assert!(!cache.entries.contains(&2));
        assert!(Arc::ptr_eq(&cache.get(&1), &first), "still there");
        assert!(Arc::ptr_eq(&cache.get(&0), &being_made));
        assert_eq!(cache.used, 3 * (100 + ENTRY_OVERHEAD));
        cache.made(&0, 10_000);
        assert!(cache.used <= cache.capacity && !cache.entries.contains(&0));
    }
}
