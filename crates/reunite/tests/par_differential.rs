//! Parallel iterators give what the iterators of std give, for random data, in pools of several sizes, with items that
//! last so long now and then that other threads get some. Each test is one chain of adaptors.

mod common;
mod par_cases;

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, LinkedList};
use std::fmt::Debug;
use std::ops::Range;

use par_cases::{Case, check};
use reunite::iter::{split, walk_tree, walk_tree_postfix, walk_tree_prefix};
use reunite::prelude::*;

/// Compares endings that are sensitive to the order of the items.
fn same<T, P, S>(case: &Case, par: impl Fn() -> P, seq: impl Fn() -> S)
where
    T: Send + Debug + PartialEq,
    P: ParallelIterator<Item = T>,
    S: Iterator<Item = T>,
{
    let expected: Vec<T> = seq().collect();
    let par = || par().inspect(|_| case.spin(()));
    assert_eq!(par().collect::<Vec<T>>(), expected);
    assert_eq!(par().count(), expected.len());
    let last = seq().filter(|item| case.picks(item)).last();
    assert_eq!(par().find_last(|item| case.picks(item)), last);
    assert_eq!(
        par().find_first(|item| case.picks(item)),
        seq().find(|item| case.picks(item))
    );
}

/// Tests that are one chain of adaptors each, parallel and of std.
macro_rules! chains {
    ($($name:ident($case:ident): $par:expr => $seq:expr;)*) => {$(
        #[test]
        fn $name() {
            check(60, |$case| same($case, || $par, || $seq));
        }
    )*};
}

fn text_of(n: u32) -> String {
    n.to_string()
}

/// Returns the items of the case after a change.
fn changed(case: &Case, change: impl Fn(&mut [u32])) -> Vec<u32> {
    let mut items = case.items.clone();
    change(&mut items);
    items
}

/// Returns the function that gives the children of a node of a tree. Its nodes have different numbers of children.
fn children(case: &Case) -> impl Fn(&u32) -> std::vec::IntoIter<u32> + Clone + Send + Sync + use<> {
    let (most, size) = (case.items.len() as u32 * 4, case.size as u32);
    move |node| {
        let first = node * 3;
        let children = first..first + (node + size) % 4;
        children
            .filter(|child| *child < most)
            .collect::<Vec<_>>()
            .into_iter()
    }
}

/// Returns the nodes of that tree, by a recursion.
fn nodes(case: &Case, parents_first: bool) -> Vec<u32> {
    fn visit(
        node: u32,
        children: &impl Fn(&u32) -> std::vec::IntoIter<u32>,
        parents_first: bool,
        nodes: &mut Vec<u32>,
    ) {
        nodes.extend(parents_first.then_some(node));
        children(&node).for_each(|child| visit(child, children, parents_first, nodes));
        nodes.extend((!parents_first).then_some(node));
    }
    let mut nodes = Vec::new();
    visit(1, &children(case), parents_first, &mut nodes);
    nodes
}

fn halves(range: Range<usize>) -> (Range<usize>, Option<Range<usize>>) {
    let middle = range.len() / 3;
    match middle {
        0 => (range, None),
        _ => (
            range.start..range.start + middle,
            Some(range.start + middle..range.end),
        ),
    }
}

