//! The settings of the window, and the file that keeps them.

use std::io;
use std::path::{Path, PathBuf};

use reunite_base::file::{Durability, replace};
use reunite_images::{Fit, OutputFormat, Size, Transform};
use serde::{Deserialize, Serialize};

/// The colour theme.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// The system's theme.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// The settings of the results, the output folder, and the window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The width of the box, in pixels.
    pub width: u32,
    /// The height of the box, in pixels.
    pub height: u32,
    /// The way to fit a picture into the box.
    pub fit: Fit,
    /// The output format; `None` keeps each file's format.
    pub format: Option<OutputFormat>,
    /// The quality of JPEG and WebP output, 1 to 100.
    pub quality: u8,
    /// True to remove EXIF metadata.
    pub strip: bool,
    /// The output folder.
    pub out: PathBuf,
    /// True if results replace files that no run is known to have made.
    pub replace: bool,
    /// The colour theme.
    pub theme: Theme,
    /// True if the panel of tasks and times is open.
    pub watching: bool,
}

/// The longest side of the box, in pixels.
pub(crate) const LARGEST: u32 = 16_383;

impl Default for Settings {
    fn default() -> Self {
        let home = std::env::home_dir().unwrap_or_default();
        let pictures = Some(home.join("Pictures")).filter(|folder| folder.is_dir());
        Self {
            width: 1024,
            height: 1024,
            fit: Fit::Fit,
            format: None,
            quality: 80,
            strip: false,
            out: pictures.unwrap_or(home).join("Smaller"),
            replace: false,
            theme: Theme::System,
            watching: false,
        }
    }
}

impl Settings {
    /// Returns the path of this user's settings file, if the system tells where settings are kept.
    pub fn place() -> Option<PathBuf> {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let home = || std::env::home_dir();
        let folder = if cfg!(windows) {
            PathBuf::from(variable("APPDATA")?)
        } else if cfg!(target_os = "macos") {
            home()?.join("Library/Application Support")
        } else {
            match variable("XDG_CONFIG_HOME") {
                Some(folder) => PathBuf::from(folder),
                None => home()?.join(".config"),
            }
        };
        Some(folder.join("reunite").join("desk.json"))
    }

    /// Loads the settings from `place`. If they cannot be read, returns the default ones and the reason.
    pub fn load(place: &Path) -> (Self, Option<String>) {
        let read = match std::fs::read(place) {
            Ok(text) => serde_json::from_slice::<Self>(&text).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Self::default().into(),
            Err(error) => Err(error),
        };
        match read {
            Ok(settings) => settings.within_bounds().into(),
            Err(error) => {
                let why = format!(
                    "The settings in {} cannot be read ({error}). The default settings are used.",
                    place.display()
                );
                (Self::default(), Some(why))
            }
        }
    }

    /// Saves the settings atomically.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, place: &Path) -> io::Result<()> {
        if let Some(folder) = place.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let text = serde_json::to_vec_pretty(self)?;
        replace(place, Durability::PowerFailure, |out| out.write_all(&text))
    }

    /// Clamps values that a hand-edited file may have set out of range.
    fn within_bounds(mut self) -> Self {
        self.width = self.width.clamp(1, LARGEST);
        self.height = self.height.clamp(1, LARGEST);
        self.quality = self.quality.clamp(1, 100);
        self
    }

    pub(crate) fn transform(&self) -> Transform {
        Transform {
            size: Size::new(self.width, self.height),
            fit: self.fit,
            format: self.format,
            quality: self.quality,
            strip: self.strip,
            ..Transform::default()
        }
    }

    /// Returns true if both settings give the same results at the same paths.
    pub(crate) fn makes_the_same(&self, other: &Self) -> bool {
        self.transform() == other.transform()
            && self.out == other.out
            && self.replace == other.replace
    }
}

impl From<Settings> for (Settings, Option<String>) {
    fn from(settings: Settings) -> Self {
        (settings, None)
    }
}
