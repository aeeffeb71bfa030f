//! The tables of `docs/coming-over.md`: each method of rayon that a row calls "same name" is called here.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use reunite::Pool;
use reunite::iter::{self, Either, empty, once, repeat, repeat_n};
use reunite::prelude::*;

/// The odd numbers from 1 to 9.
const ODD: [i32; 5] = [1, 3, 5, 7, 9];

fn vec<I: ParallelIterator>(items: I) -> Vec<I::Item> {
    items.collect()
}

fn odd() -> impl IndexedParallelIterator + ParallelIterator<Item = i32> {
    ODD.par_iter().copied()
}

#[test]
fn conversions_have_the_same_names() {
    let mut numbers = [1, 2];
    numbers.par_iter_mut().for_each(|n| *n *= 10);
    assert_eq!(numbers.par_iter().sum::<i32>(), 30);
    assert_eq!(numbers.into_par_iter().max(), Some(20));
    assert_eq!(vec(ODD.iter().par_bridge()), ODD.iter().collect::<Vec<_>>());
    assert_eq!(vec(repeat_n('x', 3)), ['x', 'x', 'x']);
    assert_eq!(vec(repeat('x').take(2)), ['x', 'x']);
    assert_eq!((vec(empty::<u8>()), vec(once(7))), (vec![], vec![7]));
    assert_eq!(Vec::from_par_iter(odd()), ODD);
    let children = |n: &u32| {
        if *n < 3 {
            vec![2 * n, 2 * n + 1]
        } else {
            vec![]
        }
    };
    assert_eq!(vec(iter::walk_tree(1, children)).len(), 5);
    assert_eq!(vec(iter::walk_tree_prefix(1, children)), [1, 2, 4, 5, 3]);
    assert_eq!(vec(iter::walk_tree_postfix(1, children)), [4, 5, 2, 3, 1]);
    assert_eq!(vec(iter::split(7, |n| (n, None))), [7]);
    let mut extended = vec![0];
    extended.par_extend(odd());
    assert_eq!(extended, [0, 1, 3, 5, 7, 9]);
}

#[test]
fn drains_have_the_same_names() {
    let mut vector = vec![1, 2, 3];
    let mut deque = VecDeque::from([1, 2, 3]);
    let mut text = String::from("abc");
    assert_eq!(vec(vector.par_drain(1..)), [2, 3]);
    assert_eq!(vec(deque.par_drain(..2)), [1, 2]);
    assert_eq!(vec(text.par_drain(..=0)), ['a']);
    assert_eq!((vector.len(), deque.len(), text.as_str()), (1, 1, "bc"));
    let mut heap = BinaryHeap::from([1, 2]);
    let mut set = HashSet::from([1, 2]);
    let mut map = HashMap::from([(1, 2)]);
    assert_eq!(heap.par_drain().sum::<i32>(), 3);
    assert_eq!(set.par_drain().sum::<i32>(), 3);
    assert_eq!(vec(map.par_drain()), [(1, 2)]);
    assert!(heap.is_empty() && set.is_empty() && map.is_empty());
}

#[test]
fn adaptors_of_single_items_have_the_same_names() {
    let passed = AtomicUsize::new(0);
    let count = |_: &i32| {
        passed.fetch_add(1, Relaxed);
    };
    assert_eq!(vec(odd().map(|n| n + 1)), [2, 4, 6, 8, 10]);
    assert_eq!(vec(odd().map_with(1, |one, n| n + *one)), [2, 4, 6, 8, 10]);
    assert_eq!(
        vec(odd().map_init(|| 1, |one, n| n + *one)),
        [2, 4, 6, 8, 10]
    );
    assert_eq!(vec(ODD.par_iter().cloned()), ODD);
    assert_eq!(vec(ODD.par_iter().copied()), ODD);
    assert_eq!(vec(odd().inspect(count)), ODD);
    assert_eq!(passed.into_inner(), ODD.len());
    assert_eq!(vec(odd().update(|n| *n -= 1)), [0, 2, 4, 6, 8]);
    assert_eq!(vec(odd().filter(|n| *n > 5)), [7, 9]);
    assert_eq!(vec(odd().filter_map(|n| (n > 5).then_some(n))), [7, 9]);
    assert_eq!(vec(odd().panic_fuse()), ODD);
    assert_eq!(odd().map(Some).while_some().sum::<i32>(), 25);
}

