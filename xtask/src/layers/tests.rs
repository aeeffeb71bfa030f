use super::rooms::{module_of, rooms};
use super::{downward, files};

const TABLE: &[&[&str]] = &[&["roof"], &["left", "right"], &["primitive"]];

/// The faults of a house of these files.
fn check(files: &[(&str, &str)]) -> Vec<String> {
    let files = files
        .iter()
        .map(|(name, text)| ((*name).to_owned(), text.parse().unwrap()))
        .collect();
    downward(&rooms(files), TABLE)
}

#[track_caller]
fn assert_one(files: &[(&str, &str)], words: &[&str]) {
    let faults = check(files);
    assert_eq!(faults.len(), 1, "{faults:?}");
    for word in words {
        assert!(
            faults[0].contains(word),
            "`{word}` is not in {:?}",
            faults[0]
        );
    }
}

#[track_caller]
fn assert_clean(files: &[(&str, &str)]) {
    assert_eq!(check(files), Vec::<String>::new());
}

#[test]
fn files_are_modules() {
    assert_eq!(module_of("task/packet.rs"), ["task", "packet"]);
    assert_eq!(module_of("task/mod.rs"), ["task"]);
    assert_eq!(module_of("task.rs"), ["task"]);
}

#[test]
fn downward_is_fine() {
    assert_clean(&[
        (
            "roof/mod.rs",
            "mod tiles; use crate::{left::Gate, primitive::now};",
        ),
        (
            "roof/tiles.rs",
            "use super::Roof; use super::super::right; use crate::roof::Other;",
        ),
        (
            "primitive.rs",
            "use std::thread; fn now() { std::time::Instant::now(); }",
        ),
    ]);
}

#[test]
fn upward_use_is_refused_with_its_line() {
    assert_one(
        &[("left.rs", "\nuse crate::roof::Tile;")],
        &["left.rs:2", "left -> roof"],
    );
}

#[test]
fn upward_use_hides_nowhere() {
    for source in [
        "use crate::{primitive::{self, now}, roof as r};",
        "use super::roof;",
        "fn f() -> crate::roof::Tile { todo!() }",
        "fn f() { let x = Vec::<crate::roof::Tile>::new(); }",
        "macro_rules! m { () => { $crate::roof::tile() } }",
        "mod inner { use super::super::roof::Tile; }",
        "fn f() { println!(\"{}\", crate::roof::NAME); }",
        "impl crate::roof::Trait for T {}",
    ] {
        assert_one(&[("left.rs", source)], &["left -> roof"]);
    }
    assert_one(
        &[("left/deep.rs", "use super::super::roof::Tile;")],
        &["left -> roof"],
    );
}

#[test]
fn comments_strings_tests_and_visibility_are_no_arrows() {
    assert_clean(&[
        (
            "left/mod.rs",
            "/// See [`crate::roof::Tile`].
             // use crate::roof::Tile;
             pub(in crate::left) const NAME: &str = \"crate::roof\";
             pub(crate) struct A(pub(super) u8);
             #[cfg(test)] mod tests { use crate::roof::Tile; use std::thread; }
             #[cfg(test)] mod more_tests;",
        ),
        (
            "left/more_tests.rs",
            "use crate::roof::Tile; use std::sync::Arc;",
        ),
    ]);
}

#[test]
fn a_name_from_the_root_counts_as_its_room() {
    let lib = (
        "lib.rs",
        "mod roof; mod left; pub use roof::{Tile, slope::{Angle as A, *}};",
    );
    assert_one(&[lib, ("left.rs", "use crate::Tile;")], &["left -> roof"]);
    let gathered = ("lib.rs", "pub mod tools { pub use crate::roof::Tile; }");
    assert_one(
        &[gathered, ("left.rs", "use crate::tools::Tile;")],
        &["left -> roof"],
    );
    assert_one(&[lib, ("left.rs", "use crate::Unheard;")], &["in no layer"]);
    assert_one(
        &[
            ("roof.rs", "macro_rules! lay { () => {} }"),
            ("left.rs", "crate::lay!();"),
        ],
        &["left -> roof"],
    );
}

#[test]
fn the_whole_crate_is_not_a_room() {
    assert_one(&[("left.rs", "use crate::*;")], &["whole crate"]);
    assert_one(&[("left.rs", "use super::*;")], &["whole crate"]);
    assert_clean(&[("left.rs", "mod inner { use super::*; }")]);
}

#[test]
fn neighbours_may_use_each_other_in_one_direction() {
    assert_clean(&[("left.rs", "use crate::right::A;"), ("right.rs", "")]);
    assert_one(
        &[
            ("left.rs", "use crate::right::A;"),
            ("right/b.rs", "use crate::left::B;"),
        ],
        &[
            "circle",
            "left -> right (left.rs:1)",
            "right -> left (right/b.rs:1)",
        ],
    );
}

#[test]
fn only_the_ground_names_the_system() {
    for source in [
        "use std::sync::Arc;",
        "use std::{fmt, sync::atomic::{AtomicU8 as Byte}, rc};",
        "fn f() { ::std::thread::yield_now(); }",
        "use core::sync::atomic::AtomicU8;",
        "fn f() { Instant::now(); }",
        "fn f() { std::time::Instant::now(); }",
        "std::thread_local! {}",
    ] {
        assert_one(&[("left.rs", source)], &["primitive.rs"]);
    }
    assert_clean(&[(
        "left.rs",
        "use std::time::{Duration, Instant}; use std::fmt;",
    )]);
}

