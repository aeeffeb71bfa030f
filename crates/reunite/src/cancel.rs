//! Cancellation: a tree of nodes, one per task and per scope.
//!
//! # Protocol
//! A node is live or cancelled, and never goes back. Whoever cancels it
//! 1. writes the cause (once; later cancellations lose and change nothing),
//! 2. raises the `CANCELLED` bit,
//! 3. under the node's lock takes a copy of its children and its waiters,
//! 4. does the same to each child, with the same cause,
//! 5. unparks the waiters of all, when all are told: what one does then may be to ask whether another is cancelled.
//!
//! *No child is missed*: a child links itself into its parent under the parent's lock, then looks at the
//! parent's bit. If it linked itself before step 3, the canceller sees it; if after, the lock that the
//! canceller held orders step 2 before, so the child sees the bit and cancels itself.
//! *Tasks of a group* are not linked, as the group lists them anyway: whoever cancels its node asks it for theirs in step 3, under the
//! group's lock, under which a task is listed and then looks at the bit. As a task's node may be the parent of what outlives the task, it
//! is linked all the same before its first child is, and stays so.
//! *No cause is overtaken*: whoever is woken above may cancel what is below, for a reason of its own,
//! before the first cause has come down there. So whoever cancels a node looks up the tree first, and
//! passes on the cause found there.
//! *No waiter sleeps on*: a waiter adds its parker under the lock, then looks at the bit, then parks. The
//! same argument holds, and an unpark before the park is kept as a token.
//!
//! Deadlines need no timer: the node's deadline is the earliest up the tree, fixed at birth. Whoever waits
//! waits no longer than that; whoever finds it passed cancels the node that owns it.

use crate::deadline;
use crate::error::{Cancelled, CutShort, Why};
use crate::id::Label;
use crate::observe::{Event, tell};
use crate::park::Parker;
use crate::part::{Part, WeakPart};
use crate::primitive::{AtomicU8, AtomicUsize, Instant, Mutex, OnceLock, Ordering, Weak, now};
use crate::wait_queue::{Spot, WaitQueue};

const CANCELLED: u8 = 1;
/// There is a deadline to look at: a checkpoint has to read the clock.
const DEADLINE: u8 = 2;
/// The task was told.
const OBSERVED: u8 = 4;
/// The task was told of something else that leaves its work undone: see `Links::cut`.
const CUT: u8 = 8;
/// The task's closure has ended: what is dropped now is no longer its doing.
const OVER: u8 = 16;
/// It is for tasks, and what they are told is not told to the one around them.
const APART: u8 = 32;
/// A task below, which runs under this node as long as nobody asks for its own, was cancelled alone: a checkpoint has to
/// ask for its own.
const BELOW: u8 = 64;

pub(crate) struct Node {
    state: AtomicU8,
    label: Label,
    /// With the place in its list, or [`UNLINKED`]; which changes under the lock of that.
    parent: Option<(Part<Node>, AtomicUsize)>,
    own_deadline: Option<Instant>,
    deadline: Option<Instant>,
    cause: OnceLock<Cancelled>,
    /// Most nodes of tasks have none.
    links: Mutex<Option<Box<Links>>>,
}

/// The place of a node that is not in the list of its parent.
const UNLINKED: usize = usize::MAX;

/// Tasks whose nodes are not linked.
pub(crate) trait Tasks: Send + Sync {
    fn nodes(&self) -> Vec<Part<Node>>;
}

#[derive(Default)]
struct Links {
    tasks: Option<Weak<dyn Tasks>>,
    children: Vec<Option<WeakPart<Node>>>,
    free: Vec<usize>,
    waiters: WaitQueue<Parker>,
    /// The last time that a wait of the task was refused, or found a channel that others had cut short: which such
    /// telling it was in this process, and why.
    cut: Option<Box<(u64, CutShort)>>,
}

/// What a cancellation has come to on its way down.
#[derive(Default)]
struct Reached {
    /// That are yet to be told.
    nodes: Vec<Part<Node>>,
    /// That are yet to be woken.
    waiters: Vec<Parker>,
}

