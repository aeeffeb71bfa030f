//! One operation, and how it is measured.

use crate::meter::Meter;

pub(crate) struct Operation {
    /// What is done, and what there is ever more of.
    pub(crate) name: &'static str,
    /// The least size; the others are four and sixteen times that.
    pub(crate) size: usize,
    pub(crate) growth: Growth,
    pub(crate) measure: fn(usize, &mut Meter),
}

/// How what an operation costs may grow with the size.
#[derive(Clone, Copy)]
pub(crate) enum Growth {
    /// Not at all.
    None,
    /// As its logarithm does: something is looked up in an order.
    Logarithm,
}

impl Growth {
    /// As `scaling list` says it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Logarithm => "logarithm",
        }
    }
}