#[test]
fn unknown_rooms_must_be_added_and_the_gatherers_are_exempt() {
    assert_one(
        &[("attic/mod.rs", "use crate::roof;")],
        &["`attic`", "add it to the table"],
    );
    assert_clean(&[
        ("lib.rs", "pub use roof::Tile; pub use crate::left::Gate;"),
        ("prelude.rs", "pub use crate::roof::Tile;"),
    ]);
}

/// The circles of files of a crate.
fn circles(files: &[(&str, &str)]) -> Vec<String> {
    let files = files
        .iter()
        .map(|(name, text)| ((*name).to_owned(), text.parse().unwrap()))
        .collect();
    files::circles(&rooms(files))
}

#[track_caller]
fn assert_circle(files: &[(&str, &str)], arrows: &[&str]) {
    let found = circles(files);
    assert_eq!(found.len(), 1, "{found:?}");
    for arrow in arrows {
        assert!(found[0].contains(arrow), "`{arrow}` is not in {found:?}");
    }
}

#[track_caller]
fn assert_no_circle(files: &[(&str, &str)]) {
    assert_eq!(circles(files), Vec::<String>::new());
}

#[test]
fn files_that_use_each_other_are_a_circle() {
    let arrows = ["a/x.rs -> a/y.rs (a/x.rs:1)", "a/y.rs -> a/x.rs (a/y.rs:2)"];
    assert_circle(
        &[
            ("a/mod.rs", "mod x; mod y;"),
            ("a/x.rs", "use super::y::Y; struct X;"),
            ("a/y.rs", "struct Y;\nfn f(_: super::x::X) {}"),
        ],
        &arrows,
    );
    // By way of what the folder gathers, an import of a module, another folder, a glob.
    for y in [
        "struct Y;\nuse super::X;",
        "struct Y;\nuse crate::a::X as Other;",
        "use super::x; struct Y;\nfn f() { x::X::new(); }",
        "struct Y;\nuse super::*; use super::X;",
    ] {
        assert_circle(
            &[
                ("a/mod.rs", "mod x; mod y; pub(crate) use x::X;"),
                ("a/x.rs", "use super::y::Y; struct X;"),
                ("a/y.rs", y),
            ],
            &["a/x.rs -> a/y.rs", "a/y.rs -> a/x.rs (a/y.rs:2)"],
        );
    }
}

#[test]
fn circles_of_any_length_and_in_any_crate_are_found() {
    assert_circle(
        &[
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use crate::b::B; struct A;"),
            ("b.rs", "struct B(crate::c::C);"),
            ("c.rs", "struct C; impl C { fn f() { super::a::A; } }"),
        ],
        &["a.rs -> b.rs", "b.rs -> c.rs", "c.rs -> a.rs"],
    );
    assert_circle(
        &[
            ("main.rs", "mod a; struct Plan; fn main() { a::run(); }"),
            ("a.rs", "use crate::Plan; pub fn run() {}"),
        ],
        &["main.rs -> a.rs", "a.rs -> main.rs"],
    );
}

#[test]
fn every_crate_is_searched_inside_its_folders() {
    let package = |name: &str| {
        let files = [
            ("lib.rs", "mod a;"),
            ("a/mod.rs", "mod b;"),
            ("a/b/mod.rs", "mod x; mod y;"),
            ("a/b/x.rs", "use super::y::Y; struct X;"),
            ("a/b/y.rs", "use super::x::X; struct Y;"),
        ];
        let files = files
            .iter()
            .map(|(file, text)| ((*file).to_owned(), text.parse().unwrap()));
        (name.to_owned(), rooms(files.collect()))
    };
    let found = super::faults(&[package("reunite-images"), package("xtask")]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("reunite-images: circle: a/b/x.rs -> a/b/y.rs"));
    assert!(found[1].contains("xtask: circle: a/b/x.rs -> a/b/y.rs"));
}

#[test]
fn a_file_that_only_gathers_is_no_part_of_a_circle() {
    assert_no_circle(&[
        (
            "a/mod.rs",
            "mod x; mod y; pub use x::X; pub(crate) use y::{self, Y};",
        ),
        ("a/x.rs", "use super::Y; struct X;"),
        ("a/y.rs", "struct Y;"),
    ]);
    // It uses what it gathers, and the others use what it defines.
    for gatherer in [
        "mod x; pub use x::X; struct Plan; fn f(_: X) {}",
        "mod x; use x::X; struct Plan;",
        "mod x; struct Plan; fn f() { x::run(); }",
    ] {
        assert_circle(
            &[
                ("a/mod.rs", gatherer),
                ("a/x.rs", "use super::Plan; struct X; fn run() {}"),
            ],
            &["a/mod.rs -> a/x.rs", "a/x.rs -> a/mod.rs"],
        );
    }
}

#[test]
fn what_is_no_use_draws_no_arrow_between_files() {
    for y in [
        "/// See [`super::x::X`].\nstruct Y;",
        "struct Y; #[cfg(test)] mod tests { use crate::a::x::X; }",
        "struct Y; fn f() { X::new(); }",
        "use other::x::X; struct Y;",
        "use super::x; struct Y;",
    ] {
        assert_no_circle(&[
            ("a/mod.rs", "mod x; mod y;"),
            ("a/x.rs", "use super::y::Y; struct X;"),
            ("a/y.rs", y),
        ]);
    }
}