impl Node {
    /// A node that no cancellation reaches from above.
    pub(crate) fn root(label: Label, deadline: Option<Instant>) -> Part<Self> {
        Part::new(Self::unlinked(label, None, deadline))
    }

    /// The node of a task, of which it is a part; it is reached through the [tasks](Self::has_tasks) of its parent.
    #[inline]
    pub(crate) fn of_task(parent: &Part<Self>, label: Label) -> Self {
        Self::unlinked(label, Some(parent.clone()), None)
    }

    /// What cancels this node cancels those of `tasks`, too, as many as there are.
    pub(crate) fn has_tasks(&self, tasks: Weak<dyn Tasks>) {
        self.links.lock().get_or_insert_default().tasks = Some(tasks);
    }

    /// Of a task that is among the tasks of its parent from now on.
    pub(crate) fn is_listed(&self) {
        if let Some((parent, _)) = &self.parent
            && let Some(cause) = parent.cause()
        {
            // Observers were told with the parent.
            self.raise(&cause, &mut Reached::default());
        }
    }

    pub(crate) fn child(
        parent: &Part<Self>,
        label: Label,
        deadline: Option<Instant>,
    ) -> Part<Self> {
        parent.link();
        let node = Part::new(Self::unlinked(label, Some(parent.clone()), deadline));
        node.link();
        node
    }

    /// For the tasks of the scope whose node is `scope`: what they cope with is no news for its body. They are cancelled,
    /// and told so, with the scope.
    pub(crate) fn of_tasks(scope: &Part<Self>) -> Part<Self> {
        let node = Self::child(scope, scope.label.clone(), None);
        node.state.fetch_or(APART, Ordering::Relaxed);
        node
    }

    /// Whether it is for a pool's tasks: see [`of_tasks`](Self::of_tasks).
    pub(crate) fn is_apart(&self) -> bool {
        self.state.load(Ordering::Relaxed) & APART != 0
    }

    /// Cancelling this node cancels `other`, too, which has a parent of its own.
    pub(crate) fn take_along(&self, other: &Part<Self>) {
        let other_too = Some(other.downgrade());
        let mut links = self.links.lock();
        links.get_or_insert_default().children.push(other_too);
        drop(links);
        if let Some(cause) = self.cause() {
            other.cancel(cause);
        }
    }

    #[inline]
    fn unlinked(label: Label, parent: Option<Part<Self>>, own_deadline: Option<Instant>) -> Self {
        let inherited = parent.as_ref().and_then(|parent| parent.deadline);
        let deadline = deadline::earlier(own_deadline, inherited);
        Self {
            state: AtomicU8::new(if deadline.is_some() { DEADLINE } else { 0 }),
            label,
            parent: parent.map(|parent| (parent, AtomicUsize::new(UNLINKED))),
            own_deadline,
            deadline,
            cause: OnceLock::new(),
            links: Mutex::new(None),
        }
    }

    pub(crate) fn label(&self) -> &Label {
        &self.label
    }

    /// The earliest deadline up the tree.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Why this node is cancelled, if it is.
    pub(crate) fn cause(&self) -> Option<Cancelled> {
        if self.state.load(Ordering::Acquire) & CANCELLED == 0 {
            return None;
        }
        self.cause.get().cloned()
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.state.load(Ordering::Relaxed) & CANCELLED != 0
    }

    /// Whether the task has been told that it is cancelled.
    pub(crate) fn was_observed(&self) -> bool {
        self.state.load(Ordering::Relaxed) & OBSERVED != 0
    }

    /// Whether the task is to stop, which is told by that. One relaxed load while there is nothing to tell.
    pub(crate) fn check(&self) -> Result<(), Cancelled> {
        let found = self.look();
        if found.is_err() {
            self.mark_observed();
        }
        found
    }

    /// [`check`](Self::check) for those who do not tell the task.
    #[inline]
    pub(crate) fn look(&self) -> Result<(), Cancelled> {
        self.look_at(now)
    }

    /// [`look`](Self::look), where it is known what time it is.
    pub(crate) fn look_at(&self, at: impl FnOnce() -> Instant) -> Result<(), Cancelled> {
        if self.state.load(Ordering::Relaxed) & (CANCELLED | DEADLINE) == 0 {
            return Ok(());
        }
        self.look_slow(at())
    }

