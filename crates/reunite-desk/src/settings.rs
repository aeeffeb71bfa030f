//! What the window remembers from one day to the next.

use std::io;
use std::path::{Path, PathBuf};

use reunite_base::file::{Durability, replace};
use reunite_images::{Fit, OutputFormat, Size, Transform};
use serde::{Deserialize, Serialize};

/// Light, dark, or what the system has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As the system has it.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// What is wanted, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Of the box, in pixels.
    pub width: u32,
    /// Of the box, in pixels.
    pub height: u32,
    /// How a picture fills the box.
    pub fit: Fit,
    /// `None` keeps that of each file.
    pub format: Option<OutputFormat>,
    /// Of JPEG and WebP, 1 to 100.
    pub quality: u8,
    /// Whether to leave out the camera's metadata.
    pub strip: bool,
    /// Where the results go.
    pub out: PathBuf,
    /// Whether results replace files of their names that no run is known to have made.
    pub replace: bool,
    /// Light or dark.
    pub theme: Theme,
    /// Whether the panel with tasks and times is open.
    pub watching: bool,
}

/// A box that no picture needs to be larger than.
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
    /// Where this user's are kept, if the system says where that is.
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

    /// Those that are kept at `place`, or the usual ones, and why, if there is something that cannot be read.
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
                    "The settings in {} cannot be read ({error}); these are the usual ones.",
                    place.display()
                );
                (Self::default(), Some(why))
            }
        }
    }

    /// Keeps them: whole, or as they were.
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

    /// Somebody may have written the file by hand.
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

    /// Whether results would look alike and be in the same places.
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