#[test]
fn adaptors_of_several_items_have_the_same_names() {
    let nested = || vec![vec![1], vec![], vec![2, 3]];
    assert_eq!(vec((1..3).into_par_iter().flat_map(|n| 0..n)), [0, 0, 1]);
    assert_eq!(
        vec((1..3).into_par_iter().flat_map_iter(|n| 0..n)),
        [0, 0, 1]
    );
    assert_eq!(vec(nested().into_par_iter().flatten()), [1, 2, 3]);
    assert_eq!(vec(nested().into_par_iter().flatten_iter()), [1, 2, 3]);
    assert_eq!(vec(odd().take(1).chain([2])), [1, 2]);
    assert_eq!(vec(odd().take(2).intersperse(0)), [1, 0, 3]);
    assert_eq!(odd().take_any(2).count(), 2);
    assert_eq!(odd().skip_any(2).count(), 3);
    assert!(odd().take_any_while(|n| *n < 5).all(|n| n < 5));
    assert!(odd().skip_any_while(|n| *n < 5).any(|n| n == 9));
    assert_eq!(odd().fold(|| 0, |a, n| a + n).sum::<i32>(), 25);
    assert_eq!(odd().fold_with(0, |a, n| a + n).sum::<i32>(), 25);
    let add = |a: i32, n| a.checked_add(n);
    assert_eq!(odd().try_fold(|| 0, add).try_reduce(|| 0, add), Some(25));
    assert_eq!(
        odd().try_fold_with(0, add).try_reduce_with(add),
        Some(Some(25))
    );
}

#[test]
fn endings_that_call_closures_have_the_same_names() {
    let sum = AtomicUsize::new(0);
    let add = |n: i32| {
        sum.fetch_add(n as usize, Relaxed);
    };
    odd().for_each(add);
    odd().for_each_with(1, |one, n| add(n * *one));
    odd().for_each_init(|| 1, |one, n| add(n * *one));
    let try_add = |n: i32| (n < 10).then(|| add(n));
    assert_eq!(odd().try_for_each(try_add), Some(()));
    assert_eq!(
        odd().try_for_each_with(1, |one, n| try_add(n * *one)),
        Some(())
    );
    assert_eq!(
        odd().try_for_each_init(|| 1, |one, n| try_add(n * *one)),
        Some(())
    );
    assert_eq!(sum.into_inner(), 6 * 25);
    assert_eq!(
        odd().try_for_each(|n| if n < 5 { Ok(()) } else { Err("no") }),
        Err("no")
    );
}

#[test]
fn endings_that_make_one_value_have_the_same_names() {
    assert_eq!(odd().reduce(|| 0, |a, b| a + b), 25);
    assert_eq!(odd().reduce_with(|a, b| a + b), Some(25));
    assert_eq!(odd().map(Some).try_reduce(|| 0, i32::checked_add), Some(25));
    assert_eq!(
        odd().map(Some).try_reduce_with(i32::checked_add),
        Some(Some(25))
    );
    assert_eq!(odd().sum::<i32>(), 25);
    assert_eq!(odd().product::<i32>(), 945);
    assert_eq!(odd().count(), 5);
    assert_eq!((odd().min(), odd().max()), (Some(1), Some(9)));
    assert_eq!(odd().min_by(|a, b| b.cmp(a)), Some(9));
    assert_eq!(odd().max_by(|a, b| b.cmp(a)), Some(1));
    assert_eq!(odd().min_by_key(|n| (n - 5).abs()), Some(5));
    assert_eq!(odd().max_by_key(|n| (n - 4).abs()), Some(9));
    assert!(odd().find_any(|n| *n > 5).is_some_and(|n| n > 5));
    assert_eq!(odd().find_first(|n| *n > 5), Some(7));
    assert_eq!(odd().find_last(|n| *n > 5), Some(9));
    let large = |n: i32| (n > 5).then_some(-n);
    assert!(odd().find_map_any(large).is_some_and(|n| n < -5));
    assert_eq!(odd().find_map_first(large), Some(-7));
    assert_eq!(odd().find_map_last(large), Some(-9));
    assert!(odd().any(|n| n == 3) && odd().all(|n| n < 10));
}

#[test]
fn endings_that_collect_have_the_same_names() {
    let large = |n: &i32| *n > 5;
    let divided = (vec![7, 9], vec![1, 3, 5]);
    assert_eq!(odd().collect::<HashSet<_>>(), HashSet::from(ODD));
    assert_eq!(odd().collect_vec_list().into_iter().flatten().count(), 5);
    assert_eq!(odd().partition(large), divided);
    let side = |n| {
        if large(&n) {
            Either::Left(n)
        } else {
            Either::Right(n)
        }
    };
    assert_eq!(odd().partition_map(side), divided);
    assert_eq!(odd().take(1).map(|n| (n, -n)).unzip(), (vec![1], vec![-1]));
    let parsed: Result<Vec<i32>, _> = ["1", "x"].par_iter().map(|text| text.parse()).collect();
    assert!(parsed.is_err());
}

