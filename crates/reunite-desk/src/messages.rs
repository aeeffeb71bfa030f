//! Messages, numbers and reasons for the user.

use std::io;
use std::path::Path;
use std::time::Duration;

use reunite_base::units::bytes;
use reunite_images::batch::FileError;

/// Describes why a picture has no result and what to do about it in the window.
pub(crate) fn reason(error: &FileError) -> String {
    match error {
        FileError::Read(error) => format!("The file cannot be read: {}.", system(error)),
        FileError::Image(error) if error.is_too_large() => {
            "The picture has more pixels than is safe to open. If you trust the file, resize it with \
             `reunite images --max-pixels`."
                .to_owned()
        }
        FileError::Image(error) if error.is_corrupt() => {
            format!("The picture is {error}. Get a new copy of it.")
        }
        FileError::Image(error) if error.is_unsupported() => format!("This is {error}."),
        FileError::Image(error) => format!("The result was not made: {error}."),
        FileError::Memory { needed, .. } => format!(
            "The picture needs {} of memory, more than is free. Close other programs and try again.",
            bytes(*needed)
        ),
        FileError::Write(path, error) => format!(
            "The result {} cannot be written: {}. Choose another output folder, or free some space.",
            path.display(),
            system(error)
        ),
        FileError::TimedOut => "The picture took too long.".to_owned(),
        FileError::Skipped | FileError::Task(_) => format!("The result was not made: {error}."),
    }
}

/// Describes a system error without its number.
pub(crate) fn system(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it does not exist any more".to_owned(),
        io::ErrorKind::PermissionDenied => "you have no permission".to_owned(),
        io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "the disk is read-only".to_owned(),
        _ => {
            let text = error.to_string();
            match text.find(" (os error") {
                Some(end) => text[..end].to_lowercase(),
                None => text,
            }
        }
    }
}

/// Formats a duration, such as `2 min 05 s`, rounded up to seconds.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64().ceil() as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Returns the file name of a path, or the whole path if it has none.
pub(crate) fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        assert_eq!(duration(Duration::from_millis(200)), "1 s");
        assert_eq!(duration(Duration::from_secs(61)), "1 min 01 s");
        assert_eq!(duration(Duration::from_secs(7_260)), "2 h 01 min");
    }

    #[test]
    fn reasons_show_no_error_numbers_and_no_options_of_the_command_line() {
        let missing = io::Error::from_raw_os_error(2);
        let text = reason(&FileError::Read(missing));
        assert_eq!(text, "The file cannot be read: it does not exist any more.");
        let text = reason(&FileError::Memory {
            needed: 5 << 30,
            allowed: 1,
        });
        assert!(text.contains("5 GiB") && !text.contains("--"), "{text}");
    }
}
