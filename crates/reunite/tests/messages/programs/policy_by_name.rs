//! Something else where a policy is needed.
//~ `&str` is not a policy
//~ use one of those in `reunite::policy`, such as `FailFast` or `WaitAll`

fn main() {
    let scope = reunite::ScopeBuilder::new();
    #[cfg(not(mended))]
    let scope = scope.policy("fail fast");
    #[cfg(mended)]
    let scope = scope.policy(reunite::policy::FailFast);
    drop(scope);
}