#[test]
fn adaptors_of_indexed_iterators_have_the_same_names() {
    assert_eq!(vec(odd().by_uniform_blocks(2)), ODD);
    assert_eq!(vec(odd().by_exponential_blocks()), ODD);
    assert_eq!(vec(odd().zip([2])), [(1, 2)]);
    assert_eq!(odd().zip_eq(odd()).count(), 5);
    assert_eq!(vec(odd().take(3).interleave([2])), [1, 2, 3, 5]);
    assert_eq!(vec(odd().take(3).interleave_shortest([2])), [1, 2, 3]);
    assert_eq!(vec(odd().chunks(3)), [vec![1, 3, 5], vec![7, 9]]);
    assert_eq!(vec(odd().fold_chunks(3, || 0, |a, n| a + n)), [9, 16]);
    assert_eq!(vec(odd().fold_chunks_with(3, 1, |a, n| a + n)), [10, 17]);
    assert_eq!(vec(odd().enumerate().take(2)), [(0, 1), (1, 3)]);
    assert_eq!(vec(odd().step_by(2)), [1, 5, 9]);
    assert_eq!(vec(odd().skip(3)), [7, 9]);
    assert_eq!(vec(odd().take(2)), [1, 3]);
    assert_eq!(vec(odd().rev()), [9, 7, 5, 3, 1]);
    assert_eq!(vec(odd().positions(|n| n > 5)), [3, 4]);
    assert_eq!(vec(odd().with_min_len(2)), ODD);
    assert_eq!(vec(odd().with_max_len(2)), ODD);
}

#[test]
fn endings_of_indexed_iterators_have_the_same_names() {
    let (mut left, mut right) = (vec![0], vec![0]);
    odd().collect_into_vec(&mut left);
    assert_eq!(left, ODD);
    odd()
        .take(2)
        .map(|n| (n, -n))
        .unzip_into_vecs(&mut left, &mut right);
    assert_eq!((left, right), (vec![1, 3], vec![-1, -3]));
    assert_eq!(odd().len(), 5);
    assert!(odd().position_any(|n| n > 5).is_some_and(|at| at > 2));
    assert_eq!(odd().position_first(|n| n > 5), Some(3));
    assert_eq!(odd().position_last(|n| n > 5), Some(4));
    assert_eq!(odd().cmp(odd()), Ordering::Equal);
    assert_eq!(odd().partial_cmp(odd()), Some(Ordering::Equal));
    assert!(odd().eq(odd()) && odd().ne(odd().rev()));
    assert!(odd().lt(odd().rev()) && odd().le(odd()));
    assert!(odd().rev().gt(odd()) && odd().ge(odd()));
}

#[test]
fn methods_of_slices_have_the_same_names() {
    let lengths = |parts: Vec<&[i32]>| parts.into_iter().map(<[i32]>::len).collect::<Vec<_>>();
    assert_eq!(ODD.as_parallel_slice(), ODD);
    assert_eq!(lengths(vec(ODD.par_chunks(2))), [2, 2, 1]);
    assert_eq!(lengths(vec(ODD.par_chunks_exact(2))), [2, 2]);
    assert_eq!(ODD.par_chunks_exact(2).remainder(), [9]);
    assert_eq!(lengths(vec(ODD.par_rchunks(2))), [2, 2, 1]);
    assert_eq!(lengths(vec(ODD.par_rchunks_exact(2))), [2, 2]);
    assert_eq!(lengths(vec(ODD.par_windows(3))), [3, 3, 3]);
    assert_eq!(vec(ODD[3..].par_array_windows()), [&[7, 9]]);
    assert_eq!(lengths(vec(ODD.par_split(|n| *n == 3))), [1, 3]);
    assert_eq!(lengths(vec(ODD.par_split_inclusive(|n| *n == 3))), [2, 3]);
    assert_eq!(lengths(vec(ODD.par_chunk_by(|a, _| *a != 3))), [2, 3]);
}

