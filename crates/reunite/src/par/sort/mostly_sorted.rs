//! A sort in place for inputs most of whose elements are in order: sets the others aside, sorts them, and merges.
//!
//! Setting aside what breaks the order: Levcopoulos and Petersson, "Splitsort" (1991). The merge in place by rotations:
//! Dudziński and Dydek, "On a stable storage merging algorithm" (1981).

use std::cmp::Ordering;

/// The input is sorted as any other if more than one of so many elements would be set aside.
const PER_ASIDE: usize = 16;
/// The number of elements that are set aside at most for one that is less than they.
const TOO_LARGE: usize = 4;

/// Sorts `items`; the order of equal elements is not kept.
pub(super) fn sort<T>(items: &mut [T], compare: &impl Fn(&T, &T) -> Ordering) {
    match set_aside(items, compare) {
        Some(kept) => {
            items[kept..].sort_unstable_by(compare);
            merge(items, kept, compare);
        }
        None => items.sort_unstable_by(compare),
    }
}

/// Moves elements to the end so that those before them are sorted. Returns the number of the latter, or `None` if
/// there are too many of the others.
fn set_aside<T>(items: &mut [T], compare: &impl Fn(&T, &T) -> Ordering) -> Option<usize> {
    let most = items.len() / PER_ASIDE;
    // The elements from here up to `at` are set aside.
    let mut kept = items.len().min(1);
    for at in 1..items.len() {
        let item = &items[at];
        let is_above = |before: &T| compare(item, before) != Ordering::Less;
        if is_above(&items[kept - 1]) {
            items.swap(kept, at);
            kept += 1;
            continue;
        }
        // Either this element is too small, or a few before it are too large.
        let start = (kept - 1).saturating_sub(TOO_LARGE);
        if let Some(before) = items[start..kept - 1].iter().rposition(is_above) {
            let place = start + before + 1;
            items.swap(place, at);
            kept = place + 1;
        }
        if at + 1 - kept > most {
            return None;
        }
    }
    Some(kept)
}

/// Merges the sorted runs `items[..middle]` and `items[middle..]` in place. Takes time of about the length of the first
/// run for each doubling of the second.
fn merge<T>(mut items: &mut [T], mut middle: usize, compare: &impl Fn(&T, &T) -> Ordering) {
    while middle > 0 && middle < items.len() {
        // The middle of the second run goes to its final place, and divides the rest in two merges.
        let from = middle + (items.len() - middle) / 2;
        let item = &items[from];
        let is_before = |before: &T| compare(item, before) != Ordering::Less;
        let left = items[..middle].partition_point(is_before);
        items[left..=from].rotate_left(middle - left);
        let place = left + from - middle;
        let (low, high) = items.split_at_mut(place);
        merge(low, left, compare);
        items = &mut high[1..];
        middle -= left;
    }
}
