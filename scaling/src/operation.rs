//! One operation, and how it is measured.

use crate::meter::Meter;

pub(crate) struct Operation {
    /// Describes the operation, and what its size is.
    pub(crate) name: &'static str,
    /// The least size; the other sizes are four and sixteen times that.
    pub(crate) size: usize,
    pub(crate) growth: Growth,
    pub(crate) measure: fn(usize, &mut Meter),
}

/// The growth of its cost with the size that is allowed for an operation.
#[derive(Clone, Copy)]
pub(crate) enum Growth {
    /// The cost stays the same.
    None,
    /// The cost grows like the logarithm: something is looked up in an ordered structure.
    Logarithm,
}

impl Growth {
    /// The word for it in the output of `scaling list`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Logarithm => "logarithm",
        }
    }
}