#[test]
fn methods_of_mutable_slices_have_the_same_names() {
    let mut numbers = ODD;
    let first_is_zero = |part: &mut [i32]| part[0] = 0;
    numbers.as_parallel_slice_mut()[0] = 2;
    numbers.par_chunks_mut(4).for_each(first_is_zero);
    assert_eq!(numbers, [0, 3, 5, 7, 0]);
    numbers.par_rchunks_mut(3).for_each(first_is_zero);
    assert_eq!(numbers, [0, 3, 0, 7, 0]);
    numbers = ODD;
    numbers.par_chunks_exact_mut(3).for_each(first_is_zero);
    numbers.par_rchunks_exact_mut(2).for_each(first_is_zero);
    assert_eq!(numbers, [0, 0, 5, 0, 9]);
    numbers = ODD;
    numbers.par_split_mut(|n| *n == 5).for_each(first_is_zero);
    assert_eq!(numbers, [0, 3, 5, 0, 9]);
    numbers
        .par_split_inclusive_mut(|n| *n == 3)
        .for_each(first_is_zero);
    assert_eq!(numbers, [0, 3, 0, 0, 9]);
    numbers
        .par_chunk_by_mut(|a, b| a == b)
        .for_each(|part| part[0] = part.len() as i32);
    assert_eq!(numbers, [1, 1, 2, 0, 1]);
}

#[test]
fn sorts_have_the_same_names() {
    let sorted_by = |sort: fn(&mut [i32])| {
        let mut numbers = [5, 9, 1, 7, 3];
        sort(&mut numbers);
        numbers
    };
    assert_eq!(sorted_by(|n| n.par_sort()), ODD);
    assert_eq!(sorted_by(|n| n.par_sort_by(Ord::cmp)), ODD);
    assert_eq!(sorted_by(|n| n.par_sort_by_key(|n| *n)), ODD);
    assert_eq!(sorted_by(|n| n.par_sort_by_cached_key(|n| *n)), ODD);
    assert_eq!(sorted_by(|n| n.par_sort_unstable()), ODD);
    assert_eq!(sorted_by(|n| n.par_sort_unstable_by(Ord::cmp)), ODD);
    assert_eq!(sorted_by(|n| n.par_sort_unstable_by_key(|n| *n)), ODD);
}

#[test]
fn methods_of_texts_have_the_same_names() {
    let text = "to be\nor";
    assert_eq!(text.as_parallel_string(), text);
    assert_eq!(text.par_chars().count(), 8);
    assert_eq!(
        text.par_char_indices().find_first(|c| c.1 == 'b'),
        Some((3, 'b'))
    );
    assert_eq!(text.par_bytes().max(), Some(b't'));
    assert_eq!(text.par_encode_utf16().count(), 8);
    assert_eq!(vec(text.par_split('e')), ["to b", "\nor"]);
    assert_eq!(vec(text.par_split_inclusive('e')), ["to be", "\nor"]);
    assert_eq!(vec("a;b;".par_split_terminator(';')), ["a", "b"]);
    assert_eq!(vec(text.par_matches('o')), ["o", "o"]);
    assert_eq!(vec(text.par_match_indices('o')), [(1, "o"), (6, "o")]);
    assert_eq!(vec(text.par_lines()), ["to be", "or"]);
    assert_eq!(vec(text.par_split_whitespace()), ["to", "be", "or"]);
    assert_eq!(vec(text.par_split_ascii_whitespace()), ["to", "be", "or"]);
}

#[test]
fn calls_of_pools_have_the_same_names() {
    assert_eq!(reunite::join(|| 1, || 2), (1, 2));
    let builder = Pool::builder().threads(2).stack_size(1 << 20);
    let pool = builder.build().unwrap();
    assert_eq!(pool.install(|| 1), 1);
    assert_eq!(pool.install(|| reunite::current_num_threads()), 2);
    let too_large = Pool::builder().threads(usize::MAX);
    assert!(too_large.build_global().is_err());
    assert_eq!(pool.join(|| 1, || 2), (1, 2));
    let done = AtomicUsize::new(0);
    let (sender, receiver) = std::sync::mpsc::channel();
    pool.scope(|s| {
        s.spawn(|| done.fetch_add(1, Relaxed));
    });
    pool.spawn(move || sender.send("done")).detach();
    assert_eq!((done.into_inner(), receiver.recv()), (1, Ok("done")));
}

