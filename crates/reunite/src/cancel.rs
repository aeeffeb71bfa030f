//! Cancellation: a tree of nodes, one per task and per scope.
//!
//! # Protocol
//! A node is live or cancelled; once cancelled it stays so. A thread that cancels a node
//! 1. writes the cause (only once: a later cancellation changes nothing),
//! 2. raises the `CANCELLED` bit,
//! 3. under the node's lock copies its children and its waiters,
//! 4. does the same to each child, with the same cause,
//! 5. unparks the waiters of all these nodes, after all are cancelled: a woken thread may check whether another node is
//!    cancelled.
//!
//! - *No child is missed*: a child links itself into its parent under the parent's lock, then looks at the parent's bit.
//!   If it linked itself before step 3, the canceller sees it; if after, the lock that the canceller held orders step 2
//!   before, so the child sees the bit and cancels itself.
//! - *Tasks of a group* are not linked, because the group lists them anyway: a thread that cancels the group's node
//!   gets their nodes from the group in step 3. It does so under the group's lock, under which a task is listed and
//!   then looks at the bit. But the node of a task may be the parent of a node that outlives the task. Therefore a
//!   task's node is linked before its first child is linked, and stays linked.
//! - *No cause is overtaken*: a thread that was woken at one node may cancel a node below it, for another reason,
//!   before the first cause has reached that node. So a thread that cancels a node first looks for a cancelled node
//!   above it, and uses the cause of that one.
//! - *No waiter sleeps on*: a waiter adds its parker under the lock, then looks at the bit, then parks. The argument is
//!   the same as for children; an unpark that comes before the park makes the park return at once.
//!
//! Deadlines need no timer: a node's deadline is the earliest of its own and those of the nodes above it, and is fixed
//! when the node is made. A thread waits no longer than that deadline. A thread that finds the deadline passed cancels
//! the node whose own deadline it is.

use crate::deadline;
use crate::error::{Cancelled, CutShort, Why};
use crate::id::Label;
use crate::observe::{Event, tell};
use crate::park::Parker;
use crate::part::{Part, WeakPart};
use crate::primitive::{AtomicU8, AtomicUsize, Instant, Mutex, OnceLock, Ordering, Weak, now};
use crate::wait_queue::{Spot, WaitQueue};

/// The node is cancelled.
const CANCELLED: u8 = 1;
/// The node has a deadline: a checkpoint has to read the clock.
const DEADLINE: u8 = 2;
/// A wait or a checkpoint of the task has returned the cancellation.
const OBSERVED: u8 = 4;
/// A wait of the task was refused, or found a channel cut short: see `Links::cut`.
const CUT: u8 = 8;
/// The task's closure has ended: ends of channels that are dropped from now on count as dropped after the task's work
/// was done.
const OVER: u8 = 16;
/// The node is the common parent of the tasks of a pool's scope. An error that is returned to one of them was not
/// returned to the task that opened the scope.
const APART: u8 = 32;
/// One of the tasks below this node was cancelled alone. Such tasks run under this node until they need nodes of their
/// own; from now on a checkpoint must make and use the task's own node.
const BELOW: u8 = 64;

/// A node of the cancel tree: the cancellation and the deadline of a task or a scope.
pub(crate) struct CancelNode {
    state: AtomicU8,
    label: Label,
    /// The parent, with the node's place in its list, or [`UNLINKED`]. The place changes under the lock of the parent.
    parent: Option<(Part<CancelNode>, AtomicUsize)>,
    own_deadline: Option<Instant>,
    deadline: Option<Instant>,
    cause: OnceLock<Cancelled>,
    /// `None` in most nodes of tasks.
    links: Mutex<Option<Box<Links>>>,
}

/// The place of a node that is not in the list of its parent.
const UNLINKED: usize = usize::MAX;

/// A set of tasks whose nodes are not linked.
pub(crate) trait TaskNodes: Send + Sync {
    fn nodes(&self) -> Vec<Part<CancelNode>>;
}

/// The part of a node that most nodes of tasks do not need.
#[derive(Default)]
struct Links {
    /// The tasks whose nodes are not in `children`.
    tasks: Option<Weak<dyn TaskNodes>>,
    children: Vec<Option<WeakPart<CancelNode>>>,
    /// The empty places in `children`.
    free: Vec<usize>,
    waiters: WaitQueue<Parker>,
    /// The last notice to the task: its number in the process, and the reason. A *notice* is the error of a refused
    /// wait, or of a channel that was cut short (see `channel::cut_epoch`). The number is `u64::MAX` if the task can
    /// never make up for what it missed.
    cut: Option<Box<(u64, CutShort)>>,
}

/// The nodes that a cancellation has reached on its way down.
#[derive(Default)]
struct Reached {
    /// Nodes that are yet to be cancelled.
    nodes: Vec<Part<CancelNode>>,
    /// Waiters that are yet to be woken.
    waiters: Vec<Parker>,
}

