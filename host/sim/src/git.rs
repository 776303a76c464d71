//! A git remote in a folder: a bare repository that other writers commit to and that anybody can clone by `file://`.

use std::path::{Path, PathBuf};

use git2::build::TreeUpdateBuilder;
use git2::{
    Commit, FileMode, ObjectType, Oid, Repository, RepositoryInitOptions, Signature, Time, TreeWalkMode, TreeWalkResult,
};

use crate::Clock;

/// The branch that a remote has.
pub const BRANCH: &str = "master";

/// A failure of the remote.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// libgit2 failed.
    #[error("failed to {attempt} in the git remote `{path}`")]
    Git {
        /// What was tried.
        attempt: &'static str,
        /// The folder of the bare repository.
        path: String,
        /// Why.
        #[source]
        source: git2::Error,
    },
    /// A file or folder could not be read.
    #[error("failed to read `{path}`")]
    Read {
        /// The path.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// There is no such file at the head of the branch.
    #[error("no file `{0}` at the head of the branch")]
    NoFile(String),
}

/// One file of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Path in the repository, with `/` between its parts.
    pub path: String,
    /// The content, or `None` to remove the file.
    pub data: Option<Vec<u8>>,
}

impl File {
    /// A file with this text.
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), data: Some(text.as_bytes().to_vec()) }
    }

    /// A file that is to go.
    pub fn removed(path: &str) -> Self {
        Self { path: path.to_owned(), data: None }
    }
}

/// One commit of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// 40 hexadecimal digits.
    pub revision: String,
    /// Name of the author.
    pub author: String,
    /// Mail address of the author.
    pub email: String,
    /// The whole message.
    pub message: String,
    /// Milliseconds since the epoch.
    pub time: u64,
    /// Paths that differ from the first parent.
    pub paths: Vec<String>,
}

/// A bare repository that stands for a hosted one.
#[derive(Clone, Debug)]
pub struct Remote {
    path: PathBuf,
    clock: Clock,
}

impl Remote {
    /// Makes an empty bare repository in this folder, whose head is [`BRANCH`].
    pub fn create(path: &Path, clock: Clock) -> Result<Self, Error> {
        let remote = Self { path: path.to_owned(), clock };
        let mut options = RepositoryInitOptions::new();
        options.bare(true).initial_head(BRANCH).external_template(false);
        Repository::init_opts(path, &options).map_err(remote.failed("make the repository"))?;
        Ok(remote)
    }

    /// The folder of the bare repository.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A `file://` URL to clone from and push to.
    pub fn url(&self) -> String {
        format!("file://{}", self.path.display())
    }

    /// Commits all files of a folder, with the texts of `replacements` replaced in those that are UTF-8.
    ///
    /// Returns the revision. Executable files stay executable; symbolic links are left out.
    pub fn seed(&self, folder: &Path, replacements: &[(&str, &str)]) -> Result<String, Error> {
        let mut files = Vec::new();
        read_folder(folder, folder, &mut files)?;
        for file in &mut files {
            let text =
                file.data.take().map(|data| String::from_utf8(data).map_err(std::string::FromUtf8Error::into_bytes));
            file.data = text.map(|text| match text {
                Ok(text) => replacements.iter().fold(text, |text, (from, to)| text.replace(from, to)).into_bytes(),
                Err(bytes) => bytes,
            });
        }
        self.commit("Jo", "Start", &files)
    }

    /// Commits as another writer and moves the branch. Returns the revision.
    pub fn commit(&self, author: &str, message: &str, files: &[File]) -> Result<String, Error> {
        let repository = self.open()?;
        let parent = match repository.refname_to_id(&reference()) {
            Ok(head) => Some(repository.find_commit(head).map_err(self.failed("read the head"))?),
            Err(_) => None,
        };
        let tree = self.tree(&repository, parent.as_ref(), files)?;
        let tree = repository.find_tree(tree).map_err(self.failed("read a tree"))?;
        let seconds = i64::try_from(self.clock.now() / 1000).unwrap_or(i64::MAX);
        let email = format!("{}@example.com", author.to_lowercase().replace(' ', "."));
        let signature = Signature::new(author, &email, &Time::new(seconds, 0)).map_err(self.failed("sign"))?;
        let parents: Vec<&Commit<'_>> = parent.iter().collect();
        let made = repository.commit(Some(&reference()), &signature, &signature, message, &tree, &parents);
        Ok(made.map_err(self.failed("commit"))?.to_string())
    }

