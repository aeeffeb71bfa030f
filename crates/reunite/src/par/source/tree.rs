//! Parallel iterators over trees: `walk_tree` and its kin.
//!
//! A producer holds a stack of what is yet to be visited, the next on top. A visit takes one entry from the stack, and
//! may put others there. The entries below come after all that those above lead to. So a split gives away the lower
//! half of the stack, and the order is kept. How many nodes descend from an entry is not known: each entry counts as many
//! units, so that it is worth a split even if nodes are quick. A visit is one item at most.

use std::iter::from_fn;
use std::panic::Location;

use crate::par::drive::drive_producer;
use crate::par::plumbing::{Consumer, Drive, Producer};

/// The number of units that each entry counts.
const UNITS: usize = 1 << 16;

/// The order of a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WalkOrder {
    ParentsFirst,
    ChildrenFirst,
}

/// A parallel iterator over the nodes of a tree; see [`walk_tree`].
#[derive(Clone)]
#[must_use = "parallel iterators are lazy: nothing happens until `for_each`, `collect` or another ending is called"]
pub struct TreeWalk<S, B> {
    root: S,
    children_of: B,
    order: WalkOrder,
}

/// Returns a parallel iterator over the nodes of a tree, each before its children: `root`, and whatever `children_of`
/// returns for each node. This is [`walk_tree_prefix`].
///
/// A thread visits one node after the other, and gives half of those that it knows to another thread that has nothing
/// to do.
///
/// ```
/// use reunite::prelude::*;
/// // All numbers below 100 000 whose digits grow from left to right.
/// let grows = |n: &u32| {
///     let n = *n;
///     (n % 10 + 1..10).map(move |digit| n * 10 + digit).filter(|n| *n < 100_000)
/// };
/// assert_eq!(reunite::iter::walk_tree(0, grows).filter(|n| *n > 0).count(), 381);
/// ```
pub fn walk_tree<S, B, I>(root: S, children_of: B) -> TreeWalk<S, B>
where
    S: Send,
    B: Fn(&S) -> I + Send + Sync,
    I: IntoIterator<Item = S>,
{
    walk_tree_prefix(root, children_of)
}

/// Returns a parallel iterator over the nodes of a tree: each node before its children, and all that descends from a
/// child before the next child.
///
/// ```
/// use reunite::prelude::*;
/// let halves = |n: &u32| if *n > 1 { vec![n / 2, n - n / 2] } else { vec![] };
/// let nodes: Vec<_> = reunite::iter::walk_tree_prefix(3, halves).collect();
/// assert_eq!(nodes, [3, 1, 2, 1, 1]);
/// ```
pub fn walk_tree_prefix<S, B, I>(root: S, children_of: B) -> TreeWalk<S, B>
where
    S: Send,
    B: Fn(&S) -> I + Send + Sync,
    I: IntoIterator<Item = S>,
{
    TreeWalk {
        root,
        children_of,
        order: WalkOrder::ParentsFirst,
    }
}

/// Returns a parallel iterator over the nodes of a tree: each node behind its children, and all that descends from a
/// child before the next child.
///
/// ```
/// use reunite::prelude::*;
/// let halves = |n: &u32| if *n > 1 { vec![n / 2, n - n / 2] } else { vec![] };
/// let nodes: Vec<_> = reunite::iter::walk_tree_postfix(3, halves).collect();
/// assert_eq!(nodes, [1, 1, 1, 2, 3]);
/// ```
pub fn walk_tree_postfix<S, B, I>(root: S, children_of: B) -> TreeWalk<S, B>
where
    S: Send,
    B: Fn(&S) -> I + Send + Sync,
    I: IntoIterator<Item = S>,
{
    TreeWalk {
        root,
        children_of,
        order: WalkOrder::ChildrenFirst,
    }
}

impl<S: std::fmt::Debug, B> std::fmt::Debug for TreeWalk<S, B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut fields = f.debug_struct("TreeWalk");
        fields.field("root", &self.root).finish_non_exhaustive()
    }
}

impl<S, B, I> Drive for TreeWalk<S, B>
where
    S: Send,
    B: Fn(&S) -> I + Send + Sync,
    I: IntoIterator<Item = S>,
{
    type Item = S;

    fn drive<C: Consumer<S>>(self, at: &'static Location<'static>, consumer: C) -> C {
        let producer = TreeProducer {
            stack: vec![Unfinished::Unvisited(self.root)],
            children_of: &self.children_of,
            order: self.order,
        };
        drive_producer(at, producer, consumer)
    }
}

/// A node on the stack.
enum Unfinished<S> {
    /// Its children are not on the stack yet.
    Unvisited(S),
    /// Its children were above it.
    Visited(S),
}

struct TreeProducer<'a, S, B> {
    stack: Vec<Unfinished<S>>,
    children_of: &'a B,
    order: WalkOrder,
}

impl<S, B, I> TreeProducer<'_, S, B>
where
    B: Fn(&S) -> I,
    I: IntoIterator<Item = S>,
{
    /// Visits the next entry. Returns its node if that comes now.
    fn visit(&mut self) -> Option<S> {
        let node = match self.stack.pop()? {
            Unfinished::Visited(node) => return Some(node),
            Unfinished::Unvisited(node) => node,
        };
        let children = (self.children_of)(&node);
        let (node, below) = match self.order {
            WalkOrder::ParentsFirst => (Some(node), None),
            WalkOrder::ChildrenFirst => (None, Some(Unfinished::Visited(node))),
        };
        self.stack.extend(below);
        let first = self.stack.len();
        self.stack
            .extend(children.into_iter().map(Unfinished::Unvisited));
        self.stack[first..].reverse();
        node
    }
}

impl<S, B, I> Producer for TreeProducer<'_, S, B>
where
    S: Send,
    B: Fn(&S) -> I + Send + Sync,
    I: IntoIterator<Item = S>,
{
    type Item = S;

    fn len(&self) -> usize {
        self.stack.len() * UNITS
    }

    fn split_at(mut self, at: usize) -> (Self, Self) {
        let top = self.stack.split_off(self.stack.len() - at / UNITS);
        let left = Self { stack: top, ..self };
        (left, self)
    }

    fn next_block(&mut self, size: usize) -> impl Iterator<Item = S> {
        let mut visits = 0..size;
        from_fn(move || visits.by_ref().find_map(|_| self.visit()))
    }

    /// One entry is not split.
    fn min_len(&self) -> usize {
        UNITS
    }
}
