//! The content of a folder, for the file chooser.

use std::path::{Path, PathBuf};

use reunite_images::InputFormat;

use crate::messages::{name, system};

/// A folder or picture in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) path: PathBuf,
    pub(crate) name: String,
    pub(crate) is_folder: bool,
}

/// Lists a folder: folders first, then pictures, each by name; hidden ones are left out.
///
/// # Errors
/// The folder cannot be read; the message is for the user.
pub(crate) fn read(folder: &Path) -> Result<Vec<Item>, String> {
    let cannot =
        |error: std::io::Error| format!("{} cannot be read: {}.", folder.display(), system(&error));
    let mut items = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        let name = name(&path);
        let is_folder = path.is_dir();
        if !name.starts_with('.') && (is_folder || InputFormat::from_path(&path).is_some()) {
            items.push(Item {
                path,
                name,
                is_folder,
            });
        }
    }
    items.sort_by_cached_key(|item| (!item.is_folder, item.name.to_lowercase()));
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_first_and_other_files_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["b.JPG", "a.png", "notes.txt", ".hidden.png"] {
            std::fs::write(folder.path().join(file), "").unwrap();
        }
        std::fs::create_dir(folder.path().join("zoo")).unwrap();
        let names: Vec<_> = read(folder.path())
            .unwrap()
            .into_iter()
            .map(|item| item.name)
            .collect();
        assert_eq!(names, ["zoo", "a.png", "b.JPG"]);
        let error = read(&folder.path().join("gone")).unwrap_err();
        assert!(
            error.ends_with("cannot be read: it does not exist any more."),
            "{error}"
        );
    }
}
