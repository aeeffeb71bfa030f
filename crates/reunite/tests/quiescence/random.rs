//! Thousands of random programs: each ends, in one of the ways in which it may end.

use super::model;
use super::program::{End, Program, Random};

/// The number of programs at full scale; `REUNITE_PROGRAMS` overrides it, and `REUNITE_SEED` sets the first seed.
const COUNT: usize = 10_000;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

pub(crate) fn run() {
    let first = number("REUNITE_SEED").unwrap_or(1);
    let count = number("REUNITE_PROGRAMS").unwrap_or_else(|| test_scale::rounds(COUNT) as u64);
    let (mut never, mut always, mut refused) = (0, 0, 0);
    for seed in first..first + count {
        let program = Program::random(&mut Random::new(seed));
        let ends = model::ends(&program);
        let is_refused = |end: &End| matches!(end, End::Refused(_));
        let got = program.run();
        assert!(
            ends.contains(&got),
            "seed {seed}: {got:?} is none of {ends:?} of {program:?}"
        );
        never += u64::from(!ends.iter().any(|ends| ends.iter().any(is_refused)));
        always += u64::from(ends.iter().all(|ends| ends.iter().any(is_refused)));
        refused += u64::from(got.iter().any(is_refused));
    }
    println!(
        "{count} programs from seed {first}: {never} cannot deadlock, {always} must, {refused} did"
    );
    assert!(count < 100 || (never > 0 && always > 0 && refused >= always));
}