    /// Whether [`check`](Self::check) would fail, here or, if this node is for many tasks, perhaps for the one that asks.
    /// Tells nobody, cancels nothing.
    pub(crate) fn must_look(&self) -> bool {
        let state = self.state.load(Ordering::Relaxed);
        state & (CANCELLED | BELOW) != 0
            || (state & DEADLINE != 0 && deadline::has_passed(self.deadline))
    }

    /// One of the tasks that run under this node is about to be cancelled alone.
    pub(crate) fn mark_below(&self) {
        self.state.fetch_or(BELOW, Ordering::Relaxed);
    }

    #[cold]
    fn look_slow(&self, at: Instant) -> Result<(), Cancelled> {
        let expired = || {
            if deadline::is_over(self.deadline, at) {
                self.expire()
            } else {
                None
            }
        };
        self.cause().or_else(expired).map_or(Ok(()), Err)
    }

    /// What runs directly under this node was told, and not the task around it.
    pub(crate) fn mark_observed_here(&self) {
        self.state.fetch_or(OBSERVED, Ordering::Relaxed);
    }

    /// The task was told, be it in a scope of its own that the cancellation came down to.
    pub(crate) fn mark_observed(&self) {
        let mut told = self;
        told.state.fetch_or(OBSERVED, Ordering::Relaxed);
        while told.label.is_scope() {
            match &told.parent {
                Some((parent, _)) if parent.is_cancelled() => told = parent,
                _ => return,
            }
            told.state.fetch_or(OBSERVED, Ordering::Relaxed);
        }
    }

    /// The task was told that something it waited for will not come, as telling number `number` of the process.
    pub(crate) fn mark_cut(&self, number: u64, why: &CutShort) {
        let mut told = self;
        loop {
            told.set_cut(number, why);
            let state = told.state.fetch_or(CUT, Ordering::Release);
            match &told.parent {
                Some((parent, _)) if told.label.is_scope() && state & APART == 0 => told = parent,
                _ => return,
            }
        }
    }

    fn set_cut(&self, number: u64, why: &CutShort) {
        let mut links = self.links.lock();
        let links = links.get_or_insert_default();
        if links.cut.as_ref().is_none_or(|cut| cut.0 != u64::MAX) {
            links.cut = Some(Box::new((number, why.clone())));
        }
    }

    /// The task, or the scope's body, was left and goes on all the same: it was told for good.
    pub(crate) fn mark_left(&self, why: &CutShort) {
        self.set_cut(u64::MAX, why);
        self.state.fetch_or(CUT, Ordering::Release);
    }

    /// Whether `cancelled` came from this node or from one above it.
    pub(crate) fn passed_on(&self, cancelled: &Cancelled) -> bool {
        let mut node = self;
        loop {
            // By its source, too: the news may have come to a task before it came here. Not if that only failed: then
            // others were cut short by what it dropped, and it may have coped.
            if (node.cause.get().is_some() && node.label.id() == cancelled.source().id())
                || node.cause().is_some_and(|cause| cause.is_same(cancelled))
            {
                return true;
            }
            match &node.parent {
                Some((parent, _)) => node = parent,
                None => return false,
            }
        }
    }

    /// The task's closure has ended.
    pub(crate) fn mark_over(&self) {
        self.state.fetch_or(OVER, Ordering::Relaxed);
    }

    #[cfg(all(test, not(reunite_model)))]
    pub(crate) fn is_marked_over(&self) -> bool {
        self.state.load(Ordering::Relaxed) & OVER != 0
    }

    /// What the task was told that leaves its work undone: of a cancellation, which lasts, or of something else
    /// after telling number `since`. `None` once its closure has ended.
    pub(crate) fn cut_short(&self, since: u64) -> Option<CutShort> {
        let state = self.state.load(Ordering::Acquire);
        if state & OVER != 0 || state & (OBSERVED | CUT) == 0 {
            return None;
        }
        if state & OBSERVED != 0 {
            return self.cause().map(CutShort::Cancelled);
        }
        let links = self.links.lock();
        let (number, why) = &**links.as_ref()?.cut.as_ref()?;
        (*number > since).then(|| why.clone())
    }

