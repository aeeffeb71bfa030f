//! The arrows between the files of a crate.
//!
//! A path leads to the file that defines what it names: imports are followed to their end. A re-export alone is no arrow, so that
//! a `mod.rs` may gather what its folder offers; it becomes one where that file also uses the name.

use std::collections::{BTreeMap, BTreeSet};

use super::circles::Arrows;
use super::paths;
use super::rooms::Room;
use proc_macro2::{TokenStream, TokenTree};

type Module = Vec<String>;

/// The modules of a crate, including those inside files.
struct Modules<'a> {
    /// The file of each.
    files: BTreeMap<Module, &'a str>,
    imports: BTreeMap<Module, Vec<paths::Import>>,
    /// The items that each defines.
    items: BTreeMap<Module, BTreeSet<String>>,
}

/// Every circle of files in a crate.
pub(crate) fn circles(rooms: &[Room]) -> Vec<String> {
    let modules = Modules::new(rooms);
    let mut arrows = Arrows::default();
    for room in rooms {
        modules.draw(room, &mut arrows);
    }
    arrows.circles()
}

/// `lib.rs` and `main.rs` are the root.
fn root(room: &Room) -> Module {
    match room.module.as_slice() {
        [only] if only == "lib" || only == "main" => Vec::new(),
        module => module.to_vec(),
    }
}

impl<'a> Modules<'a> {
    fn new(rooms: &'a [Room]) -> Self {
        let mut modules = Self {
            files: BTreeMap::new(),
            imports: BTreeMap::new(),
            items: BTreeMap::new(),
        };
        for room in rooms {
            modules.add(&room.file, root(room), &room.tokens);
        }
        modules
    }

    fn add(&mut self, file: &'a str, module: Module, tokens: &TokenStream) {
        self.files.entry(module.clone()).or_insert(file);
        let imports = self.imports.entry(module.clone()).or_default();
        imports.extend(paths::imports(tokens));
        let items = self.items.entry(module.clone()).or_default();
        items.extend(defined(tokens));
        for (name, body) in paths::inline_modules(tokens) {
            self.add(file, [module.as_slice(), &[name]].concat(), &body);
        }
    }

    fn draw(&self, room: &Room, arrows: &mut Arrows) {
        let module = root(room);
        for path in paths::named(&room.tokens, &module) {
            if path.is_reexport {
                continue;
            }
            self.arrow(room, &path.module, &path.segments, path.line, arrows);
        }
        for import in self.imports.get(&module).into_iter().flatten() {
            let line = import
                .is_reexport
                .then(|| paths::first_use(&room.tokens, &import.name))
                .flatten();
            if let Some(line) = line {
                self.arrow(room, &module, &import.segments, line, arrows);
            }
        }
    }

    fn arrow(
        &self,
        room: &Room,
        module: &[String],
        segments: &[String],
        line: usize,
        arrows: &mut Arrows,
    ) {
        if let Some(to) = self.file_of(module, segments, 0)
            && to != room.file
        {
            arrows.draw(&room.file, to, || format!("{}:{line}", room.file));
        }
    }

    /// The file that defines what `segments` name in `module`; nothing if that is a module, or in another crate.
    fn file_of(&self, module: &[String], segments: &[String], depth: usize) -> Option<&'a str> {
        let (module, name) = self.resolve(module, segments, depth)?;
        name?;
        self.files.get(&module).copied()
    }

    /// The module that defines what `segments` name in `module`, and its name there unless it is a module.
    fn resolve(
        &self,
        module: &[String],
        segments: &[String],
        depth: usize,
    ) -> Option<(Module, Option<String>)> {
        const DEEP: usize = 20;
        if depth > DEEP {
            return None;
        }
        let (mut current, mut rest) = self.start(module, segments)?;
        while let Some((name, further)) = rest.split_first() {
            let inner = [current.as_slice(), std::slice::from_ref(name)].concat();
            if self.files.contains_key(&inner) {
                (current, rest) = (inner, further);
                continue;
            }
            if self.defines(&current, name) || name == "*" {
                return Some((current, Some(name.clone())));
            }
            let imports = self.imports.get(&current).into_iter().flatten();
            let import = imports.clone().find(|import| import.name == *name);
            if let Some(import) = import {
                let whole = [import.segments.as_slice(), further].concat();
                return self.resolve(&current, &whole, depth + 1);
            }
            // Through a glob, or unknown: then it is taken for the module's own.
            let through = imports
                .filter(|import| import.name == "*")
                .find_map(|glob| {
                    let (globbed, _) = self.resolve(&current, &glob.segments, depth + 1)?;
                    self.defines(&globbed, name).then_some(globbed)
                });
            return Some((through.unwrap_or(current), Some(name.clone())));
        }
        Some((current, None))
    }

    fn defines(&self, module: &[String], name: &str) -> bool {
        self.items
            .get(module)
            .is_some_and(|items| items.contains(name))
    }

    /// The module in which a path begins, and what is left of the path.
    fn start<'s>(
        &self,
        module: &[String],
        segments: &'s [String],
    ) -> Option<(Module, &'s [String])> {
        let mut current = module.to_vec();
        let mut rest = segments;
        match rest.first()?.as_str() {
            "crate" => {
                current.clear();
                rest = &rest[1..];
            }
            "self" | "super" => {}
            first => {
                let inner = [module, &[first.to_owned()]].concat();
                let imports = self.imports.get(module).into_iter().flatten();
                let is_known = self.files.contains_key(&inner)
                    || imports.into_iter().any(|import| {
                        import.name == first && import.segments.first().is_some_and(|s| s != first)
                    });
                return is_known.then_some((current, rest));
            }
        }
        while let Some(word) = rest.first() {
            match word.as_str() {
                "self" => {}
                "super" => drop(current.pop()),
                _ => break,
            }
            rest = &rest[1..];
        }
        Some((current, rest))
    }
}

/// The names of the items at the top of a module.
fn defined(tokens: &TokenStream) -> Vec<String> {
    const KINDS: [&str; 9] = [
        "struct", "enum", "union", "trait", "fn", "type", "const", "static", "mut",
    ];
    let mut names = paths::macros(tokens);
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    for pair in tokens.windows(2) {
        if let [TokenTree::Ident(kind), TokenTree::Ident(name)] = pair
            && KINDS.iter().any(|known| kind == known)
        {
            names.push(name.to_string());
        }
    }
    names
}
