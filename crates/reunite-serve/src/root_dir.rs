//! The served folder, and opening files beneath it and never outside.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open};

/// The targets that symbolic links may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Links {
    /// Nowhere: links are treated as missing files.
    Never,
    /// To files inside the folder.
    #[default]
    Inside,
    /// To any file.
    Anywhere,
}

pub(crate) struct RootDir {
    root: OwnedFd,
    /// The canonical path, without links.
    path: PathBuf,
    links: Links,
}

impl RootDir {
    pub(crate) fn open(path: &Path, links: Links) -> io::Result<Self> {
        let path = path.canonicalize()?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = open(&path, flags, Mode::empty())?;
        Ok(Self { root, path, links })
    }

    /// Opens a file or a folder. Anything else, such as a pipe, is treated as missing.
    pub(crate) fn get(&self, path: &Path) -> io::Result<(File, Metadata)> {
        let file = File::from(self.descend(path)?);
        let found = file.metadata()?;
        if found.is_file() || found.is_dir() {
            Ok((file, found))
        } else {
            Err(ErrorKind::NotFound.into())
        }
    }

    /// Returns the names in a folder with their metadata; that of a link's target, if the link may be followed.
    pub(crate) fn list(&self, path: &Path) -> io::Result<Vec<(String, Metadata)>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(self.path.join(path))? {
            let entry = entry?;
            // Names that no request can spell are not listed.
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let kind = entry.file_type()?;
            let there = if kind.is_symlink() {
                self.get(&path.join(&name)).map(|(_, there)| there)
            } else {
                entry.metadata()
            };
            if let Ok(there) = there
                && (there.is_file() || there.is_dir())
                && !name.contains('\\')
                && !name.chars().any(char::is_control)
            {
                found.push((name, there));
            }
        }
        Ok(found)
    }

    /// Returns the flags for opening a file; opening a pipe or a device does not block.
    fn flags() -> OFlags {
        OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY
    }

    #[cfg(target_os = "linux")]
    fn descend(&self, path: &Path) -> io::Result<OwnedFd> {
        use rustix::fs::{ResolveFlags, openat2};
        use rustix::io::Errno;
        let how = match self.links {
            Links::Never => ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS,
            Links::Inside => ResolveFlags::BENEATH,
            Links::Anywhere => return self.descend_slowly(path),
        };
        let how = how | ResolveFlags::NO_MAGICLINKS;
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        match openat2(&self.root, path, Self::flags(), Mode::empty(), how) {
            // An absolute link may still lead inside; the kernel or a sandbox may not support the call.
            Err(Errno::XDEV | Errno::NOSYS | Errno::PERM | Errno::AGAIN) => {
                self.descend_slowly(path)
            }
            other => Ok(other?),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn descend(&self, path: &Path) -> io::Result<OwnedFd> {
        self.descend_slowly(path)
    }

    /// Resolves the path first, then opens the result if it is in a permitted place.
    fn descend_slowly(&self, path: &Path) -> io::Result<OwnedFd> {
        let full = self.path.join(path);
        let real = full.canonicalize()?;
        let may = match self.links {
            Links::Never => real == full,
            Links::Inside => real.starts_with(&self.path),
            Links::Anywhere => true,
        };
        if !may {
            return Err(ErrorKind::NotFound.into());
        }
        // If the last component has become a link since it was resolved, it is not followed.
        Ok(open(
            &real,
            Self::flags() | OFlags::NOFOLLOW,
            Mode::empty(),
        )?)
    }
}
