//! Finds the deadlock that a wait has closed when it was filed.
//!
//! *The search for a path.* Before the wait was filed, its thread ran, and every deadlock with a possible victim had
//! been resolved. So if there is a deadlock now, a path leads from the new record back to itself: each record on it
//! depends on a resource that the next one owns. Two searches look for such a path in turns: one forward from the
//! record, one backward. If either of them has nothing left to follow, there is no path. A chain of waits is filed
//! piece by piece, in any order, and joining two pieces costs as many steps as the shorter piece has links: in all no
//! more than `n log n` steps. The search that has cost less so far makes the next step, because single steps differ
//! much in cost: the end of a scope may wait for thousands of tasks.
//!
//! *The short cut for two.* Most deadlocks are two waits, each for a resource that the other owns. If neither can end
//! without that resource, both are dead, whatever other waits there are.
//!
//! *Peeling.* If there is a path, the dead records are determined by removing the others: first each record that is
//! going on, then, again and again, each record that no remaining record keeps from going on. Each link is followed
//! once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::records::{Graph, RecordPath, Ticket, VictimPriority, WaitRecord};
use super::resources::Resource;
use super::site::WaitsOn;

/// Returns this wait and another one if neither can end before the other, and this one is the victim. The other
/// resources for which the other wait waits are not looked at, because there may be many: the end of a scope may wait
/// for thousands of tasks that all want one lock.
pub(super) fn pair(graph: &Graph, ticket: Ticket) -> Option<RecordPath> {
    let record = &graph.records[&ticket];
    // The victim is the newest wait that can fail. A wait for one of several resources does not need any one of them.
    if !graph.is_newest(ticket) || record.yields != VictimPriority::First || graph.size(ticket) > 1
    {
        return None;
    }
    for resource in graph.awaits(ticket)?.resources {
        for other in graph.owners(resource) {
            // A wait that depends on itself is a shorter cycle.
            if other == ticket {
                return None;
            }
            if let Some(back) = need(graph, other, record) {
                return Some(vec![(ticket, Some(resource)), (other, Some(back))]);
            }
        }
    }
    None
}

/// Returns a resource of `owner` without which the wait `ticket` cannot end, if there is one.
fn need(graph: &Graph, ticket: Ticket, owner: &WaitRecord) -> Option<Resource> {
    let record = &graph.records[&ticket];
    if record.goes_on() {
        return None;
    }
    let mut owned = owner.owns.iter().copied();
    match &record.site.on {
        WaitsOn::Tasks(task_set) => owned.find(|resource| match resource {
            Resource::Task(task) => task_set.needs(*task),
            _ => false,
        }),
        WaitsOn::Resource(_) | WaitsOn::Write { .. } | WaitsOn::Upgrade { .. } => {
            owned.find(|resource| record.found_by.contains(resource))
        }
        // A reader depends on all turns before its own place, which a search for equal resources does not find.
        WaitsOn::Read { .. } | WaitsOn::Upgradable { .. } | WaitsOn::Time | WaitsOn::Anyone => None,
    }
}

/// Returns true if a path leads from this record back to itself, along everything on which a record may depend.
pub(super) fn is_on_a_cycle(graph: &Graph, ticket: Ticket) -> bool {
    // A wait for anyone depends on no record, so no path leads on from it.
    if graph.records[&ticket].is_for_anyone() {
        return false;
    }
    let mut forward = Search::from(ticket);
    let mut backward = Search::from(ticket);
    loop {
        let ahead = forward.looks + forward.next().map_or(0, |next| graph.size(next));
        // Most waits are for a thread that runs: then the forward search ends at once.
        let step = if ahead <= backward.looks + 1 {
            forward.step(|ticket| graph.next_of(ticket), &backward)
        } else {
            backward.step(|ticket| graph.before(ticket), &forward)
        };
        match step {
            SearchStep::Nowhere => return false,
            SearchStep::Met => return true,
            SearchStep::Further => {}
        }
    }
}

