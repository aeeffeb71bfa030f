//! Rounds of samples, and their medians.

/// A candidate: its name, and a measurement of it.
pub(crate) type Candidate<'a> = (&'a str, Box<dyn FnMut() -> f64 + 'a>);

/// Samples every candidate once in each round, beginning with another one each time. The first round is a warm-up.
pub(crate) fn sample(rounds: usize, candidates: &mut [Candidate<'_>]) -> Vec<Vec<f64>> {
    let count = candidates.len();
    let mut samples = vec![Vec::with_capacity(rounds); count];
    for round in 0..=rounds {
        for turn in 0..count {
            let at = (round + turn) % count;
            let value = (candidates[at].1)();
            if round > 0 {
                samples[at].push(value);
            }
        }
    }
    samples
}

pub(crate) fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
