//! How a gallery shows a file, by the name of the file.

use std::path::Path;

use reunite_images::InputFormat;

/// How a file is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Small as a thumbnail, large as it is.
    Picture,
    /// A thumbnail large and small: browsers do not know the format.
    Converted,
    /// As it is: only browsers know the format.
    Itself,
    /// Not a picture.
    Not,
}

pub(crate) fn shown(path: &Path) -> Shown {
    match InputFormat::from_path(path) {
        Some(InputFormat::Tiff) => Shown::Converted,
        Some(_) => Shown::Picture,
        None => match path.extension().and_then(|name| name.to_str()) {
            Some(name)
                if ["svg", "avif"]
                    .iter()
                    .any(|it| name.eq_ignore_ascii_case(it)) =>
            {
                Shown::Itself
            }
            _ => Shown::Not,
        },
    }
}
