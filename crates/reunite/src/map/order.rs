//! The orders in which a map yields its outcomes.

/// The order in which a [`Map`](crate::Map) yields its outcomes, and what comes with each value: [`Ordered`]
/// or [`Unordered`].
pub trait Order<U>: SealedOrder {
    /// The type of a value that the map yields.
    type Value;

    #[doc(hidden)]
    fn value(index: usize, value: U) -> Self::Value;
}

/// Keeps other crates from implementing [`Order`].
pub trait SealedOrder {}

/// The order of the items: the position of an outcome identifies its item.
#[derive(Clone, Copy, Debug)]
pub enum Ordered {}

/// The order in which the items complete: a value comes with the index of its item. See
/// [`Map::unordered`](crate::Map::unordered).
#[derive(Clone, Copy, Debug)]
pub enum Unordered {}

impl SealedOrder for Ordered {}
impl SealedOrder for Unordered {}

impl<U> Order<U> for Ordered {
    type Value = U;

    fn value(_: usize, value: U) -> U {
        value
    }
}

impl<U> Order<U> for Unordered {
    type Value = (usize, U);

    fn value(index: usize, value: U) -> (usize, U) {
        (index, value)
    }
}
