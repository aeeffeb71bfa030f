//! Checks the modules: in `crates/reunite/src` a module uses only modules below it, and only one file names the system. In
//! every crate, inside folders too, no files use each other in a circle.

mod arrows;
mod circles;
mod files;
mod paths;
pub(crate) mod rooms;

use std::collections::BTreeMap;
use std::path::Path;

use crate::metadata::{self, Metadata};
use arrows::House;
use paths::Named;
use rooms::{Room, is_exempt, read};

pub(crate) use paths::named;

/// The modules of `crates/reunite/src` from top to bottom. A module may use those on the lines below it, and those on its
/// own line as long as they form no circle.
const LAYERS: &[&[&str]] = &[
    &["map", "par", "race", "dump", "interrupt"],
    &["scope"],
    &["pool"],
    &["thread"],
    &["task"],
    &["channel", "sync"],
    &["wait", "cut_short"],
    &["current"],
    &["cancel", "deadlock", "profile"],
    &[
        "park",
        "spin",
        "wait_queue",
        "error",
        "observe",
        "deadline",
        "id",
        "context",
    ],
    &[
        "primitive",
        "part",
        "contain",
        "unwind",
        "quantity",
        "escape",
    ],
];

/// The only file that names threads, locks, atomics and the clock, so that model checkers can stand in.
const GROUND: &str = "primitive";

/// The name of a crate and its files.
type Package = (String, Vec<Room>);

pub(crate) fn run() -> Result<(), String> {
    let packages = Metadata::load()?
        .member_packages()
        .map(|package| {
            let manifest = Path::new(metadata::text(&package["manifest_path"]));
            let rooms = read(&manifest.with_file_name("src"))?;
            Ok((metadata::text(&package["name"]).to_owned(), rooms))
        })
        .collect::<Result<Vec<Package>, String>>()?;
    let faults = faults(&packages);
    if faults.is_empty() {
        let count: usize = packages.iter().map(|(_, rooms)| rooms.len()).sum();
        println!(
            "layers: no circle of files ({count} read); in reunite every module uses only modules below it"
        );
        Ok(())
    } else {
        Err(format!("layers:\n{}", faults.join("\n")))
    }
}

fn faults(packages: &[Package]) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, rooms) in packages {
        if name == "reunite" {
            faults.extend(downward(rooms, LAYERS));
        }
        let circles = files::circles(rooms).into_iter();
        faults.extend(circles.map(|circle| format!("  {name}:{circle}")));
    }
    faults
}

fn downward(rooms: &[Room], layers: &[&[&str]]) -> Vec<String> {
    let homes = homes(rooms);
    let mut faults = Vec::new();
    let mut house = House::new(layers);
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