chains! {
    slices(c): c.items.par_iter() => c.items.iter();
    owned_vectors(c): c.items.clone().into_par_iter() => c.items.iter().copied();
    arrays(c): [c.a, c.b, c.size].into_par_iter() => [c.a, c.b, c.size].into_iter();
    deques_by_reference(c): c.rotated().into_iter().collect::<Vec<_>>().into_par_iter()
        => c.rotated().into_iter();
    deques(c): c.rotated().into_par_iter() => c.items.iter().copied();
    ranges(c): (c.a..c.b).into_par_iter() => c.a..c.b;
    inclusive_ranges(c): (c.a..=c.b).into_par_iter() => c.a..=c.b;
    ranges_to_the_greatest(c): (u8::MAX - c.size as u8..=u8::MAX).into_par_iter()
        => u8::MAX - c.size as u8..=u8::MAX;
    ranges_from_the_least(c): (i64::MIN..=i64::MIN + c.a as i64).into_par_iter()
        => i64::MIN..=i64::MIN + c.a as i64;
    ranges_of_128_bits(c): (u128::MAX - c.a as u128..=u128::MAX).into_par_iter()
        => u128::MAX - c.a as u128..=u128::MAX;
    ranges_of_characters(c): ('\u{d700}'..'\u{e000}').into_par_iter().filter(|x| u32::from(*x) > 0xd7f0 - c.size as u32)
        => ('\u{d700}'..'\u{e000}').filter(|x| u32::from(*x) > 0xd7f0 - c.size as u32);
    characters_to_the_greatest(c): ('\u{10ff00}'..=char::MAX).into_par_iter().skip(c.a)
        => ('\u{10ff00}'..=char::MAX).skip(c.a);
    sorted_sets(c): BTreeSet::from_iter(c.items.clone()).into_par_iter()
        => BTreeSet::from_iter(c.items.clone()).into_iter();
    sorted_maps(c): BTreeMap::from_iter(c.items.iter().copied().zip(c.others.clone())).into_par_iter()
        => BTreeMap::from_iter(c.items.iter().copied().zip(c.others.clone())).into_iter();
    lists(c): LinkedList::from_iter(c.items.clone()).into_par_iter() => c.items.clone().into_iter();
    heaps(c): BinaryHeap::from_iter(c.items.clone()).into_par_iter()
        => BinaryHeap::from_iter(c.items.clone()).into_vec().into_iter();
    options(c): c.items.get(c.a).into_par_iter().chain(c.items.first())
        => c.items.get(c.a).into_iter().chain(c.items.first());
    results(c): Err::<u32, u32>(1).into_par_iter().chain(Ok::<_, ()>(c.size as u32))
        => [c.size as u32].into_iter();
    tuples(c): (&c.items, &c.others, 0..c.a).into_par_iter()
        => c.items.iter().zip(&c.others).zip(0..c.a).map(|((x, y), z)| (x, y, z));
    bridges(c): c.items.iter().filter(|n| *n % 3 > 0).par_bridge() => c.items.iter().filter(|n| *n % 3 > 0);
    repeated(c): reunite::iter::repeat_n(c.a, c.b) => std::iter::repeat_n(c.a, c.b);
    repeated_and_zipped(c): reunite::iter::repeat(c.a).zip(&c.items) => std::iter::repeat(c.a).zip(&c.items);

    chunks_of_slices(c): c.items.par_chunks(c.size) => c.items.chunks(c.size);
    chunks_from_the_end(c): c.items.par_rchunks(c.size) => c.items.rchunks(c.size);
    exact_chunks(c): c.items.par_chunks_exact(c.size) => c.items.chunks_exact(c.size);
    exact_chunks_from_the_end(c): c.items.par_rchunks_exact(c.size) => c.items.rchunks_exact(c.size);
    windows(c): c.items.par_windows(c.size).rev() => c.items.windows(c.size).rev();
    windows_as_arrays(c): c.items.par_array_windows::<3>().skip(c.size)
        => c.items.windows(3).skip(c.size).map(|w| <&[u32; 3]>::try_from(w).unwrap());
    split_slices(c): c.items.par_split(|n| n % 5 == 0) => c.items.split(|n| n % 5 == 0);
    split_slices_inclusive(c): c.items.par_split_inclusive(|n| n % 5 == 0)
        => c.items.split_inclusive(|n| n % 5 == 0);
    runs(c): c.items.par_chunk_by(|a, b| a <= b) => c.items.chunk_by(|a, b| a <= b);

    mutable_pieces(c): changed(c, |items| items.par_split_mut(|n| n % 5 == 0).for_each(<[u32]>::reverse)).into_par_iter()
        => changed(c, |items| items.split_mut(|n| n % 5 == 0).for_each(<[u32]>::reverse)).into_iter();
    mutable_pieces_with_ends(c): changed(c, |items| {
        items.par_split_inclusive_mut(|n| n % 5 == 0).for_each(<[u32]>::reverse)
    }).into_par_iter() => changed(c, |items| {
        items.split_inclusive_mut(|n| n % 5 == 0).for_each(<[u32]>::reverse)
    }).into_iter();
    mutable_runs(c): changed(c, |items| items.par_chunk_by_mut(|a, b| a <= b).for_each(<[u32]>::reverse)).into_par_iter()
        => changed(c, |items| items.chunk_by_mut(|a, b| a <= b).for_each(<[u32]>::reverse)).into_iter();

    trees_from_the_root(c): walk_tree_prefix(1, children(c)) => nodes(c, true).into_iter();
    trees_to_the_root(c): walk_tree_postfix(1, children(c)) => nodes(c, false).into_iter();
    filtered_trees(c): walk_tree(1, children(c)).filter(|n| n % 3 > 0)
        => nodes(c, true).into_iter().filter(|n| n % 3 > 0);
    split_values(c): split(0..c.a, halves).flat_map_iter(|part| part) => 0..c.a;
    blocks(c): c.items.par_iter().by_uniform_blocks(c.size) => c.items.iter();
    growing_blocks(c): c.items.par_iter().enumerate().by_exponential_blocks() => c.items.iter().enumerate();
    blocks_of_filtered_items(c): c.items.par_iter().by_uniform_blocks(c.size).filter(|n| **n % 3 == 1).map(|n| text_of(*n))
        => c.items.iter().filter(|n| **n % 3 == 1).map(|n| text_of(*n));

    characters(c): c.text.par_chars() => c.text.chars();
    characters_with_places(c): c.text.par_char_indices() => c.text.char_indices();
    bytes(c): c.text.par_bytes().skip(c.a) => c.text.bytes().skip(c.a);
    units_of_utf_16(c): c.text.par_encode_utf16() => c.text.encode_utf16();
    lines(c): c.text.par_lines() => c.text.lines();
    split_texts(c): c.text.par_split(',') => c.text.split(',');
    split_texts_at_several(c): c.text.par_split(['漢', 'é']) => c.text.split(['漢', 'é']);
    split_texts_inclusive(c): c.text.par_split_inclusive('𝄞') => c.text.split_inclusive('𝄞');
    split_texts_with_terminators(c): c.text.par_split_terminator('漢') => c.text.split_terminator('漢');
    words(c): c.text.par_split_whitespace() => c.text.split_whitespace();
    words_of_ascii(c): c.text.par_split_ascii_whitespace() => c.text.split_ascii_whitespace();
    matches(c): c.text.par_matches(char::is_alphabetic) => c.text.matches(char::is_alphabetic);
    matches_with_places(c): c.text.par_match_indices('é') => c.text.match_indices('é');

    maps(c): c.items.par_iter().map(|n| text_of(*n)) => c.items.iter().map(|n| text_of(*n));
    filters(c): c.items.par_iter().copied().filter(|n| n % 3 == 1)
        => c.items.iter().copied().filter(|n| n % 3 == 1);
    filter_maps(c): c.items.par_iter().filter_map(|n| n.checked_sub(300))
        => c.items.iter().filter_map(|n| n.checked_sub(300));
    flat_maps(c): c.items.par_iter().flat_map(|n| 0..n % 9) => c.items.iter().flat_map(|n| 0..n % 9);
    flat_maps_of_iterators(c): c.items.par_iter().flat_map_iter(|n| 0..n % 9)
        => c.items.iter().flat_map(|n| 0..n % 9);
    long_flat_maps(c): (0..c.size).into_par_iter().flat_map(|n| (0..c.a).into_par_iter().map(move |k| (n, k)))
        => (0..c.size).flat_map(|n| (0..c.a).map(move |k| (n, k)));
    nested_flat_maps(c): (0..c.size).into_par_iter()
            .flat_map(|n| (0..c.a / 8).into_par_iter().flat_map(move |k| (0..k).into_par_iter().map(move |l| (n, k, l))))
        => (0..c.size).flat_map(|n| (0..c.a / 8).flat_map(move |k| (0..k).map(move |l| (n, k, l))));
    flattened(c): c.items.par_chunks(c.size).flatten().rev_by_vec() => c.items.iter().rev();
    updates(c): c.items.clone().into_par_iter().update(|n| *n += 1) => c.items.iter().map(|n| n + 1);
    states(c): c.items.par_iter().map_with(0, |sum, n| { *sum += 1; *n }).rev()
        => c.items.iter().copied().rev();
    made_states(c): c.items.par_iter().map_init(Vec::new, |all, n| { all.push(*n); *n })
        => c.items.iter().copied();
    folds(c): c.items.par_iter().fold(Vec::new, |mut all, n| { all.push(n); all }).flatten_iter()
        => c.items.iter();
    folded_chunks(c): c.items.par_iter().fold_chunks(c.size, || 7, |a, n| a * 3 % 1_009 + n)
        => c.items.chunks(c.size).map(|chunk| chunk.iter().fold(7, |a, n| a * 3 % 1_009 + n));

    chains(c): c.items.par_iter().chain(&c.others).chain(c.items.par_iter())
        => c.items.iter().chain(&c.others).chain(&c.items);
    indexed_chains(c): c.items.par_iter().chain(&c.others).rev().skip(c.a)
        => c.items.iter().chain(&c.others).rev().skip(c.a);
    zips(c): c.items.par_iter().zip(&c.others).skip(c.a).rev()
        => c.items.iter().zip(&c.others).skip(c.a).rev();
    interleaved(c): c.items.par_iter().interleave(&c.others)
        => interleave(&c.items, &c.others, false).into_iter();
    interleaved_shortest(c): c.items.par_iter().interleave_shortest(&c.others)
        => interleave(&c.items, &c.others, true).into_iter();
    interleaved_in_reverse(c): c.items.par_iter().interleave(&c.others).rev().skip(c.size)
        => interleave(&c.items, &c.others, false).into_iter().rev().skip(c.size);
    separated(c): c.items.par_iter().copied().intersperse(7).enumerate().rev()
        => intersperse(&c.items).into_iter().enumerate().collect::<Vec<_>>().into_iter().rev();
    separated_after_a_filter(c): c.items.par_iter().copied().filter(|_| true).intersperse(7)
        => intersperse(&c.items).into_iter();
    positions(c): c.items.par_iter().positions(|n| n % 4 == 0)
        => c.items.iter().enumerate().filter(|(_, n)| **n % 4 == 0).map(|(at, _)| at);
    some_steps(c): c.items.par_iter().step_by(c.size).enumerate().skip(c.a / 16)
        => c.items.iter().step_by(c.size).enumerate().skip(c.a / 16);

    reversed_steps(c): (0..c.a).into_par_iter().rev().step_by(c.size).enumerate().rev()
        => (0..c.a).rev().step_by(c.size).enumerate().collect::<Vec<_>>().into_iter().rev();
    reversed_chunks_of_steps(c): c.items.par_iter().rev().step_by(c.size).chunks(3).rev()
        => vecs(c.items.iter().rev().step_by(c.size), 3).into_iter().rev();
    zipped_reversed_chunks(c): c.items.par_chunks(c.size).rev().skip(2).zip(c.others.par_iter().rev().step_by(2))
        => c.items.chunks(c.size).rev().skip(2).zip(c.others.iter().rev().step_by(2));
    owned_chunks(c): c.items.par_iter().map(|n| text_of(*n)).chunks(c.size).skip(1).rev()
        => vecs(c.items.iter().map(|n| text_of(*n)), c.size).into_iter().skip(1).rev();
    owned_sections(c): strings(c).into_par_iter().skip(c.a / 2).take(c.b).rev()
        => strings(c).into_iter().skip(c.a / 2).take(c.b).collect::<Vec<_>>().into_iter().rev();
    owned_zips(c): strings(c).into_par_iter().rev().zip(strings(c)).step_by(c.size).chunks(2)
        => vecs(strings(c).into_iter().rev().zip(strings(c)).step_by(c.size), 2).into_iter();
    chunks_of_chains(c): strings(c).into_par_iter().chain(strings(c)).rev().chunks(c.size).enumerate()
        => vecs(strings(c).into_iter().chain(strings(c)).rev(), c.size).into_iter().enumerate();
    flat_maps_of_zips(c): c.items.par_iter().zip(&c.others).rev().flat_map(|(a, b)| [a.min(b), a.max(b)]).filter(|n| *n % 2 == 0)
        => rev_zip(c).into_iter().flat_map(|(a, b)| [a.min(b), a.max(b)]).filter(|n| *n % 2 == 0);
    bridged_flat_maps(c): c.items.iter().par_bridge().flat_map(|n| vec![*n; (*n % 4) as usize]).map(text_of)
        => c.items.iter().flat_map(|n| vec![*n; (*n % 4) as usize]).map(text_of);
    least_lengths(c): c.items.par_iter().with_min_len(c.size).rev().with_max_len(1).skip(c.a)
        => c.items.iter().rev().skip(c.a);
}

