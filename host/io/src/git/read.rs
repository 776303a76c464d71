//! Files of one commit.

use std::collections::BTreeMap;
use std::path::Path;

use git2::{ObjectType, Repository, Tree};
use rhumb_core::id::Revision;
use rhumb_core::manifest::File;

use super::error::{Error, failed};
use super::{DEPTH_LIMIT, ENTRIES_LIMIT, FILE_SIZE_LIMIT, FILES_LIMIT, Mirror, TOTAL_SIZE_LIMIT};

/// An entry that is never read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// A symbolic link.
    Symlink,
    /// A submodule.
    Submodule,
}

/// What [`Mirror::list`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// In lexical order of their paths.
    pub files: Vec<File>,
    /// What was left out and why, in lexical order of the paths.
    pub skipped: Vec<(String, Skipped)>,
}

impl Mirror {
    /// The files under these folders (or these files; none means all) that `pick` takes by path.
    ///
    /// A path that doesn't exist is an error. Symlinks and submodules are skipped and named in a warning.
    pub fn files(&self, at: &Revision, under: &[String], pick: &dyn Fn(&str) -> bool) -> Result<Vec<File>, Error> {
        let listing = self.list(at, under, pick)?;
        for (path, kind) in &listing.skipped {
            tracing::warn!(path, ?kind, revision = at.as_str(), "skipped an entry of the repository");
        }
        Ok(listing.files)
    }

    /// The same with what was skipped as a value.
    pub fn list(&self, at: &Revision, under: &[String], pick: &dyn Fn(&str) -> bool) -> Result<Listing, Error> {
        let repository = self.repository()?;
        let root = self.commit(&repository, at)?.tree().map_err(failed("read the tree of", at.as_str()))?;
        let mut reader = Reader {
            repository: &repository,
            pick,
            files: BTreeMap::new(),
            skipped: BTreeMap::new(),
            n_entries: 0,
            n_bytes: 0,
        };
        if under.is_empty() {
            reader.folder(&root, "", 0)?;
        }
        for path in under {
            let path = path.trim_start_matches("./").trim_matches('/');
            if path.is_empty() || path == "." {
                reader.folder(&root, "", 0)?;
                continue;
            }
            let entry = root
                .get_path(Path::new(path))
                .map_err(|_| Error::NoPath { path: path.to_owned(), revision: at.as_str().to_owned() })?;
            reader.entry(&entry, path, path.matches('/').count())?;
        }
        Ok(Listing {
            files: reader.files.into_iter().map(|(path, data)| File { path, data }).collect(),
            skipped: reader.skipped.into_iter().collect(),
        })
    }
}

struct Reader<'a> {
    repository: &'a Repository,
    pick: &'a dyn Fn(&str) -> bool,
    // Maps, so that overlapping folders give each file once.
    files: BTreeMap<String, Vec<u8>>,
    skipped: BTreeMap<String, Skipped>,
    n_entries: usize,
    n_bytes: usize,
}

impl Reader<'_> {
    fn folder(&mut self, tree: &Tree<'_>, path: &str, depth: usize) -> Result<(), Error> {
        if depth > DEPTH_LIMIT {
            return Err(too_large(path, DEPTH_LIMIT, "folders in depth"));
        }
        for entry in tree {
            self.n_entries += 1;
            if self.n_entries > ENTRIES_LIMIT {
                return Err(too_large(path, ENTRIES_LIMIT, "entries in all"));
            }
            let name = entry.name().map_err(failed("read a name in UTF-8 in", path))?;
            let below = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
            self.entry(&entry, &below, depth + 1)?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: &git2::TreeEntry<'_>, path: &str, depth: usize) -> Result<(), Error> {
        match (entry.kind(), entry.filemode()) {
            (Some(ObjectType::Tree), _) => {
                let tree = self.repository.find_tree(entry.id()).map_err(failed("read the folder", path))?;
                self.folder(&tree, path, depth)
            }
            (Some(ObjectType::Commit), _) => {
                self.skipped.insert(path.to_owned(), Skipped::Submodule);
                Ok(())
            }
            (Some(ObjectType::Blob), 0o120_000) => {
                if (self.pick)(path) {
                    self.skipped.insert(path.to_owned(), Skipped::Symlink);
                }
                Ok(())
            }
            (Some(ObjectType::Blob), _) if (self.pick)(path) && !self.files.contains_key(path) => {
                self.file(entry.id(), path)
            }
            _ => Ok(()),
        }
    }

    fn file(&mut self, id: git2::Oid, path: &str) -> Result<(), Error> {
        // The header first, so that a huge object is refused before it is read.
        let size = match self.repository.odb().and_then(|database| database.read_header(id)) {
            Ok((size, _)) => size,
            // A server that was told so has left out what is too large.
            Err(error) if error.code() == git2::ErrorCode::NotFound => FILE_SIZE_LIMIT + 1,
            Err(error) => return Err(failed("read the file", path)(error)),
        };
        if size > FILE_SIZE_LIMIT {
            return Err(too_large(path, FILE_SIZE_LIMIT, "bytes in one file"));
        }
        self.n_bytes += size;
        if self.n_bytes > TOTAL_SIZE_LIMIT {
            return Err(too_large(path, TOTAL_SIZE_LIMIT, "bytes in all files"));
        }
        if self.files.len() >= FILES_LIMIT {
            return Err(too_large(path, FILES_LIMIT, "files"));
        }
        let blob = self.repository.find_blob(id).map_err(failed("read the file", path))?;
        self.files.insert(path.to_owned(), blob.content().to_vec());
        Ok(())
    }
}

fn too_large(path: &str, limit: usize, what: &'static str) -> Error {
    Error::TooLarge { path: path.to_owned(), limit, what }
}