    /// Cancels the node, at or above this one, whose deadline has passed: the highest such. Returns why
    /// that node is cancelled, even if another thread is still carrying the news down to this one.
    pub(crate) fn expire(&self) -> Option<Cancelled> {
        let mut expired = None;
        let mut node = Some(self);
        while let Some(at) = node {
            if deadline::has_passed(at.own_deadline) {
                expired = Some(at);
            }
            node = at.parent.as_ref().map(|(parent, _)| &**parent);
        }
        let node = expired?;
        node.cancel(Cancelled::new(Why::Deadline, node.label.clone()));
        node.cause.get().cloned()
    }

    /// Cancels this node and all below. The first cause holds.
    pub(crate) fn cancel(&self, cause: Cancelled) {
        let cause = self.cause_above().unwrap_or(cause);
        tell(|| Event::Cancel {
            of: &self.label,
            cause: &cause,
        });
        self.raise_all(&cause);
    }

    /// A node above is cancelled with this cause, and the news may still be on its way: from now on it is here.
    pub(crate) fn hear(&self, cause: &Cancelled) {
        self.raise_all(cause);
    }

    fn raise_all(&self, cause: &Cancelled) {
        let mut reached = Reached::default();
        self.raise(cause, &mut reached);
        while let Some(node) = reached.nodes.pop() {
            node.raise(cause, &mut reached);
        }
        // Not before: what is woken may ask others, which are to know by then.
        reached.waiters.iter().for_each(Parker::unpark);
    }

    /// Why a node above this one is cancelled, if one is: the news may still be on its way down.
    fn cause_above(&self) -> Option<Cancelled> {
        let mut node = self;
        while let Some((parent, _)) = &node.parent {
            if let Some(cause) = parent.cause() {
                return Some(cause);
            }
            node = parent;
        }
        None
    }

    fn raise(&self, cause: &Cancelled, reached: &mut Reached) {
        if self.cause.set(cause.clone()).is_err() {
            return;
        }
        self.state.fetch_or(CANCELLED, Ordering::Release);
        let guard = self.links.lock();
        let Some(links) = &*guard else {
            return;
        };
        let children = links.children.iter().flatten();
        reached.nodes.extend(children.filter_map(WeakPart::upgrade));
        reached.waiters.extend(links.waiters.iter().cloned());
        let tasks = links.tasks.as_ref().and_then(Weak::upgrade);
        drop(guard);
        if let Some(tasks) = tasks {
            reached.nodes.append(&mut tasks.nodes());
        }
    }

    /// From now on `parker` is unparked when this node is cancelled. Look at the node again after this.
    pub(crate) fn add_waiter(&self, parker: &Parker) -> Spot {
        let mut links = self.links.lock();
        links
            .get_or_insert_default()
            .waiters
            .push_back(parker.clone())
    }

    pub(crate) fn remove_waiter(&self, spot: Spot) {
        let mut links = self.links.lock();
        let _waiter = links.as_mut().and_then(|links| links.waiters.remove(spot));
    }
}

impl Part<Node> {
    /// Makes sure that its parent reaches it.
    fn link(&self) {
        let Some((parent, place)) = &self.parent else {
            return;
        };
        if place.load(Ordering::Relaxed) != UNLINKED {
            return;
        }
        {
            let mut links = parent.links.lock();
            let links = links.get_or_insert_default();
            if place.load(Ordering::Relaxed) != UNLINKED {
                return;
            }
            let weak = Some(self.downgrade());
            let slot = match links.free.pop() {
                Some(slot) => {
                    links.children[slot] = weak;
                    slot
                }
                None => {
                    links.children.push(weak);
                    links.children.len() - 1
                }
            };
            place.store(slot, Ordering::Relaxed);
        }
        if let Some(cause) = parent.cause() {
            // Observers were told with the parent.
            self.raise_all(&cause);
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some((parent, slot)) = &self.parent {
            let slot = slot.load(Ordering::Relaxed);
            if slot == UNLINKED {
                return;
            }
            let mut links = parent.links.lock();
            let Some(links) = &mut *links else {
                return;
            };
            if slot + 1 == links.children.len() {
                // As most go in the reverse of the order in which they came, which takes no list.
                links.children.pop();
            } else {
                links.children[slot] = None;
                links.free.push(slot);
            }
        }
    }
}

/// Cancels a scope or a task from anywhere: from another thread, from a signal handler's thread, after
/// the scope's body has moved on. Outlives what it cancels without harm.
///
/// ```
/// use std::time::Duration;
/// let reason = reunite::scope(|s| {
///     let canceller = s.canceller();
///     s.spawn(move || canceller.cancel("the user pressed Ctrl-C"));
///     reunite::sleep(Duration::from_secs(3600)).unwrap_err().reason().to_owned()
/// });
/// assert_eq!(reason, "the user pressed Ctrl-C");
/// ```
#[derive(Clone)]
pub struct Canceller(Part<Node>);

impl Canceller {
    pub(crate) fn new(node: Part<Node>) -> Self {
        Self(node)
    }