/// Adds a reversal to iterators whose items have no places.
trait RevByVec: ParallelIterator {
    fn rev_by_vec(self) -> impl ParallelIterator<Item = Self::Item> {
        self.collect::<Vec<_>>().into_par_iter().rev()
    }
}
impl<P: ParallelIterator> RevByVec for P {}

fn strings(case: &Case) -> Vec<String> {
    case.items.iter().map(|n| text_of(*n)).collect()
}

fn vecs<T>(items: impl Iterator<Item = T>, size: usize) -> Vec<Vec<T>> {
    let mut items = items;
    let next =
        || Some(items.by_ref().take(size).collect()).filter(|chunk: &Vec<T>| !chunk.is_empty());
    std::iter::from_fn(next).collect()
}

fn rev_zip(case: &Case) -> Vec<(&u32, &u32)> {
    let pairs: Vec<_> = case.items.iter().zip(&case.others).collect();
    pairs.into_iter().rev().collect()
}

fn interleave<'a>(a: &'a [u32], b: &'a [u32], stops: bool) -> Vec<&'a u32> {
    let (mut a, mut b) = (a.iter(), b.iter());
    let mut all = Vec::new();
    loop {
        let next = a.next();
        let other = if next.is_none() && !stops {
            b.next()
        } else {
            None
        };
        let Some(item) = next.or(other) else {
            return all;
        };
        all.push(item);
        std::mem::swap(&mut a, &mut b);
    }
}

fn intersperse(items: &[u32]) -> Vec<u32> {
    let all: Vec<u32> = items.iter().flat_map(|n| [7, *n]).collect();
    all.into_iter().skip(1).collect()
}