enum SearchStep {
    Further,
    /// The search met the other search, or the record where both began.
    Met,
    /// The search has no link left to follow.
    Nowhere,
}

struct Search {
    start: Ticket,
    /// All records that the search has seen, without the one where it began.
    seen: BTreeSet<Ticket>,
    to_do: Vec<Ticket>,
    /// The cost so far: the number of records and links that were looked at.
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

    fn step(&mut self, next_of: impl FnOnce(Ticket) -> Vec<Ticket>, other: &Self) -> SearchStep {
        let next = self.to_do.pop().map(next_of).unwrap_or_default();
        self.looks += 1 + next.len();
        for next in next {
            if next == self.start || other.seen.contains(&next) {
                return SearchStep::Met;
            }
            if self.seen.insert(next) {
                self.to_do.push(next);
            }
        }
        if self.to_do.is_empty() {
            SearchStep::Nowhere
        } else {
            SearchStep::Further
        }
    }
}

/// A record of a region, with groups of the records that own what it awaits. A wait for all of several resources has
/// one group, with the owners of all of them; a wait for one of several resources has one group per resource. The
/// record is dead as long as each of its groups has a dead record. A record without groups is not dead.
struct RegionNode {
    ticket: Ticket,
    /// The number of dead records in each group.
    groups: Vec<usize>,
    next: Vec<(Resource, usize)>,
    /// The records that have this one in a group; the number of the group, and the resource that this one owns.
    before: Vec<(usize, usize, Resource)>,
    is_dead: bool,
}