#[test]
fn channels_have_the_same_names() {
    use reunite::channel::{self, Receiver, Select, Sender};
    use std::time::{Duration, Instant};

    let (tx, rx): (Sender<u8>, Receiver<u8>) = channel::bounded(3);
    tx.send(1).unwrap();
    tx.try_send(2).unwrap();
    tx.send_timeout(3, Duration::ZERO).unwrap();
    assert_eq!((tx.len(), tx.capacity(), tx.is_full()), (3, Some(3), true));
    assert!(tx.send_deadline(4, Instant::now()).is_err());
    assert_eq!((rx.recv().unwrap(), rx.try_recv().unwrap()), (1, 2));
    assert_eq!(rx.recv_timeout(Duration::ZERO).unwrap(), 3);
    assert!(rx.recv_deadline(Instant::now()).is_err() && rx.is_empty());
    assert!(rx.same_channel(&rx.clone()) && rx.try_iter().next().is_none());
    let at = channel::at(Instant::now());
    assert!(channel::after(Duration::ZERO).recv().unwrap() >= at.recv().unwrap());
    assert!(channel::tick(Duration::ZERO).recv().is_ok());
    assert!(channel::never::<()>().try_recv().is_err());
    let mut select = Select::new().biased();
    let (sends, receives) = (select.send(&tx), select.recv(&rx));
    let operation = select.select().unwrap();
    assert_eq!(operation.index(), sends);
    operation.send(&tx, 5).unwrap();
    select.remove(sends);
    let operation = select.try_select().unwrap();
    assert_eq!(
        (operation.index(), operation.recv(&rx).unwrap()),
        (receives, 5)
    );
    assert!(select.select_timeout(Duration::ZERO).is_err());
    assert!(select.select_deadline(Instant::now()).is_err());
    tx.send(6).unwrap();
    drop(tx);
    assert!(rx.iter().take(0).next().is_none());
    assert!(rx.into_iter().eq([6]));
    let (tx, rx) = channel::unbounded();
    tx.send(7).unwrap();
    let message = reunite::select! { biased; recv(rx) -> message => message };
    assert_eq!(message.unwrap(), 7);
}

/// Returns the text of the guide about rayon.
fn rayon_tables() -> &'static str {
    let guide = include_str!("../../../docs/coming-over.md");
    guide.split_once("\n## From `std`").unwrap().0
}

/// Returns the names of crossbeam-channel's functions and methods that are the same here. Code in a cell that is no name
/// is not among them.
fn crossbeam_channel_names() -> Vec<&'static str> {
    let guide = include_str!("../../../docs/coming-over.md");
    let (_, table) = guide.split_once("\n### crossbeam-channel").unwrap();
    let (table, _) = table.split_once("\n### ").unwrap();
    let mut names = names(table, "same name");
    names.retain(|name| {
        !name.contains(' ') && !["Sender", "Receiver", "Select", "SelectedOperation"].contains(name)
    });
    assert!(names.len() > 25, "only {names:?} were found");
    names
}

/// Returns the names in the first cells of the rows whose second cell begins with `verdict`.
fn names<'a>(tables: &'a str, verdict: &str) -> Vec<&'a str> {
    let rows = tables.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.filter_map(|row| row.split_once(" | "));
    let same = cells.filter(|cells| cells.1.starts_with(verdict));
    same.flat_map(|cells| cells.0.split('`').skip(1).step_by(2))
        .collect()
}

#[test]
fn each_name_that_is_the_same_is_called_here() {
    let mut names = names(rayon_tables(), "same name");
    assert!(names.len() > 120, "only {} names were found", names.len());
    names.extend(crossbeam_channel_names());
    let here = include_str!("coming_over.rs");
    let is_called = |name: &str| {
        let heads = [".", "::", "("].map(|head| format!("{head}{name}"));
        let calls = heads
            .iter()
            .flat_map(|head| [format!("{head}("), format!("{head}::<")]);
        calls.into_iter().any(|call| here.contains(&call))
    };
    let missing: Vec<_> = names.into_iter().filter(|name| !is_called(name)).collect();
    assert!(missing.is_empty(), "not called here: {missing:?}");
}

/// Returns the sources of a module of the library, with those of the modules in it.
fn sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .map(|path| {
            if path.is_dir() {
                sources(&path)
            } else {
                fs::read_to_string(path).unwrap()
            }
        })
        .collect()
}

#[test]
fn no_name_that_is_not_there_yet_is_there() {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let sources = sources(&library.join("par")) + &sources(&library.join("pool"));
    let is_there = |name: &str| {
        sources.contains(&format!("fn {name}(")) || sources.contains(&format!("fn {name}<"))
    };
    assert!(is_there("par_chunks") && is_there("map_with"));
    let names = names(rayon_tables(), "not there yet");
    assert!(names.contains(&"join_context"));
    let there: Vec<_> = names.into_iter().filter(|name| is_there(name)).collect();
    assert!(there.is_empty(), "change their rows: {there:?}");
}
