//! `cargo xtask samples`: starts the studio, which is built only for that, and with optimisations.

#[cfg(feature = "samples")]
pub(crate) use crate::studio::run;

#[cfg(not(feature = "samples"))]
pub(crate) fn run(args: &[&str]) -> Result<(), String> {
    use crate::shell;

    let studio = [
        "run",
        "--release",
        "--package",
        "xtask",
        "--features",
        "samples",
        "--",
        "samples",
    ];
    shell::run(
        shell::cargo()
            .args(studio)
            .args(args)
            .current_dir(std::env::current_dir().map_err(|why| why.to_string())?),
    )
}
