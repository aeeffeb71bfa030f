//! In which order a map has its outcomes, and what they tell because of that.

/// In which order a [`Map`](crate::Map) yields its outcomes, and what a value comes with: [`Ordered`] or
/// [`Unordered`].
pub trait Order<U>: Sealed {
    /// The value of an outcome.
    type Value;

    #[doc(hidden)]
    fn value(index: usize, value: U) -> Self::Value;
}

/// Nobody else has an order of their own.
pub trait Sealed {}

/// The order of the items: the place of an outcome tells its item.
#[derive(Clone, Copy, Debug)]
pub enum Ordered {}

/// The order in which the items complete: a value comes with the index of its item. See
/// [`Map::unordered`](crate::Map::unordered).
#[derive(Clone, Copy, Debug)]
pub enum Unordered {}

impl Sealed for Ordered {}
impl Sealed for Unordered {}

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