    /// Cancels, in these words. Only the first cancellation counts.
    pub fn cancel(&self, reason: impl Into<String>) {
        self.0.cancel(Cancelled::new(
            Why::Requested(reason.into()),
            self.0.label.clone(),
        ));
    }

    /// Whether it has been cancelled, by anyone.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

impl std::fmt::Debug for Canceller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Canceller({})", self.0.label)
    }
}

#[cfg(all(test, not(reunite_model)))]
mod tests {
    use std::panic::Location;

    use super::Node;
    use crate::current::current;
    use crate::error::{Cancelled, Why};
    use crate::id::{Kind, Label};
    use crate::part::Part;
    use crate::primitive::Duration;

    /// As scopes do that are nested, whatever else goes in between.
    #[test]
    fn children_that_go_in_the_reverse_order_leave_no_trace() {
        let label = || Label::new(Kind::Scope, None, Location::caller());
        let parent = Node::root(label(), None);
        let child = || Node::child(&parent, label(), None);
        let counts = || {
            let links = parent.links.lock();
            let links = links.as_ref().unwrap();
            (links.children.len(), links.free.len())
        };
        let [first, second, third] = [child(), child(), child()];
        drop(third);
        assert_eq!(counts(), (2, 0));
        drop(first);
        assert_eq!(counts(), (2, 1));
        let fourth = child();
        assert_eq!(counts(), (2, 0));
        drop(second);
        drop(fourth);
        assert_eq!(counts(), (0, 0));
    }

    /// Nobody lists the task any more, but what was made in it goes on elsewhere.
    #[test]
    fn what_is_below_a_task_is_cancelled_with_its_scope_although_the_task_itself_was_never_linked()
    {
        let label = || Label::new(Kind::Scope, None, Location::caller());
        let scope = Node::root(label(), None);
        let task = Part::new(Node::of_task(&scope, label()));
        assert!(scope.links.lock().is_none());
        let below = Node::child(&task, label(), None);
        drop(task);
        scope.cancel(Cancelled::new(Why::Shutdown, label()));
        assert!(below.is_cancelled());
        drop(below);
        assert!(scope.links.lock().as_ref().unwrap().children.is_empty());
        // And one that comes after that.
        let task = Part::new(Node::of_task(&scope, label()));
        let below = Node::child(&task, label(), None);
        assert!(task.is_cancelled() && below.is_cancelled());
    }

    /// However often it waits, and however many it has had.
    #[test]
    fn a_node_keeps_nothing_of_waits_and_children_that_are_over() {
        let node = crate::scope(|s| {
            for _ in 0..50 {
                crate::sleep(Duration::from_micros(1)).unwrap();
                crate::scope(|s| s.spawn(|| ()).join().unwrap());
                s.spawn(|| ()).join().unwrap();
            }
            current().node
        });
        let links = node.links.lock();
        let links = links.as_ref().unwrap();
        assert!(links.waiters.is_empty());
        assert!(links.children.iter().all(Option::is_none));
        // A task may be joined before its node is gone.
        assert!(links.children.len() < 50, "no slot was used again");
        assert_eq!(links.free.len(), links.children.len());
    }
}
