//! The number of rounds of tests that repeat something: damaged files, killed processes, random programs.
//!
//! `REUNITE_TEST_SCALE` is the factor: 1 is the full number, of which `cargo xtask ci` runs seven tenths. Unset, it is a quarter, so that
//! `cargo test` takes a few minutes.

#![forbid(unsafe_code)]

const UNSET: f64 = 0.25;

/// Returns `full` times the scale, at least one.
///
/// ```
/// // 500 unless `REUNITE_TEST_SCALE` is set.
/// for round in 0..test_scale::rounds(2_000) {
///     // … damage a file, and read it
/// }
/// ```
///
/// # Panics
/// `REUNITE_TEST_SCALE` is set to something other than a positive number.
pub fn rounds(full: usize) -> usize {
    let scale = std::env::var("REUNITE_TEST_SCALE").ok();
    scaled(full, scale.as_deref())
}

fn scaled(full: usize, scale: Option<&str>) -> usize {
    let scale = scale.map_or(UNSET, |text| {
        let scale = text.parse().ok();
        scale
            .filter(|scale: &f64| scale.is_finite() && *scale > 0.0)
            .expect("REUNITE_TEST_SCALE is a positive number")
    });
    ((full as f64 * scale) as usize).max(1)
}

#[cfg(test)]
mod tests {
    use super::scaled;

    #[test]
    fn the_scale_multiplies_and_at_least_one_round_is_left() {
        assert_eq!(scaled(2_000, None), 500);
        assert_eq!(scaled(2_000, Some("1")), 2_000);
        assert_eq!(scaled(30, Some("10")), 300);
        assert_eq!(scaled(30, Some("0.001")), 1);
    }

    #[test]
    #[should_panic(expected = "positive number")]
    fn a_scale_that_is_no_number_panics() {
        scaled(30, Some("full"));
    }

    #[test]
    #[should_panic(expected = "positive number")]
    fn an_infinite_scale_panics() {
        scaled(30, Some("inf"));
    }
}
