//! Rounds of samples, and what they come to.

/// One candidate: its name, and a measurement of it.
pub(crate) type Candidate<'a> = (&'a str, Box<dyn FnMut() -> f64 + 'a>);

/// Samples every candidate once a round, beginning with another each time; the first round only warms up.
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

/// Median, range, and the median's ratio to the first candidate's.
pub(crate) fn print(unit: &str, candidates: &[Candidate<'_>], samples: &[Vec<f64>]) {
    let base = median(&samples[0]);
    for ((name, _), samples) in candidates.iter().zip(samples) {
        let (low, high) = samples
            .iter()
            .fold((f64::INFINITY, 0f64), |(low, high), &value| {
                (low.min(value), high.max(value))
            });
        let median = median(samples);
        println!(
            "{name:34} {median:9.1} {unit} ({low:.1}–{high:.1})  {:5.2}×",
            median / base
        );
    }
}