    /// The head of the branch as 40 hexadecimal digits, or `None` while it is empty.
    pub fn head(&self) -> Result<Option<String>, Error> {
        Ok(self.open()?.refname_to_id(&reference()).ok().map(|oid| oid.to_string()))
    }

    /// The commits of the branch, newest first, along the first parents.
    pub fn log(&self) -> Result<Vec<LogEntry>, Error> {
        let repository = self.open()?;
        let mut next = repository.refname_to_id(&reference()).ok();
        let mut entries = Vec::new();
        while let Some(oid) = next {
            let commit = repository.find_commit(oid).map_err(self.failed("read a commit"))?;
            entries.push(self.entry(&repository, &commit)?);
            next = commit.parent_id(0).ok();
        }
        Ok(entries)
    }

    /// The content of a file at the head of the branch.
    pub fn file(&self, path: &str) -> Result<Vec<u8>, Error> {
        let repository = self.open()?;
        let missing = || Error::NoFile(path.to_owned());
        let head = repository.refname_to_id(&reference()).map_err(|_| missing())?;
        let commit = repository.find_commit(head).map_err(self.failed("read the head"))?;
        let tree = commit.tree().map_err(self.failed("read a tree"))?;
        let entry = tree.get_path(Path::new(path)).map_err(|_| missing())?;
        let blob = repository.find_blob(entry.id()).map_err(|_| missing())?;
        Ok(blob.content().to_vec())
    }

    /// A file at the head of the branch as text; what is no UTF-8 is replaced.
    pub fn text(&self, path: &str) -> Result<String, Error> {
        Ok(String::from_utf8_lossy(&self.file(path)?).into_owned())
    }

    /// All paths at the head of the branch, in git's order.
    pub fn paths(&self) -> Result<Vec<String>, Error> {
        let repository = self.open()?;
        let Ok(head) = repository.refname_to_id(&reference()) else { return Ok(Vec::new()) };
        let commit = repository.find_commit(head).map_err(self.failed("read the head"))?;
        let tree = commit.tree().map_err(self.failed("read a tree"))?;
        let mut paths = Vec::new();
        let walked = tree.walk(TreeWalkMode::PreOrder, |folder, entry| {
            if entry.kind() == Some(ObjectType::Blob) {
                paths.push(format!("{folder}{}", String::from_utf8_lossy(entry.name_bytes())));
            }
            TreeWalkResult::Ok
        });
        walked.map_err(self.failed("read a tree"))?;
        Ok(paths)
    }

    fn open(&self) -> Result<Repository, Error> {
        Repository::open_bare(&self.path).map_err(self.failed("open the repository"))
    }

    fn tree(&self, repository: &Repository, parent: Option<&Commit<'_>>, files: &[File]) -> Result<Oid, Error> {
        let base = match parent {
            Some(commit) => commit.tree(),
            None => repository.treebuilder(None).and_then(|b| b.write()).and_then(|oid| repository.find_tree(oid)),
        };
        let base = base.map_err(self.failed("read a tree"))?;
        let mut update = TreeUpdateBuilder::new();
        for file in files {
            match &file.data {
                Some(data) => {
                    let blob = repository.blob(data).map_err(self.failed("write a file"))?;
                    let mode = if data.starts_with(b"#!") { FileMode::BlobExecutable } else { FileMode::Blob };
                    update.upsert(file.path.as_str(), blob, mode);
                }
                None => {
                    update.remove(file.path.as_str());
                }
            }
        }
        update.create_updated(repository, &base).map_err(self.failed("write a tree"))
    }

