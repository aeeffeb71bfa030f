//! reunite
