//! What a wait that was just filed may have closed.
//!
//! Before it was filed, its thread ran, and nothing was dead that could have been helped. So if anything is now, there
//! is a way from it back to itself: it waits for what somebody bears who waits, in the end, for what it bears itself.
//! To learn that there is none, both ends of that way are followed by turns, and the first that leads nowhere tells.
//! A chain of waits is filed in some order, piece by piece, and to join two pieces costs as much as the shorter has
//! links: all in all no more than `n log n`, in whatever order.
//!
//! If there is a way, who is dead is told by *peeling*: whoever goes on, or waits for somebody who is not dead, is
//! taken away, and then those who have nobody left who keeps them. Each link is looked at once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::bonds::Bond;
use super::graph::{Graph, Path, Ticket, Yields};

/// Whether there is a way from this record back to itself, along whatever one may depend on.
pub(super) fn is_on_a_cycle(graph: &Graph, ticket: Ticket) -> bool {
    // Nothing leads on from there, however many wait for what it bears.
    if graph.records[&ticket].is_for_anyone() {
        return false;
    }
    let mut forward = Search::from(ticket);
    let mut backward = None;
    loop {
        match forward.step(|ticket| graph.next_of(ticket)) {
            Step::Nowhere => return false,
            Step::Back => return true,
            Step::Further => {}
        }
        // Most waits are for somebody who runs, and never come here.
        let backward = backward.get_or_insert_with(|| Search::from(ticket));
        match backward.step(|ticket| graph.before(ticket)) {
            Step::Nowhere => return false,
            Step::Back => return true,
            Step::Further => {}
        }
    }
}

enum Step {
    Further,
    /// To where it began.
    Back,
    /// There is nothing left to do.
    Nowhere,
}

struct Search {
    start: Ticket,
    /// But for where it began.
    seen: BTreeSet<Ticket>,
    to_do: Vec<Ticket>,
}

impl Search {
    fn from(start: Ticket) -> Self {
        Self {
            start,
            seen: BTreeSet::new(),
            to_do: vec![start],
        }
    }

    fn step(&mut self, next_of: impl FnOnce(Ticket) -> Vec<Ticket>) -> Step {
        let next = self.to_do.pop().map(next_of);
        for next in next.into_iter().flatten() {
            if next == self.start {
                return Step::Back;
            }
            if self.seen.insert(next) {
                self.to_do.push(next);
            }
        }
        if self.to_do.is_empty() {
            Step::Nowhere
        } else {
            Step::Further
        }
    }
}

/// One record of a region. It is dead as long as in each of its groups somebody is dead: a wait for all has one
/// group, of all that it waits for; a wait for one of several has one for each. One without groups is not dead.
struct Node {
    ticket: Ticket,
    /// How many in each group are dead.
    groups: Vec<usize>,
    next: Vec<(Bond, usize)>,
    /// Those who have it in a group, and in which.
    before: Vec<(usize, usize)>,
    is_dead: bool,
}

/// The records that one depends on, directly and by way of others, itself included, and which of them are dead.
pub(super) struct Region {
    nodes: Vec<Node>,
    places: BTreeMap<Ticket, usize>,
}

impl Region {
    pub(super) fn from(graph: &Graph, ticket: Ticket) -> Self {
        let mut region = Self {
            nodes: Vec::new(),
            places: BTreeMap::new(),
        };
        region.place(ticket);
        let mut at = 0;
        while at < region.nodes.len() {
            region.link(graph, at);
            at += 1;
        }
        let alive = |node: &Node| node.groups.is_empty() || node.groups.contains(&0);
        let alive: Vec<_> = (0..at).filter(|at| alive(&region.nodes[*at])).collect();
        region.peel(alive);
        region
    }

    fn place(&mut self, ticket: Ticket) -> usize {
        *self.places.entry(ticket).or_insert_with(|| {
            self.nodes.push(Node {
                ticket,
                groups: Vec::new(),
                next: Vec::new(),
                before: Vec::new(),
                is_dead: true,
            });
            self.nodes.len() - 1
        })
    }

    fn link(&mut self, graph: &Graph, at: usize) {
        let Some(awaits) = graph.awaits(self.nodes[at].ticket) else {
            return;
        };
        let several = if awaits.one_is_enough {
            awaits.bonds.len()
        } else {
            1
        };
        self.nodes[at].groups = vec![0; several];
        for (number, bond) in awaits.bonds.into_iter().enumerate() {
            let group = if awaits.one_is_enough { number } else { 0 };
            for bearer in graph.bearers(bond) {
                let next = self.place(bearer);
                self.nodes[at].groups[group] += 1;
                self.nodes[at].next.push((bond, next));
                self.nodes[next].before.push((at, group));
            }
        }
    }

    /// These are not dead, and who is not because of that.
    fn peel(&mut self, mut alive: Vec<usize>) {
        while let Some(at) = alive.pop() {
            if !std::mem::replace(&mut self.nodes[at].is_dead, false) {
                continue;
            }
            for (before, group) in std::mem::take(&mut self.nodes[at].before) {
                let dead = &mut self.nodes[before].groups[group];
                *dead -= 1;
                if *dead == 0 {
                    alive.push(before);
                }
            }
        }
    }

    pub(super) fn is_dead(&self, ticket: Ticket) -> bool {
        self.nodes[self.places[&ticket]].is_dead
    }

    /// It goes on after all.
    pub(super) fn revive(&mut self, ticket: Ticket) {
        self.peel(vec![self.places[&ticket]]);
    }

    /// The dead that can be a victim, the best first.
    pub(super) fn candidates(&self, graph: &Graph) -> Vec<Ticket> {
        let newest_first = || self.places.iter().rev();
        let that_yield = |yields: Yields| {
            let dead = newest_first().filter(|(_, at)| self.nodes[**at].is_dead);
            let tickets = dead.map(|(ticket, _)| *ticket);
            tickets.filter(move |ticket| graph.records[ticket].yields == yields)
        };
        let first = that_yield(Yields::First);
        first.chain(that_yield(Yields::Last)).collect()
    }

    /// The shortest way from a dead record back to itself: the records on it and the bond that leads from each to the
    /// next. None if it is not dead, or in no cycle itself.
    pub(super) fn way_back(&self, ticket: Ticket) -> Option<Path> {
        let from = self.places[&ticket];
        if !self.nodes[from].is_dead {
            return None;
        }
        let mut came_by: Vec<Option<(usize, Bond)>> = vec![None; self.nodes.len()];
        let mut to_do = VecDeque::from([from]);
        while let Some(at) = to_do.pop_front() {
            for &(bond, next) in &self.nodes[at].next {
                if next == from {
                    return Some(self.path(from, at, bond, &came_by));
                }
                if self.nodes[next].is_dead && came_by[next].is_none() {
                    came_by[next] = Some((at, bond));
                    to_do.push_back(next);
                }
            }
        }
        None
    }

    fn path(
        &self,
        from: usize,
        last: usize,
        bond: Bond,
        came_by: &[Option<(usize, Bond)>],
    ) -> Path {
        let mut path = vec![(self.nodes[last].ticket, Some(bond))];
        let mut at = last;
        while at != from
            && let Some((before, by)) = came_by[at]
        {
            path.push((self.nodes[before].ticket, Some(by)));
            at = before;
        }
        path.reverse();
        path
    }
}
