//! The way a gallery displays a file, by the file's name.

use std::path::Path;

use reunite_images::InputFormat;

/// The way in which a file is displayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DisplayMode {
    /// A thumbnail as the tile, the file itself enlarged.
    Picture,
    /// Thumbnails in both sizes, because browsers do not support the format.
    Converted,
    /// The file itself in both sizes, because only browsers support the format.
    Itself,
    /// The file is not a picture.
    Not,
}

pub(crate) fn display_of(path: &Path) -> DisplayMode {
    match InputFormat::from_path(path) {
        Some(InputFormat::Tiff) => DisplayMode::Converted,
        Some(_) => DisplayMode::Picture,
        None => match path.extension().and_then(|name| name.to_str()) {
            Some(name)
                if ["svg", "avif"]
                    .iter()
                    .any(|it| name.eq_ignore_ascii_case(it)) =>
            {
                DisplayMode::Itself
            }
            _ => DisplayMode::Not,
        },
    }
}