    fn entry(&self, repository: &Repository, commit: &Commit<'_>) -> Result<LogEntry, Error> {
        let tree = commit.tree().map_err(self.failed("read a tree"))?;
        let before = commit.parent(0).and_then(|parent| parent.tree()).ok();
        let diff =
            repository.diff_tree_to_tree(before.as_ref(), Some(&tree), None).map_err(self.failed("compare trees"))?;
        let path = |delta: git2::DiffDelta<'_>| {
            delta.new_file().path().or(delta.old_file().path()).map(|p| p.to_string_lossy().into_owned())
        };
        let author = commit.author();
        Ok(LogEntry {
            revision: commit.id().to_string(),
            author: String::from_utf8_lossy(author.name_bytes()).into_owned(),
            email: String::from_utf8_lossy(author.email_bytes()).into_owned(),
            message: String::from_utf8_lossy(commit.message_bytes()).into_owned(),
            time: u64::try_from(commit.time().seconds()).unwrap_or_default() * 1000,
            paths: diff.deltas().filter_map(path).collect(),
        })
    }

    fn failed(&self, attempt: &'static str) -> impl FnOnce(git2::Error) -> Error {
        let path = self.path.display().to_string();
        move |source| Error::Git { attempt, path, source }
    }
}

fn reference() -> String {
    format!("refs/heads/{BRANCH}")
}

fn read_folder(root: &Path, folder: &Path, files: &mut Vec<File>) -> Result<(), Error> {
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |source| Error::Read { path, source }
    };
    let mut entries: Vec<_> = std::fs::read_dir(folder).map_err(failed(folder))?.filter_map(Result::ok).collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let kind = entry.file_type().map_err(failed(&path))?;
        if kind.is_dir() && entry.file_name() != ".git" {
            read_folder(root, &path, files)?;
        } else if kind.is_file() {
            let data = std::fs::read(&path).map_err(failed(&path))?;
            let inside = path.strip_prefix(root).unwrap_or(&path);
            let parts: Vec<_> = inside.components().map(|c| c.as_os_str().to_string_lossy().into_owned()).collect();
            files.push(File { path: parts.join("/"), data: Some(data) });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_commits_and_reads_back() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("source");
        std::fs::create_dir_all(source.join("a/b")).unwrap();
        std::fs::write(source.join("a/b/c.yaml"), "url: git@example.com:x\n").unwrap();
        std::fs::write(source.join("run.sh"), "#!/bin/sh\n").unwrap();
        let clock = Clock::fixed(1_795_444_500_000);
        let remote = Remote::create(&dir.path().join("remote.git"), clock.clone()).unwrap();
        assert_eq!(remote.head().unwrap(), None);
        let first = remote.seed(&source, &[("git@example.com:x", "file:///x")]).unwrap();
        assert_eq!(remote.text("a/b/c.yaml").unwrap(), "url: file:///x\n");
        assert_eq!(remote.paths().unwrap(), ["a/b/c.yaml", "run.sh"]);
        clock.advance(60_000);
        let files = [File::new("a/b/d.yaml", "d: 1\n"), File::removed("run.sh")];
        let second = remote.commit("Ada L", "Add d", &files).unwrap();
        assert_eq!(remote.head().unwrap(), Some(second.clone()));
        let log = remote.log().unwrap();
        assert_eq!(log.iter().map(|e| e.revision.as_str()).collect::<Vec<_>>(), [second.as_str(), first.as_str()]);
        assert_eq!(log[0].paths, ["a/b/d.yaml", "run.sh"]);
        assert_eq!((log[0].email.as_str(), log[0].time), ("ada.l@example.com", 1_795_444_560_000));
        assert!(matches!(remote.file("run.sh"), Err(Error::NoFile(_))));
        // Any git client can clone it.
        let clone = Repository::clone(&remote.url(), dir.path().join("clone")).unwrap();
        assert_eq!(clone.head().unwrap().shorthand(), Ok(BRANCH));
        // And push to it.
        let head = clone.head().unwrap().peel_to_commit().unwrap();
        let signature = Signature::now("Rhumb", "rhumb@example.com").unwrap();
        let pushed =
            clone.commit(Some("HEAD"), &signature, &signature, "Move", &head.tree().unwrap(), &[&head]).unwrap();
        clone.find_remote("origin").unwrap().push(&[reference()], None).unwrap();
        assert_eq!(remote.head().unwrap(), Some(pushed.to_string()));
    }
}
