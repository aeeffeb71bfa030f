//! Checks that no dependency needs a newer Rust than the workspace promises. A member that declares a newer Rust itself, as
//! `reunite-desk` does, may have dependencies that need that one.

use std::process::Stdio;

use serde_json::Value;

use crate::metadata::{Metadata, text};
use crate::shell;

type Version = (u32, u32, u32);

pub(crate) fn run() -> Result<(), String> {
    let metadata = Metadata::load()?;
    let promised = metadata
        .package("reunite")
        .map(|package| text(&package["rust_version"]).to_owned())
        .ok_or("the workspace has no package `reunite`")?;
    let newer = newer_than(&promised, &metadata)?;
    if !newer.is_empty() {
        return Err(format!(
            "these ask for a newer Rust than {promised}:\n{}",
            newer.join("\n")
        ));
    }
    let needed = metadata.needed_to_build(|member| !has_its_own(member, &promised));
    let silent = needed
        .iter()
        .filter(|package| package["rust_version"].is_null())
        .count();
    println!(
        "msrv: {} packages declare Rust {promised} or older, {silent} declare nothing",
        needed.len() - silent
    );
    compile_with(&promised, &metadata)
}

fn compile_with(promised: &str, metadata: &Metadata) -> Result<(), String> {
    let Some(toolchain) = installed_toolchain(promised) else {
        println!("msrv: compared declarations only, as Rust {promised} is not installed");
        return Ok(());
    };
    let target = format!("{}/msrv", metadata.target_directory());
    shell::run(
        shell::tool("rustup")
            .args(["run", &toolchain, "cargo", "check", "--target-dir", &target])
            .env_remove("CARGO"),
    )?;
    println!("msrv: compared declarations and compiled with Rust {toolchain}");
    Ok(())
}

/// `1.88` may be installed under that name or as `1.88.0`.
fn installed_toolchain(promised: &str) -> Option<String> {
    [promised.to_owned(), format!("{promised}.0")]
        .into_iter()
        .find(|name| {
            shell::tool("rustup")
                .args(["run", name, "rustc", "--version"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        })
}

/// Returns whether this member declares a newer Rust than the workspace promises.
fn has_its_own(member: &Value, promised: &str) -> bool {
    let own = member["rust_version"].as_str().map(parse);
    matches!((own, parse(promised)), (Some(Ok(own)), Ok(promised)) if own > promised)
}

fn newer_than(promised: &str, metadata: &Metadata) -> Result<Vec<String>, String> {
    let mut newer = newer_among(
        promised,
        metadata.needed_to_build(|member| !has_its_own(member, promised)),
    )?;
    for member in metadata.member_packages() {
        if has_its_own(member, promised) {
            let id = &member["id"];
            let needed = metadata.needed_to_build(|other| other["id"] == *id);
            newer.extend(newer_among(text(&member["rust_version"]), needed)?);
        }
    }
    Ok(newer)
}

fn newer_among(promised: &str, needed: Vec<&Value>) -> Result<Vec<String>, String> {
    let limit = parse(promised)?;
    let mut newer = Vec::new();
    for package in needed {
        if let Value::String(asked) = &package["rust_version"]
            && parse(asked)? > limit
        {
            let (name, version) = (text(&package["name"]), text(&package["version"]));
            newer.push(format!("  {name} {version} needs Rust {asked}"));
        }
    }
    Ok(newer)
}

fn parse(version: &str) -> Result<Version, String> {
    let mut numbers = version.split('.').map(str::parse::<u32>);
    let mut next = || numbers.next().unwrap_or(Ok(0));
    match (next(), next(), next()) {
        (Ok(major), Ok(minor), Ok(patch)) => Ok((major, minor, patch)),
        _ => Err(format!("`{version}` is no Rust version")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{newer_than, parse};
    use crate::metadata::Metadata;

    #[test]
    fn versions_compare_by_number() {
        assert!(parse("1.9").unwrap() < parse("1.88").unwrap());
        assert_eq!(parse("1.88").unwrap(), parse("1.88.0").unwrap());
        assert!(parse("new").is_err());
    }

    #[test]
    fn a_newer_dependency_of_a_dependency_is_found_and_a_dev_dependency_is_not() {
        let node = |id: &str, pkg: &str, kind: serde_json::Value| json!({"id": id, "deps": [{"pkg": pkg, "dep_kinds": [{"kind": kind}]}]});
        let package = |id: &str, rust: serde_json::Value| json!({"id": id, "name": id, "version": "1.0.0", "rust_version": rust});
        let metadata = Metadata::from_value(json!({
            "workspace_members": ["ours"],
            "packages": [
                package("ours", json!("1.88")),
                package("near", json!(null)),
                package("far", json!("1.90")),
                package("tester", json!("1.95")),
            ],
            "resolve": {"nodes": [
                node("ours", "near", json!(null)),
                node("near", "far", json!("build")),
                node("ours-tests", "tester", json!("dev")),
            ]},
        }));
        assert_eq!(
            newer_than("1.88", &metadata).unwrap(),
            ["  far 1.0.0 needs Rust 1.90"]
        );
        assert!(newer_than("1.90", &metadata).unwrap().is_empty());
    }

    #[test]
    fn a_member_that_asks_for_a_newer_rust_is_held_to_that() {
        let package = |id: &str, rust: &str| json!({"id": id, "name": id, "version": "1.0.0", "rust_version": rust});
        let metadata = |window: &str| {
            Metadata::from_value(json!({
                "workspace_members": ["ours", "window"],
                "packages": [package("ours", "1.88"), package("window", window), package("gui", "1.95")],
                "resolve": {"nodes": [
                    {"id": "ours", "deps": []},
                    {"id": "window", "deps": [{"pkg": "gui", "dep_kinds": [{"kind": null}]}]},
                ]},
            }))
        };
        assert!(newer_than("1.88", &metadata("1.95")).unwrap().is_empty());
        assert_eq!(
            newer_than("1.88", &metadata("1.92")).unwrap(),
            ["  gui 1.0.0 needs Rust 1.95"]
        );
    }
}
