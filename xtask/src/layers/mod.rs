//! Inside `crates/reunite/src` the arrows point only downward, and one file alone names the system.

mod arrows;
mod paths;

use std::collections::BTreeMap;
use std::path::Path;

use proc_macro2::TokenStream;

use crate::shell;
use crate::source;
use paths::Named;

pub(crate) use paths::named;

/// The house from the roof to the ground. A room may use the rooms on the lines below it, and those on
/// its own line as long as no circle comes of it.
const LAYERS: &[&[&str]] = &[
    &["map", "par", "race", "dump"],
    &["scope"],
    &["pool"],
    &["thread"],
    &["task"],
    &["channel", "sync"],
    &["wait", "cut_short"],
    &["current"],
    &["cancel", "deadlock", "profile"],
    &[
        "park", "spin", "error", "observe", "deadline", "id", "context",
    ],
    &["primitive", "contain", "unwind"],
];

/// The only file that names threads, locks, atomics and the clock, so that model checkers can stand in.
const GROUND: &str = "primitive";

/// They gather what the rooms offer, so they see all of them.
const EXEMPT: &[&str] = &["lib", "prelude"];

/// One file: where it is, where that puts it in the module tree, and its code without tests.
struct Room {
    file: String,
    module: Vec<String>,
    tokens: TokenStream,
}

pub(crate) fn run() -> Result<(), String> {
    let rooms = read(&shell::workspace_root().join("crates/reunite/src"))?;
    let faults = faults(&rooms, LAYERS);
    if faults.is_empty() {
        println!(
            "layers: every arrow of {} files points downward",
            rooms.len()
        );
        Ok(())
    } else {
        Err(format!("layers:\n{}", faults.join("\n")))
    }
}

fn read(src: &Path) -> Result<Vec<Room>, String> {
    let mut files = Vec::new();
    for file in source::rust_files(src)? {
        let name = file
            .strip_prefix(src)
            .unwrap_or(&file)
            .to_string_lossy()
            .replace('\\', "/");
        files.push((name, source::read_tokens(&file)?));
    }
    Ok(rooms(files))
}

fn rooms(files: Vec<(String, TokenStream)>) -> Vec<Room> {
    let mut only_tests: Vec<Vec<String>> = Vec::new();
    let mut rooms: Vec<Room> = files
        .into_iter()
        .map(|(file, tokens)| {
            let module = module_of(&file);
            let mut names = Vec::new();
            let tokens = source::without_tests(tokens, &mut names);
            let parent = if is_exempt(&module) {
                &[]
            } else {
                module.as_slice()
            };
            only_tests.extend(names.into_iter().map(|name| [parent, &[name]].concat()));
            Room {
                file,
                module,
                tokens,
            }
        })
        .collect();
    rooms.retain(|room| {
        !only_tests
            .iter()
            .any(|tests| room.module.starts_with(tests))
    });
    rooms
}

/// `task/packet.rs` is `task::packet`, `task/mod.rs` and `task.rs` are `task`.
fn module_of(file: &str) -> Vec<String> {
    let name = file.strip_suffix(".rs").unwrap_or(file);
    let name = name.strip_suffix("/mod").unwrap_or(name);
    name.split('/').map(str::to_owned).collect()
}

fn is_exempt(module: &[String]) -> bool {
    matches!(module, [only] if EXEMPT.contains(&only.as_str()))
}

fn faults(rooms: &[Room], layers: &[&[&str]]) -> Vec<String> {
    let homes = homes(rooms);
    let mut faults = Vec::new();
    let mut house = arrows::House::new(layers);
    for room in rooms.iter().filter(|room| !is_exempt(&room.module)) {
        if !house.knows(&room.module[0]) {
            faults.push(format!(
                "  {}: `{}` is in no layer: add it to the table in xtask/src/layers/mod.rs",
                room.file, room.module[0]
            ));
            continue;
        }
        for path in paths::named(&room.tokens, &room.module) {
            if room.module[0] != GROUND && names_the_system(&path) {
                faults.push(format!(
                    "  {}:{}: `{}` is for primitive.rs to name",
                    room.file,
                    path.line,
                    path.segments.join("::")
                ));
            }
            if let Some(fault) = house.enter(room, &path, &homes) {
                faults.push(fault);
            }
        }
    }
    faults.extend(house.circles());
    faults
}

/// The room behind each name that can follow `crate::`: rooms themselves, what lib.rs re-exports, macros.
fn homes(rooms: &[Room]) -> BTreeMap<String, String> {
    let mut homes = BTreeMap::new();
    for room in rooms {
        if room.module == ["lib"] {
            homes.extend(paths::reexports(&room.tokens));
        } else {
            homes.insert(room.module[0].clone(), room.module[0].clone());
            let names = paths::macros(&room.tokens);
            homes.extend(names.into_iter().map(|name| (name, room.module[0].clone())));
        }
    }
    homes
}

fn names_the_system(path: &Named) -> bool {
    let segments: Vec<&str> = path.segments.iter().map(String::as_str).collect();
    matches!(
        segments.as_slice(),
        [
            "std" | "core" | "alloc",
            "thread" | "sync" | "thread_local",
            ..
        ] | [.., "Instant" | "SystemTime", "now"]
    )
}

#[cfg(test)]
mod tests;
