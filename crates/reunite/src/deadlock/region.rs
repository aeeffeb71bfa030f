//! What a wait that was just filed may have closed.
//!
//! Before it was filed, its thread ran, and nothing was dead that could have been helped. So if anything is now, there
//! is a way from it back to itself: it waits for what somebody bears who waits, in the end, for what it bears itself.
//! To learn that there is none, both ends of that way are followed by turns, and the first that leads nowhere tells.
//! A chain of waits is filed in some order, piece by piece, and to join two pieces costs as much as the shorter has
//! links: all in all no more than `n log n`, in whatever order.
//! What a step costs counts, not how many there were: the end of a scope may wait for thousands of tasks.
//!
//! The commonest way is shorter than all that: two waits, each for what the other bears. If both need just that, they are
//! dead, whatever else there is.
//!
//! If there is a way, who is dead is told by *peeling*: whoever goes on, or waits for somebody who is not dead, is
//! taken away, and then those who have nobody left who keeps them. Each link is looked at once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::bonds::Bond;
use super::records::{Graph, Path, Record, Ticket, Yields};
use super::site::On;

/// This wait and another, if neither can end before the other, and this one is the victim. Thousands of tasks may want
/// the lock that the end of their scope holds: what else that waits for is not asked.
pub(super) fn pair(graph: &Graph, ticket: Ticket) -> Option<Path> {
    let record = &graph.records[&ticket];
    // The newest that can fail is the victim; and one of several bonds is no need.
    if !graph.is_newest(ticket) || record.yields != Yields::First || graph.size(ticket) > 1 {
        return None;
    }
    for bond in graph.awaits(ticket)?.bonds {
        for other in graph.bearers(bond) {
            // One that waits for itself has a shorter story.
            if other == ticket {
                return None;
            }
            if let Some(back) = need(graph, other, record) {
                return Some(vec![(ticket, Some(bond)), (other, Some(back))]);
            }
        }
    }
    None
}

/// What the wait needs from the thread of `bearer`, if it cannot end without that.
fn need(graph: &Graph, ticket: Ticket, bearer: &Record) -> Option<Bond> {
    let record = &graph.records[&ticket];
    if record.goes_on() {
        return None;
    }
    let mut borne = bearer.bears.iter().copied();
    match &record.site.on {
        On::Crew(crew) => borne.find(|bond| match bond {
            Bond::Task(task) => crew.needs(*task),
            _ => false,
        }),
        On::Bond(_) | On::Write { .. } => borne.find(|bond| record.found_by.contains(bond)),
        // The turn of a writer is told by its place.
        On::Read { .. } | On::Time | On::Anyone => None,
    }
}

/// Whether there is a way from this record back to itself, along whatever one may depend on.
pub(super) fn is_on_a_cycle(graph: &Graph, ticket: Ticket) -> bool {
    // Nothing leads on from there, however many wait for what it bears.
    if graph.records[&ticket].is_for_anyone() {
        return false;
    }
    let mut forward = Search::from(ticket);
    let mut backward = Search::from(ticket);
    loop {
        let ahead = forward.looks + forward.next().map_or(0, |next| graph.size(next));
        // Most waits are for somebody who runs, and have nothing ahead.
        let step = if ahead <= backward.looks + 1 {
            forward.step(|ticket| graph.next_of(ticket), &backward)
        } else {
            backward.step(|ticket| graph.before(ticket), &forward)
        };
        match step {
            Step::Nowhere => return false,
            Step::Met => return true,
            Step::Further => {}
        }
    }
}

enum Step {
    Further,
    /// The other, or where it began.
    Met,
    /// There is nothing left to do.
    Nowhere,
}

struct Search {
    start: Ticket,
    /// But for where it began.
    seen: BTreeSet<Ticket>,
    to_do: Vec<Ticket>,
    /// What it has cost.
    looks: usize,
}

impl Search {
    fn from(start: Ticket) -> Self {
        Self {
            start,
            seen: BTreeSet::new(),
            to_do: vec![start],
            looks: 0,
        }
    }

    fn next(&self) -> Option<Ticket> {
        self.to_do.last().copied()
    }

    fn step(&mut self, next_of: impl FnOnce(Ticket) -> Vec<Ticket>, other: &Self) -> Step {
        let next = self.to_do.pop().map(next_of).unwrap_or_default();
        self.looks += 1 + next.len();
        for next in next {
            if next == self.start || other.seen.contains(&next) {
                return Step::Met;
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
    /// Those who have it in a group, in which, and by which bond.
    before: Vec<(usize, usize, Bond)>,
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
                self.nodes[next].before.push((at, group, bond));
            }
        }
    }

