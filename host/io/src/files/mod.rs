//! A repository as it lies on disk, for `rhumb plan`.
//!
//! Invariant: nothing outside the folder is read, whatever links lead there: the folder is a capability, and links are
//! not followed at all.

use std::io::Read as _;
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use rhumb_core::manifest::File;

use crate::git::{DEPTH_LIMIT, ENTRIES_LIMIT, FILE_SIZE_LIMIT, FILES_LIMIT, Listing, Skipped, TOTAL_SIZE_LIMIT};

/// A failure to read a folder.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be read.
    #[error("failed to read `{path}`")]
    Read {
        /// From the root of the folder.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A name is not UTF-8.
    #[error("a name in `{path}` is not UTF-8")]
    Name {
        /// The folder.
        path: String,
    },
    /// A bound was exceeded; they are those of [`crate::git`].
    #[error("`{path}` exceeds the limit of {limit} {what}")]
    TooLarge {
        /// Where it happened.
        path: String,
        /// The bound.
        limit: usize,
        /// Its unit.
        what: &'static str,
    },
}

/// The files below a folder that `pick` takes by path, in lexical order. `.git` is left out.
///
/// Symbolic links are skipped and named; devices, pipes and sockets are passed over.
pub fn read_tree(dir: &Path, pick: &dyn Fn(&str) -> bool) -> Result<Listing, Error> {
    let root = Dir::open_ambient_dir(dir, ambient_authority())
        .map_err(|source| Error::Read { path: dir.display().to_string(), source })?;
    let mut walk = Walk { pick, listing: Listing::default(), n_entries: 0, n_bytes: 0 };
    walk.folder(&root, "", 0)?;
    walk.listing.files.sort_by(|a, b| a.path.cmp(&b.path));
    walk.listing.skipped.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(walk.listing)
}

struct Walk<'a> {
    pick: &'a dyn Fn(&str) -> bool,
    listing: Listing,
    n_entries: usize,
    n_bytes: usize,
}

impl Walk<'_> {
    fn folder(&mut self, dir: &Dir, path: &str, depth: usize) -> Result<(), Error> {
        let failed = |source| Error::Read { path: path.to_owned(), source };
        if depth > DEPTH_LIMIT {
            return Err(too_large(path, DEPTH_LIMIT, "folders in depth"));
        }
        for entry in dir.entries().map_err(failed)? {
            let entry = entry.map_err(failed)?;
            self.n_entries += 1;
            if self.n_entries > ENTRIES_LIMIT {
                return Err(too_large(path, ENTRIES_LIMIT, "entries in all"));
            }
            let name = entry.file_name();
            let name = name.to_str().ok_or_else(|| Error::Name { path: path.to_owned() })?;
            if name == ".git" {
                continue;
            }
            let below = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
            let failed = |source| Error::Read { path: below.clone(), source };
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                let inner = entry.open_dir().map_err(failed)?;
                self.folder(&inner, &below, depth + 1)?;
            } else if kind.is_symlink() && (self.pick)(&below) {
                self.listing.skipped.push((below, Skipped::Symlink));
            } else if kind.is_file() && (self.pick)(&below) {
                self.file(&entry, below)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, entry: &cap_std::fs::DirEntry, path: String) -> Result<(), Error> {
        if self.listing.files.len() >= FILES_LIMIT {
            return Err(too_large(&path, FILES_LIMIT, "files"));
        }
        let mut data = Vec::new();
        // One byte more than allowed tells a file that is too large from one that just fits.
        let read = entry.open().and_then(|file| file.take(FILE_SIZE_LIMIT as u64 + 1).read_to_end(&mut data));
        read.map_err(|source| Error::Read { path: path.clone(), source })?;
        if data.len() > FILE_SIZE_LIMIT {
            return Err(too_large(&path, FILE_SIZE_LIMIT, "bytes in one file"));
        }
        self.n_bytes += data.len();
        if self.n_bytes > TOTAL_SIZE_LIMIT {
            return Err(too_large(&path, TOTAL_SIZE_LIMIT, "bytes in all files"));
        }
        self.listing.files.push(File { path, data });
        Ok(())
    }
}

fn too_large(path: &str, limit: usize, what: &'static str) -> Error {
    Error::TooLarge { path: path.to_owned(), limit, what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_picked_and_follows_no_link() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("repo");
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::fs::create_dir_all(root.join(".git")).unwrap();
        std::fs::write(dir.path().join("secret.yaml"), "secret").unwrap();
        for (path, text) in [("z.yaml", "z"), ("a/b/c.yaml", "c"), ("a/x.txt", "x"), (".git/y.yaml", "y")] {
            std::fs::write(root.join(path), text).unwrap();
        }
        std::os::unix::fs::symlink("../secret.yaml", root.join("link.yaml")).unwrap();
        std::os::unix::fs::symlink("..", root.join("up")).unwrap();
        let listing = read_tree(&root, &|path| path.ends_with(".yaml")).unwrap();
        let paths: Vec<&str> = listing.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["a/b/c.yaml", "z.yaml"]);
        assert_eq!(listing.skipped, [("link.yaml".to_owned(), Skipped::Symlink)]);
    }

    #[test]
    fn names_what_is_missing_or_too_deep_or_too_large() {
        let dir = tempfile::tempdir().unwrap();
        let error = read_tree(&dir.path().join("gone"), &|_| true).unwrap_err();
        assert!(error.to_string().starts_with("failed to read `"));
        let mut deep = dir.path().to_owned();
        for _ in 0..=DEPTH_LIMIT {
            deep.push("d");
        }
        std::fs::create_dir_all(&deep).unwrap();
        assert!(matches!(read_tree(dir.path(), &|_| true), Err(Error::TooLarge { .. })));
        let dir = tempfile::tempdir().unwrap();
        std::fs::File::create(dir.path().join("big")).unwrap().set_len(FILE_SIZE_LIMIT as u64 + 1).unwrap();
        assert!(matches!(read_tree(dir.path(), &|_| true), Err(Error::TooLarge { .. })));
        assert_eq!(read_tree(dir.path(), &|_| false).unwrap(), Listing::default());
    }
}
