//! Files beneath one folder, and never beside it.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open};

/// Where symbolic links may lead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Links {
    /// Nowhere: what is behind one is not there.
    Never,
    /// To what is in the folder itself.
    #[default]
    Inside,
    /// Anywhere.
    Anywhere,
}

pub(crate) struct Folder {
    root: OwnedFd,
    /// Without links.
    path: PathBuf,
    links: Links,
}

impl Folder {
    pub(crate) fn open(path: &Path, links: Links) -> io::Result<Self> {
        let path = path.canonicalize()?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = open(&path, flags, Mode::empty())?;
        Ok(Self { root, path, links })
    }

    /// Opens a file or a folder. What is neither is not there.
    pub(crate) fn get(&self, path: &Path) -> io::Result<(File, Metadata)> {
        let file = File::from(self.descend(path)?);
        let found = file.metadata()?;
        if found.is_file() || found.is_dir() {
            Ok((file, found))
        } else {
            Err(ErrorKind::NotFound.into())
        }
    }

    /// The names in a folder with what each is; links are looked through as far as they may lead.
    pub(crate) fn list(&self, path: &Path) -> io::Result<Vec<(String, Metadata)>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(self.path.join(path))? {
            let entry = entry?;
            // What cannot be asked for by name is not listed.
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

    /// Whatever it is, opening it does not wait.
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
            // An absolute link may still lead inside; a kernel or a sandbox may not know the call.
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

    /// Finds out where the path leads, and opens that if it may lead there.
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
        // A last component that has become a link since then is not followed.
        Ok(open(
            &real,
            Self::flags() | OFlags::NOFOLLOW,
            Mode::empty(),
        )?)
    }
}
