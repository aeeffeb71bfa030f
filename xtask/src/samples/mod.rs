//! x
pub(crate) fn run(_args: &[&str]) -> Result<(), String> {
    Ok(())
}
