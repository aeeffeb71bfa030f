//! The endings of parallel iterators give what those of the iterators of std give, for random data; those that may take
//! any item take one that fits.

mod common;
mod par_cases;

use std::collections::{BTreeSet, HashMap, HashSet, LinkedList, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};

use common::payload_of;
use par_cases::check;
use reunite::prelude::*;

fn text_of(n: u32) -> String {
    n.to_string()
}

#[test]
fn mutable_references_reach_every_item_once() {
    check(60, |case| {
        let expected: Vec<u32> = case.items.iter().map(|n| n + 1).collect();
        let mut items = case.items.clone();
        items.par_iter_mut().rev().for_each(|n| *n += case.spin(1));
        assert_eq!(items, expected);
        let mut deque = case.rotated();
        deque.par_iter_mut().for_each(|n| *n += case.spin(1));
        assert_eq!(deque, expected);
        assert!(deque.par_iter().eq(&expected));
        let mut map: HashMap<u32, u32> = case.items.iter().map(|n| (*n, *n)).collect();
        map.par_iter_mut().for_each(|(_, n)| *n += case.spin(1));
        assert!(map.par_iter().all(|(k, n)| k + 1 == *n));
    });
}

#[test]
fn unordered_collections_give_every_item_once() {
    check(60, |case| {
        let set: HashSet<u32> = case.items.iter().copied().collect();
        let sorted: BTreeSet<u32> = case.items.iter().copied().collect();
        assert_eq!(
            set.par_iter()
                .map(|n| case.spin(*n))
                .collect::<BTreeSet<_>>(),
            sorted
        );
        assert_eq!(set.clone().into_par_iter().count(), sorted.len());
        let mut drained = set;
        assert_eq!(drained.par_drain().collect::<BTreeSet<_>>(), sorted);
        assert!(drained.is_empty());
        let mut items = case.items.clone();
        let mut rest = items.clone();
        let (from, to) = (case.a.min(items.len()), case.b.min(items.len()));
        let range = from.min(to)..from.max(to);
        let expected: Vec<u32> = rest.drain(range.clone()).collect();
        assert_eq!(
            items
                .par_drain(range)
                .map(|n| case.spin(n))
                .collect::<Vec<_>>(),
            expected
        );
        assert_eq!(items, rest);
    });
}

#[test]
fn endings_that_combine_items() {
    check(60, |case| {
        let par = || case.items.par_iter().map(|n| case.spin(*n));
        let seq = || case.items.iter().copied();
        let texts = par().map(text_of).reduce(String::new, |a, b| a + &b);
        assert_eq!(texts, seq().map(text_of).collect::<String>());
        assert_eq!(par().reduce_with(|a, b| a.max(b)), seq().max());
        assert_eq!(
            par().map(u64::from).sum::<u64>(),
            seq().map(u64::from).sum()
        );
        assert_eq!(
            par().map(|n| f64::from(n % 2)).product::<f64>(),
            seq().map(|n| f64::from(n % 2)).product()
        );
        let key = |n: &(usize, u32)| n.1 % 5;
        assert_eq!(
            par().enumerate().min_by_key(key),
            seq().enumerate().min_by_key(key)
        );
        assert_eq!(
            par().enumerate().max_by_key(key),
            seq().enumerate().max_by_key(key)
        );
        assert_eq!(par().min_by(|a, b| b.cmp(a)), seq().min_by(|a, b| b.cmp(a)));
        assert_eq!(par().max_by(|a, b| b.cmp(a)), seq().max_by(|a, b| b.cmp(a)));
        assert_eq!(
            par().cmp(case.others.par_iter().copied()),
            seq().cmp(case.others.iter().copied())
        );
        let nearly: Vec<u32> = seq().map(|n| n + n / 999).collect();
        assert_eq!(par().partial_cmp(nearly.clone()), seq().partial_cmp(nearly));
        assert_eq!(
            par().lt(case.others.clone()),
            seq().lt(case.others.iter().copied())
        );
        assert_eq!(par().all(|n| n < 990), seq().all(|n| n < 990));
        assert_eq!(par().any(|n| n > 990), seq().any(|n| n > 990));
        assert_eq!(
            par().position_first(|n| n % 7 == 0),
            seq().position(|n| n % 7 == 0)
        );
        assert_eq!(
            par().position_last(|n| n % 7 == 0),
            seq().rposition_of(|n| n % 7 == 0)
        );
        assert_eq!(
            par().find_map_first(|n| n.checked_sub(900)),
            seq().find_map(|n| n.checked_sub(900))
        );
        assert_eq!(
            par().find_map_last(|n| n.checked_sub(900)),
            seq().rev().find_map(|n| n.checked_sub(900))
        );
        let yes = |n: &u32| n.is_multiple_of(3);
        assert_eq!(
            par().partition::<Vec<_>, Vec<_>, _>(yes),
            seq().partition::<Vec<_>, _>(yes)
        );
        assert_eq!(
            par().enumerate().unzip::<_, _, Vec<_>, VecDeque<_>>(),
            seq().enumerate().unzip::<_, _, Vec<_>, VecDeque<_>>()
        );
        assert_eq!(par().collect::<LinkedList<_>>(), seq().collect());
        assert_eq!(
            par()
                .collect_vec_list()
                .into_iter()
                .flatten()
                .collect::<Vec<_>>(),
            case.items
        );
        assert_eq!(
            par().map(|n| (n, n)).collect::<HashMap<_, _>>(),
            seq().map(|n| (n, n)).collect()
        );
        let mut target = vec![1; 3];
        par().collect_into_vec(&mut target);
        assert_eq!(target, case.items);
        target.par_extend(par());
        assert_eq!(target, [&case.items[..], &case.items].concat());
    });
}

