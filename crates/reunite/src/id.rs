//! The identity of tasks and scopes: numbers and labels.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::panic::Location;

use crate::escape::Escaped;
use crate::primitive::{Arc, Counter, Ordering};

/// The number of a task or scope, unique in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(u64);

/// A counter without a protocol: relaxed, and never part of a model.
static NEXT: Counter = Counter::new(1);

impl TaskId {
    pub(crate) fn next() -> Self {
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// Reserves `count` consecutive numbers, for tasks that are spawned later.
    pub(crate) fn block(count: u64) -> std::ops::Range<u64> {
        let first = NEXT.fetch_add(count, Ordering::Relaxed);
        first..first + count
    }

    /// Returns the id with a number from a [`block`](Self::block).
    pub(crate) fn of_block(number: u64) -> Self {
        Self(number)
    }

    /// Returns the number as an integer, for logs.
    pub fn as_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// A map whose keys are numbers that this library has assigned. No one can choose keys that collide, so a fast hasher
/// suffices.
pub(crate) type ByNumber<K, V> = HashMap<K, V, BuildHasherDefault<Spread>>;

/// A map with at most this capacity is never shrunk.
const ROOM: usize = 16_384;

/// Shrinks a map after a removal: a program that once had a million tasks keeps no memory for them.
#[inline]
pub(crate) fn shrink_if_sparse<K: Eq + std::hash::Hash, V>(map: &mut ByNumber<K, V>) {
    if map.capacity() > ROOM && map.capacity() / 8 > map.len() {
        let room = 2 * map.len();
        map.shrink_to(room);
    }
}

/// A hasher for the keys of [`ByNumber`]: Fibonacci hashing, a product (Knuth, "The Art of Computer Programming",
/// 6.4).
#[derive(Default)]
pub(crate) struct Spread(u64);

impl Hasher for Spread {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64((*byte).into()));
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        let product = (self.0 ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        // The map uses the low bits first, and the product is spread best in the high ones.
        self.0 = product.rotate_left(32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The label that identifies a task or a scope to people: its number, its name if it was given one, and the source
/// line that started it. Cheap to clone.
///
/// Its text escapes the control and format characters of the name, which a terminal would obey or hide;
/// [`name`](Self::name) returns them as they are.
///
/// ```
/// let task = reunite::Builder::new().name("resize").spawn(|| 1);
/// assert_eq!(task.label().name(), Some("resize"));
/// assert!(task.label().to_string().starts_with("task `resize` ("));
/// # task.join().unwrap();
/// ```
#[derive(Clone)]
pub struct Label {
    id: TaskId,
    at: &'static Location<'static>,
    is: LabelTag,
    /// The parts that only some labels have. They are apart because each task has a label, and most labels have no
    /// name.
    more: Option<Arc<LabelExtras>>,
}

struct LabelExtras {
    name: Option<String>,
    item: Option<u64>,
}

/// A [`LabelKind`] without the parts that only some labels have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LabelTag {
    Task,
    Scope,
    Pool,
    Fork,
    Item,
    Foreign,
}

/// The kind of thing to which a label belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LabelKind {
    Task,
    Scope,
    Pool,
    /// The two halves of a `join`, if another thread runs one.
    Fork,
    /// The `n`th item of a map.
    Item(u64),
    /// A thread that this library did not start.
    Foreign,
}

impl Label {
    #[inline]
    pub(crate) fn new(
        kind: LabelKind,
        name: Option<String>,
        at: &'static Location<'static>,
    ) -> Self {
        Self::with_id(TaskId::next(), kind, name, at)
    }

    /// Makes the label of a task that already has its number.
    #[inline]
    pub(crate) fn with_id(
        id: TaskId,
        kind: LabelKind,
        name: Option<String>,
        at: &'static Location<'static>,
    ) -> Self {
        let (is, item) = match kind {
            LabelKind::Task => (LabelTag::Task, None),
            LabelKind::Scope => (LabelTag::Scope, None),
            LabelKind::Pool => (LabelTag::Pool, None),
            LabelKind::Fork => (LabelTag::Fork, None),
            LabelKind::Item(item) => (LabelTag::Item, Some(item)),
            LabelKind::Foreign => (LabelTag::Foreign, None),
        };
        let has_more = name.is_some() || item.is_some();
        let more = has_more.then(|| Arc::new(LabelExtras { name, item }));
        Self { id, at, is, more }
    }

    pub(crate) fn is_scope(&self) -> bool {
        self.is == LabelTag::Scope
    }

    pub(crate) fn is_fork(&self) -> bool {
        self.is == LabelTag::Fork
    }

    pub(crate) fn is_foreign(&self) -> bool {
        self.is == LabelTag::Foreign
    }

    /// The number of the task or scope.
    pub fn id(&self) -> TaskId {
        self.id
    }

    /// The name, if one was given.
    pub fn name(&self) -> Option<&str> {
        self.more.as_ref()?.name.as_deref()
    }

    /// The place of an item of a map in the order of the items, counted from 0; `None` for anything else.
    pub fn item(&self) -> Option<usize> {
        usize::try_from(self.more.as_ref()?.item?).ok()
    }

    /// The source line that started the task or scope.
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.at
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, at, name) = (self.id, self.at, self.name().map(Escaped));
        let kind = match self.is {
            LabelTag::Task => "task",
            LabelTag::Scope => "scope",
            LabelTag::Pool => "pool",
            LabelTag::Fork => "fork",
            LabelTag::Foreign => {
                return write!(f, "thread `{}`", name.unwrap_or(Escaped("unnamed")));
            }
            LabelTag::Item => {
                let item = self.more.as_ref().and_then(|more| more.item);
                write!(f, "item {} of map", item.unwrap_or_default())?;
                if let Some(name) = name {
                    write!(f, " `{name}`")?;
                }
                return write!(f, " ({}:{})", at.file(), at.line());
            }
        };
        match name {
            Some(name) => write!(f, "{kind} `{name}` ({}:{})", at.file(), at.line()),
            None => write!(f, "{kind} {id} ({}:{})", at.file(), at.line()),
        }
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