impl CancelNode {
    /// Makes a node without a parent.
    pub(crate) fn root(label: Label, deadline: Option<Instant>) -> Part<Self> {
        Part::new(Self::unlinked(label, None, deadline))
    }

    /// Makes the node of a task, of which it is a part. The node is reached through the [tasks](Self::has_tasks) of its
    /// parent.
    #[inline]
    pub(crate) fn of_task(parent: &Part<Self>, label: Label) -> Self {
        Self::unlinked(label, Some(parent.clone()), None)
    }

    /// Makes a cancellation of this node cancel the nodes of `tasks`, too.
    pub(crate) fn has_tasks(&self, tasks: Weak<dyn TaskNodes>) {
        self.links.lock().get_or_insert_default().tasks = Some(tasks);
    }

    /// Records that the node's task is among the tasks of its parent from now on. If the parent is cancelled already,
    /// cancels the node.
    pub(crate) fn is_listed(&self) {
        if let Some((parent, _)) = &self.parent
            && let Some(cause) = parent.cause()
        {
            // Observers were told when the parent was cancelled.
            self.raise(&cause, &mut Reached::default());
        }
    }

    /// Makes a node that is linked to `parent`. It is cancelled if `parent` is.
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

    /// Makes the common parent of the tasks of the pool scope whose node is `scope`. They are cancelled with the scope;
    /// but errors that are returned to them do not count as returned to the scope's body.
    pub(crate) fn of_tasks(scope: &Part<Self>) -> Part<Self> {
        let node = Self::child(scope, scope.label.clone(), None);
        node.state.fetch_or(APART, Ordering::Relaxed);
        node
    }

    /// Returns true if the node is for a pool's tasks: see [`of_tasks`](Self::of_tasks).
    pub(crate) fn is_apart(&self) -> bool {
        self.state.load(Ordering::Relaxed) & APART != 0
    }

    /// Makes a cancellation of this node cancel `other`, too, which has another parent.
    pub(crate) fn cancel_also(&self, other: &Part<Self>) {
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

    /// The cause of the node's cancellation, if it is cancelled.
    pub(crate) fn cause(&self) -> Option<Cancelled> {
        if self.state.load(Ordering::Acquire) & CANCELLED == 0 {
            return None;
        }
        self.cause.get().cloned()
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.state.load(Ordering::Relaxed) & CANCELLED != 0
    }

    /// Returns true if the task has been told that it is cancelled.
    pub(crate) fn was_observed(&self) -> bool {
        self.state.load(Ordering::Relaxed) & OBSERVED != 0
    }

    /// Returns an error if the task is cancelled, and records that the task was told. One relaxed load if the node is
    /// neither cancelled nor has a deadline.
    pub(crate) fn check(&self) -> Result<(), Cancelled> {
        let found = self.look();
        if found.is_err() {
            self.mark_observed();
        }
        found
    }

    /// Does what [`check`](Self::check) does, but does not count as telling the task.
    #[inline]
    pub(crate) fn look(&self) -> Result<(), Cancelled> {
        self.look_at(now)
    }

    /// Does what [`look`](Self::look) does, for a caller that knows the time.
    pub(crate) fn look_at(&self, at: impl FnOnce() -> Instant) -> Result<(), Cancelled> {
        if self.state.load(Ordering::Relaxed) & (CANCELLED | DEADLINE) == 0 {
            return Ok(());
        }
        self.look_slow(at())
    }

    /// Returns true if [`check`](Self::check) would return an error here, or, if this node is the parent of many tasks,
    /// might do so for the calling task. Does not count as telling the task, and cancels nothing.
    pub(crate) fn must_look(&self) -> bool {
        let state = self.state.load(Ordering::Relaxed);
        state & (CANCELLED | BELOW) != 0
            || (state & DEADLINE != 0 && deadline::has_passed(self.deadline))
    }

    /// Records that one of the tasks that run under this node is about to be cancelled alone.
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

    /// Records that the code that runs directly under this node was told of the cancellation, but not the task around
    /// it.
    pub(crate) fn mark_observed_here(&self) {
        self.state.fetch_or(OBSERVED, Ordering::Relaxed);
    }

    /// Records that the task was told of the cancellation. If this is the node of a scope that the task has opened, the
    /// cancelled nodes from here up to the task's own are marked.
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

    /// Records notice `number` of the process: the task was told that what it waits for will not come.
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

    /// Records that the task, or the scope's body, would have left but cannot unwind and goes on. Nothing that it does
    /// later makes up for that.
    pub(crate) fn mark_left(&self, why: &CutShort) {
        self.set_cut(u64::MAX, why);
        self.state.fetch_or(CUT, Ordering::Release);
    }

    /// Returns true if `cancelled` came from this node or from one above it.
    pub(crate) fn passed_on(&self, cancelled: &Cancelled) -> bool {
        let mut node = self;
        loop {
            // The source is compared, too, because the task may have got `cancelled` from its source before this node
            // was cancelled. The source must be cancelled itself: if it only failed, others were cut short by what it
            // dropped.
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

    /// Records that the task's closure has ended.
    pub(crate) fn mark_over(&self) {
        self.state.fetch_or(OVER, Ordering::Relaxed);
    }

    #[cfg(all(test, not(reunite_model)))]
    pub(crate) fn is_marked_over(&self) -> bool {
        self.state.load(Ordering::Relaxed) & OVER != 0
    }

    /// Returns why the task's work is incomplete: a cancellation that the task was told of, or a notice with a number
    /// greater than `since`. `None` if there is neither, or if the task's closure has ended.
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

    /// Cancels the highest node, at or above this one, whose deadline has passed. Returns the cause of that node's
    /// cancellation, even if another thread is still carrying it down to this node.
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

    /// Cancels this node and all nodes below it. A node that is cancelled already keeps its cause.
    pub(crate) fn cancel(&self, cause: Cancelled) {
        let cause = self.cause_above().unwrap_or(cause);
        tell(|| Event::Cancel {
            of: &self.label,
            cause: &cause,
        });
        self.raise_all(&cause);
    }

    /// Cancels this node with the cause of a node above, which may still be on its way down.
    pub(crate) fn record_cause(&self, cause: &Cancelled) {
        self.raise_all(cause);
    }

    fn raise_all(&self, cause: &Cancelled) {
        let mut reached = Reached::default();
        self.raise(cause, &mut reached);
        while let Some(node) = reached.nodes.pop() {
            node.raise(cause, &mut reached);
        }
        // All nodes are cancelled before any waiter is woken, because a woken thread may look at any of them.
        reached.waiters.iter().for_each(Parker::unpark);
    }

    /// The cause of a cancelled node above this one, if there is any: it may still be on its way down.
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

    /// Makes a cancellation of this node unpark `parker`. The caller must look at the node again after this.
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

impl Part<CancelNode> {
    /// Links the node, so that its parent reaches it.
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
            // Observers were told when the parent was cancelled.
            self.raise_all(&cause);
        }
    }
}

impl Drop for CancelNode {
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
                // Most nodes are dropped in the reverse of the order in which they were made; then no place becomes
                // free in the middle.
                links.children.pop();
            } else {
                links.children[slot] = None;
                links.free.push(slot);
            }
        }
    }
}