/// The records on which a record depends, directly and indirectly, itself included, and which of them are dead.
pub(super) struct Region {
    nodes: Vec<RegionNode>,
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
        let alive = |node: &RegionNode| node.groups.is_empty() || node.groups.contains(&0);
        let alive: Vec<_> = (0..at).filter(|at| alive(&region.nodes[*at])).collect();
        region.mark_alive(alive);
        region
    }

    fn place(&mut self, ticket: Ticket) -> usize {
        *self.places.entry(ticket).or_insert_with(|| {
            self.nodes.push(RegionNode {
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
            awaits.resources.len()
        } else {
            1
        };
        self.nodes[at].groups = vec![0; several];
        for (number, resource) in awaits.resources.into_iter().enumerate() {
            let group = if awaits.one_is_enough { number } else { 0 };
            for owner in graph.owners(resource) {
                let next = self.place(owner);
                self.nodes[at].groups[group] += 1;
                self.nodes[at].next.push((resource, next));
                self.nodes[next].before.push((at, group, resource));
            }
        }
    }

    /// Marks these records as not dead, and then all records that are not dead as a consequence.
    fn mark_alive(&mut self, mut alive: Vec<usize>) {
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

    /// Marks a record as going on: it was picked as a victim.
    pub(super) fn revive(&mut self, ticket: Ticket) {
        self.mark_alive(vec![self.places[&ticket]]);
    }

    /// Returns the dead records that can be a victim, the best first.
    pub(super) fn candidates(&self, graph: &Graph) -> Vec<Ticket> {
        let newest_first = || self.places.iter().rev();
        let that_yield = |yields: VictimPriority| {
            let dead = newest_first().filter(|(_, at)| self.nodes[**at].is_dead);
            let tickets = dead.map(|(ticket, _)| *ticket);
            tickets.filter(move |ticket| graph.records[ticket].yields == yields)
        };
        let first = that_yield(VictimPriority::First);
        first.chain(that_yield(VictimPriority::Last)).collect()
    }

    /// Returns the shortest path from a dead record back to itself: the records on it, each with the resource by which
    /// it depends on the next. `None` if the record is not dead, or is on no cycle itself. The search goes backward,
    /// which costs less: a wait for thousands of tasks has all of them ahead, and each of them has only that wait
    /// behind it.
    pub(super) fn shortest_cycle(&self, ticket: Ticket) -> Option<RecordPath> {
        let from = self.places[&ticket];
        if !self.nodes[from].is_dead {
            return None;
        }
        // If it depends on a record by several resources, the first of them counts.
        let ahead = self.nodes[from].next.iter().rev();
        let ahead: BTreeMap<usize, Resource> =
            ahead.map(|(resource, next)| (*next, *resource)).collect();
        if let Some(resource) = ahead.get(&from) {
            return Some(vec![(ticket, Some(*resource))]);
        }
        let mut leads_to: BTreeMap<usize, (usize, Resource)> = BTreeMap::new();
        let mut to_do = VecDeque::from([from]);
        while let Some(at) = to_do.pop_front() {
            for &(before, _, resource) in &self.nodes[at].before {
                let is_new = before != from && !leads_to.contains_key(&before);
                if !is_new || !self.nodes[before].is_dead {
                    continue;
                }
                leads_to.insert(before, (at, resource));
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

    /// Returns the path that begins at `at` and follows `leads_to` to its end.
    fn path(&self, at: usize, leads_to: &BTreeMap<usize, (usize, Resource)>) -> RecordPath {
        let next = |(at, _): &(usize, _)| leads_to.get(at).copied();
        let links = std::iter::successors(leads_to.get(&at).copied(), next);
        let resources = links.clone().map(|(_, resource)| resource);
        let nodes = std::iter::once(at).chain(links.map(|(next, _)| next));
        nodes
            .zip(resources)
            .map(|(at, resource)| (self.nodes[at].ticket, Some(resource)))
            .collect()
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use std::panic::Location;

    use super::*;
    use crate::deadlock::records::PendingWait;
    use crate::deadlock::resources::{begin_task, hold, let_go_newest};
    use crate::deadlock::site::{Need, TaskSet, WaitObject, WaitSite};
    use crate::id::{Label, LabelKind, TaskId};
    use crate::observe::Verb;
    use crate::park::Parker;
    use crate::primitive::{Arc, Counter, Ordering};

    /// The tasks of a scope; counts how often all of them are asked for.
    struct CountedTaskSet {
        all: Vec<TaskId>,
        asked: Counter,
    }

    impl TaskSet for CountedTaskSet {
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

        fn resources(&self) -> Vec<Resource> {
            self.all.iter().copied().map(Resource::Task).collect()
        }
    }

    fn file(graph: &mut Graph, task: &Label, on: WaitsOn, yields: VictimPriority) -> Ticket {
        let site = WaitSite {
            verb: Verb::Lock,
            object: WaitObject::None,
            at: Location::caller(),
            on,
        };
        // Each wait has a parker of its own, as if it were on a thread of its own.
        let record = WaitRecord::new(&PendingWait {
            task,
            site: &site,
            parker: &Parker::separate(),
            yields,
            holders: &[],
            ticket: &mut 0,
        });
        graph.file(0, record)
    }

    #[test]
    fn each_task_that_wants_the_lock_of_its_scopes_end_is_refused_without_asking_for_all() {
        let label = || Label::new(LabelKind::Task, None, Location::caller());
        let (opener, tasks) = (label(), [label(), label(), label()]);
        let task_set = Arc::new(CountedTaskSet {
            all: tasks.iter().map(Label::id).collect(),
            asked: Counter::new(0),
        });
        let lock = Resource::Lock(1 << 40);
        let mut graph = Graph::new();
        hold(lock, Location::caller());
        let on = WaitsOn::Tasks(Arc::clone(&task_set) as Arc<dyn TaskSet>);
        let end = file(&mut graph, &opener, on, VictimPriority::Never);
        assert!(let_go_newest(lock));
        let mut waits = vec![end];
        for task in &tasks {
            let running = begin_task(task.id(), None);
            waits.push(file(
                &mut graph,
                task,
                WaitsOn::Resource(lock),
                VictimPriority::First,
            ));
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
        assert_eq!(task_set.asked.load(Ordering::Relaxed), 0);
    }
}