    /// These are not dead, and who is not because of that.
    fn peel(&mut self, mut alive: Vec<usize>) {
        while let Some(at) = alive.pop() {
            if !std::mem::replace(&mut self.nodes[at].is_dead, false) {
                continue;
            }
            for (before, group, _) in std::mem::take(&mut self.nodes[at].before) {
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
    /// next. None if it is not dead, or in no cycle itself. Looked for from its end: one that waits for thousands has
    /// them ahead, and each of those has only that one behind.
    pub(super) fn way_back(&self, ticket: Ticket) -> Option<Path> {
        let from = self.places[&ticket];
        if !self.nodes[from].is_dead {
            return None;
        }
        // By the first bond, if there are several.
        let ahead = self.nodes[from].next.iter().rev();
        let ahead: BTreeMap<usize, Bond> = ahead.map(|(bond, next)| (*next, *bond)).collect();
        if let Some(bond) = ahead.get(&from) {
            return Some(vec![(ticket, Some(*bond))]);
        }
        let mut leads_to: BTreeMap<usize, (usize, Bond)> = BTreeMap::new();
        let mut to_do = VecDeque::from([from]);
        while let Some(at) = to_do.pop_front() {
            for &(before, _, bond) in &self.nodes[at].before {
                let is_new = before != from && !leads_to.contains_key(&before);
                if !is_new || !self.nodes[before].is_dead {
                    continue;
                }
                leads_to.insert(before, (at, bond));
                if let Some(first) = ahead.get(&before) {
                    let rest = self.path(before, &leads_to);
                    return Some(
                        std::iter::once((ticket, Some(*first)))
                            .chain(rest)
                            .collect(),
                    );
                }
                to_do.push_back(before);
            }
        }
        None
    }

    /// From there on to where nothing leads on.
    fn path(&self, at: usize, leads_to: &BTreeMap<usize, (usize, Bond)>) -> Path {
        let next = |(at, _): &(usize, _)| leads_to.get(at).copied();
        let links = std::iter::successors(leads_to.get(&at).copied(), next);
        let bonds = links.clone().map(|(_, bond)| bond);
        let nodes = std::iter::once(at).chain(links.map(|(next, _)| next));
        nodes
            .zip(bonds)
            .map(|(at, bond)| (self.nodes[at].ticket, Some(bond)))
            .collect()
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use std::panic::Location;

    use super::*;
    use crate::deadlock::bonds::{hold, let_go_newest, run};
    use crate::deadlock::records::Standing;
    use crate::deadlock::site::{Crew, Need, Object, Site};
    use crate::id::{Kind, Label, TaskId};
    use crate::observe::Verb;
    use crate::park::Parker;
    use crate::primitive::{Arc, Counter, Ordering};

    /// The tasks of a scope, who counts how often all are asked for.
    struct Tasks {
        all: Vec<TaskId>,
        asked: Counter,
    }

    impl Crew for Tasks {
        fn need(&self) -> Need {
            self.asked.fetch_add(1, Ordering::Relaxed);
            Need::All(self.all.clone())
        }

        fn size(&self) -> usize {
            self.all.len()
        }

        fn needs(&self, task: TaskId) -> bool {
            self.all.contains(&task)
        }

        fn bonds(&self) -> Vec<Bond> {
            self.all.iter().copied().map(Bond::Task).collect()
        }
    }

    fn file(graph: &mut Graph, task: &Label, on: On, yields: Yields) -> Ticket {
        let site = Site {
            verb: Verb::Lock,
            object: Object::None,
            at: Location::caller(),
            on,
        };
        // Each by a parker of its own, as if by a thread of its own.
        let record = Record::new(&Standing {
            task,
            site: &site,
            parker: &Parker::aside(),
            yields,
            holders: &[],
            ticket: &mut 0,
        });
        graph.file(0, record)
    }

    #[test]
    fn each_task_that_wants_the_lock_of_its_scopes_end_is_refused_without_asking_for_all() {
        let label = || Label::new(Kind::Task, None, Location::caller());
        let (opener, tasks) = (label(), [label(), label(), label()]);
        let crew = Arc::new(Tasks {
            all: tasks.iter().map(Label::id).collect(),
            asked: Counter::new(0),
        });
        let lock = Bond::Lock(1 << 40);
        let mut graph = Graph::new();
        hold(lock, Location::caller());
        let on = On::Crew(Arc::clone(&crew) as Arc<dyn Crew>);
        let end = file(&mut graph, &opener, on, Yields::Never);
        assert!(let_go_newest(lock));
        let mut waits = vec![end];
        for task in &tasks {
            let running = run(task.id(), None);
            waits.push(file(&mut graph, task, On::Bond(lock), Yields::First));
            drop(running);
        }
        let refused: Vec<_> = waits
            .into_iter()
            .map(|ticket| graph.withdraw(ticket).unwrap().verdict)
            .collect();
        assert!(refused[0].is_none());
        for (task, verdict) in tasks.iter().zip(&refused[1..]) {
            let links = verdict.as_ref().unwrap().links();
            let told: Vec<_> = links.iter().map(|link| link.task.id()).collect();
            assert_eq!(told, [task.id(), opener.id()]);
        }
        assert_eq!(crew.asked.load(Ordering::Relaxed), 0);
    }
}