trait PositionFromEnd: DoubleEndedIterator + ExactSizeIterator {
    fn rposition_of(mut self, f: impl FnMut(Self::Item) -> bool) -> Option<usize>
    where
        Self: Sized,
    {
        self.rposition(f)
    }
}
impl<I: DoubleEndedIterator + ExactSizeIterator> PositionFromEnd for I {}

#[test]
fn endings_that_may_take_any_item_take_one_that_fits() {
    check(60, |case| {
        let par = || case.items.par_iter().map(|n| case.spin(*n));
        let fits = |n: &u32| n.is_multiple_of(11);
        let any = par().find_any(fits);
        assert_eq!(any.is_some(), case.items.iter().any(fits));
        assert!(any.is_none_or(|n| fits(&n) && case.items.contains(&n)));
        let at = par().position_any(|n| fits(&n));
        assert_eq!(at.is_some(), any.is_some());
        assert!(at.is_none_or(|at| fits(&case.items[at])));

        let taken: Vec<_> = par().enumerate().take_any(case.a).collect();
        assert_eq!(taken.len(), case.a.min(case.items.len()));
        assert!(taken.is_sorted_by(|a, b| a.0 < b.0));
        let left: Vec<_> = par().enumerate().skip_any(case.a).collect();
        assert_eq!(left.len(), case.items.len().saturating_sub(case.a));
        assert!(left.is_sorted_by(|a, b| a.0 < b.0));
        let taken = par().take_any_while(|n| !fits(n)).collect::<Vec<_>>();
        assert!(!taken.iter().any(fits));
        let left = par()
            .skip_any_while(|n| !fits(n))
            .filter(|n| fits(n))
            .count();
        assert_eq!(left, case.items.iter().filter(|n| fits(n)).count());
        let some = par()
            .map(|n| (!fits(&n)).then_some(n))
            .while_some()
            .collect::<Vec<_>>();
        assert!(!some.iter().any(fits));
        assert!(any.is_some() || some == case.items);
    });
}

