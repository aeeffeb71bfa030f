//! Races and quorums: the first results decide, the rest is cancelled.
