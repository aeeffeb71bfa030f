//! The files of a crate, and where each lies in its module tree.

use std::path::Path;

use proc_macro2::TokenStream;

use crate::source;

/// They gather what the rooms offer, so they see all of them.
const EXEMPT: &[&str] = &["lib", "prelude"];

/// One file: where it is, where that puts it in the module tree, and its code without tests.
pub(crate) struct Room {
    pub(crate) file: String,
    pub(crate) module: Vec<String>,
    pub(crate) tokens: TokenStream,
}

pub(crate) fn read(src: &Path) -> Result<Vec<Room>, String> {
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

pub(crate) fn rooms(files: Vec<(String, TokenStream)>) -> Vec<Room> {
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
pub(crate) fn module_of(file: &str) -> Vec<String> {
    let name = file.strip_suffix(".rs").unwrap_or(file);
    let name = name.strip_suffix("/mod").unwrap_or(name);
    name.split('/').map(str::to_owned).collect()
}

pub(crate) fn is_exempt(module: &[String]) -> bool {
    matches!(module, [only] if EXEMPT.contains(&only.as_str()))
}