/// A handle that cancels a scope from any thread, at any time: see [`Scope::canceller`](crate::Scope::canceller) and
/// [`PoolScope::canceller`](crate::PoolScope::canceller). It has no effect once the scope has ended. It must not be
/// used inside a signal handler, because it takes locks; a thread that waits for signals may use it.
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
pub struct Canceller(Part<CancelNode>);

impl Canceller {
    pub(crate) fn new(node: Part<CancelNode>) -> Self {
        Self(node)
    }

    /// Cancels the scope for `reason`, which the errors of the cancelled tasks [return](Cancelled::reason). If the
    /// scope is cancelled already, this has no effect.
    pub fn cancel(&self, reason: impl Into<String>) {
        self.0.cancel(Cancelled::new(
            Why::Requested(reason.into()),
            self.0.label.clone(),
        ));
    }

    /// Returns true if the scope was cancelled, for any reason.
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

    use super::CancelNode;
    use crate::current::current;
    use crate::error::{Cancelled, Why};
    use crate::id::{Label, LabelKind};
    use crate::part::Part;
    use crate::primitive::Duration;

    /// Nested scopes are dropped in this order, whatever else is dropped in between.
    #[test]
    fn children_that_go_in_the_reverse_order_leave_no_trace() {
        let label = || Label::new(LabelKind::Scope, None, Location::caller());
        let parent = CancelNode::root(label(), None);
        let child = || CancelNode::child(&parent, label(), None);
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

    /// The group no longer lists the task, but a scope that was opened in the task goes on elsewhere.
    #[test]
    fn what_is_below_a_task_is_cancelled_with_its_scope_although_the_task_itself_was_never_linked()
    {
        let label = || Label::new(LabelKind::Scope, None, Location::caller());
        let scope = CancelNode::root(label(), None);
        let task = Part::new(CancelNode::of_task(&scope, label()));
        assert!(scope.links.lock().is_none());
        let below = CancelNode::child(&task, label(), None);
        drop(task);
        scope.cancel(Cancelled::new(Why::Shutdown, label()));
        assert!(below.is_cancelled());
        drop(below);
        assert!(scope.links.lock().as_ref().unwrap().children.is_empty());
        // A child that is made after that is cancelled, too.
        let task = Part::new(CancelNode::of_task(&scope, label()));
        let below = CancelNode::child(&task, label(), None);
        assert!(task.is_cancelled() && below.is_cancelled());
    }

    /// However often it waits, and however many children it has had.
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
