//! Retry rules: which failures are transient, what an answer says about its host's load, and how long to wait.

use std::time::{Duration, SystemTime};

use super::host::RequestOutcome;
use crate::fetch::{Fetched, header};

/// Returns what an answer says about the load of its host. A wait that the server asks for is cut to `longest`.
pub(super) fn request_outcome(fetched: &Fetched<'_>, longest: Duration) -> RequestOutcome {
    match &fetched.answer {
        Ok(answer) if matches!(answer.status, 429 | 503) => {
            RequestOutcome::Overloaded(retry_after(fetched).map(|asked| asked.min(longest)))
        }
        Ok(_) => RequestOutcome::Answered,
        Err(_) => RequestOutcome::Unknown,
    }
}

/// Returns true if another try may succeed.
pub(super) fn is_transient(fetched: &Fetched<'_>) -> bool {
    match &fetched.answer {
        Ok(answer) => matches!(answer.status, 408 | 425 | 429 | 500 | 502 | 503 | 504),
        Err(failure) => failure.is_transient(),
    }
}

/// Returns the wait that `Retry-After` asks for, which is given in seconds or as a date.
pub(super) fn retry_after(fetched: &Fetched<'_>) -> Option<Duration> {
    let answer = fetched.answer.as_ref().ok()?;
    let value = header(&answer.headers, "retry-after")?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

/// Exponential backoff with jitter, so that requests that failed together are not retried together.
pub(super) struct Backoff(fastrand::Rng);

impl Backoff {
    pub(super) fn new() -> Self {
        Self(fastrand::Rng::new())
    }

    /// Returns `first`, doubled for each earlier try, times a random factor between 0.5 and 1.5.
    pub(super) fn delay(&mut self, first: Duration, tries: u32) -> Duration {
        let factor = 0.5 + self.0.f64();
        first.saturating_mul(1 << tries.min(16)).mul_f64(factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_and_differ() {
        let mut backoff = Backoff(fastrand::Rng::with_seed(1));
        let first = Duration::from_millis(100);
        let delays: Vec<Duration> = (0..100).map(|_| backoff.delay(first, 3)).collect();
        assert!(
            delays
                .iter()
                .all(|delay| (400..1200).contains(&delay.as_millis()))
        );
        assert!(delays.iter().any(|delay| delay != &delays[0]));
    }
}