#[test]
fn failures_end_with_an_error_of_an_item() {
    check(60, |case| {
        let fails = |n: &u32| n.is_multiple_of(11);
        let result = |n: u32| if fails(&n) { Err(n) } else { Ok(n) };
        let par = || case.items.par_iter().map(|n| result(case.spin(*n)));
        let first = case.items.iter().position(fails);

        let tried = par().try_collect::<Vec<_>>();
        assert_eq!(
            tried
                .as_ref()
                .err()
                .map(|e| (e.index(), *e.error().unwrap())),
            first.map(|at| (at, case.items[at]))
        );
        assert_eq!(
            tried.ok(),
            case.items.iter().map(|n| result(*n).ok()).collect()
        );
        let is_right = |failure: Option<u32>| {
            assert_eq!(failure.is_some(), first.is_some());
            assert!(failure.is_none_or(|n| fails(&n) && case.items.contains(&n)));
        };
        let collected: Result<Vec<u32>, u32> = par().collect();
        assert!(collected.as_ref().is_err() || collected.as_ref() == Ok(&case.items));
        is_right(collected.err());
        is_right(par().try_for_each(|n| n.map(drop)).err());
        let sum = par()
            .map(|n| n.map(u64::from))
            .try_reduce(|| 0, |a, b| Ok(a + b));
        assert!(sum.is_err() || sum == Ok(case.items.iter().copied().map(u64::from).sum()));
        is_right(sum.err());
        let folds = par().try_fold(|| 0, |sum, n| n.map(|n| sum + u64::from(n)));
        is_right(folds.try_reduce(|| 0, |a, b| Ok(a + b)).err());
        let all: Option<Vec<u32>> = par().map(Result::ok).collect();
        assert_eq!(all, case.items.iter().map(|n| result(*n).ok()).collect());
    });
}

#[test]
fn a_panic_arrives_with_the_payload_of_an_item_that_panicked() {
    check(60, |case| {
        let Some(bad) = case.items.get(case.a).copied() else {
            return;
        };
        let item = |n: &u32| {
            if *n == bad {
                std::panic::resume_unwind(Box::new(*n));
            }
            case.spin(*n)
        };
        let par = || case.items.par_iter().map(item);
        let endings: [&dyn Fn(); 6] = [
            &|| drop(par().collect::<Vec<_>>()),
            &|| drop(par().filter(|_| true).map(text_of).collect::<Vec<_>>()),
            &|| {
                drop(
                    par()
                        .rev()
                        .zip(&case.items)
                        .chunks(case.size)
                        .collect::<Vec<_>>(),
                )
            },
            &|| {
                let bridge = case.items.iter().par_bridge();
                let _greatest = bridge.map(item).reduce_with(u32::max);
            },
            &|| {
                let thrice = case.items.par_iter().flat_map(|n| [*n; 3]);
                let _greatest = thrice.map(|n| item(&n)).max();
            },
            &|| par().chain(par()).for_each(drop),
        ];
        for ending in endings {
            assert_eq!(payload_of(ending).downcast_ref(), Some(&bad));
        }
    });
}

#[test]
fn cancelled_endings_say_so_and_stop() {
    check(60, |case| {
        let begun = AtomicUsize::new(0);
        let (before, checked, tried) = reunite::scope(|s| {
            let canceller = s.canceller();
            let item = |n: usize| {
                begun.fetch_add(1, Ordering::Relaxed);
                if n == case.a {
                    canceller.cancel("enough");
                }
                case.spin(n)
            };
            let before = (0..case.a)
                .into_par_iter()
                .map(item)
                .checked(|items| items.collect::<Vec<_>>());
            let endless = || (0..usize::MAX).into_par_iter().map(item);
            let checked = endless().checked(|items| items.map(|n| n % 2).sum::<usize>());
            let tried = endless().map(Ok::<_, ()>).try_collect::<Vec<_>>();
            (before, checked, tried)
        });
        assert_eq!(before.unwrap(), (0..case.a).collect::<Vec<_>>());
        assert!(checked.is_err());
        assert!(tried.unwrap_err().is_cancelled());
    });
}

#[test]
fn a_deadline_ends_a_checked_ending() {
    check(12, |case| {
        let past = std::time::Instant::now();
        let mut checked = None;
        let scope = reunite::ScopeBuilder::new().deadline(past).scope(|_| {
            let numbers = (0..usize::MAX).into_par_iter().map(|n| case.spin(n));
            checked = Some(numbers.checked(|numbers| numbers.max()));
        });
        assert!(scope.unwrap_err().is_timeout());
        let cancelled = checked.unwrap().unwrap_err();
        assert!(cancelled.to_string().contains("deadline"), "{cancelled}");
    });
}
