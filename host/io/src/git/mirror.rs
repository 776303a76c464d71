//! The mirror: opening, fetching, looking.

use std::fs;
use std::path::{Path, PathBuf};

use git2::{Oid, Repository, Sort};
use rhumb_core::id::{Revision, Timestamp};

use super::access::Access;
use super::address::Address;
use super::error::{Error, failed};
use super::local;
use super::remote::{Remote, Wanted};
use super::{LOG_LIMIT, Signature};

/// A bare mirror of one remote and branch in a directory of ours.
///
/// Holds no open handle, so it may be shared between threads; the daemon runs one pass of a loop at a time.
#[derive(Clone, Debug)]
pub struct Mirror {
    dir: PathBuf,
    remote: Remote,
    branch: String,
}

/// One commit of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitInfo {
    /// The commit.
    pub revision: Revision,
    /// Its message, whole.
    pub message: String,
    /// Who wrote it.
    pub author: Signature,
    /// When the author says it was written.
    pub time: Timestamp,
}

impl Mirror {
    /// Creates the mirror, or reopens it as it was left by a process that may have been killed.
    ///
    /// `url` is a path, a `file://`, `ssh://` or `https://` URL, or `user@host:path`. The remote is not asked yet.
    pub fn open(dir: &Path, url: &str, branch: &str, access: &Access) -> Result<Self, Error> {
        let remote = Remote::new(url, access)?;
        if !git2::Reference::is_valid_name(&format!("refs/heads/{branch}")) {
            return Err(Error::NoBranch { url: remote.url, branch: branch.to_owned() });
        }
        let mirror = Self { dir: dir.to_owned(), remote, branch: branch.to_owned() };
        mirror.prepare()?;
        mirror.repository()?;
        Ok(mirror)
    }

    /// Whether the remote is a path on this machine, so that nobody has to be known to anybody.
    pub fn is_local(&self) -> bool {
        matches!(self.remote.address, Address::Local(_))
    }

    /// The branch that is mirrored.
    pub fn branch(&self) -> &str {
        &self.branch
    }

    /// The remote as configured, without user and password.
    pub fn url(&self) -> &str {
        &self.remote.url
    }

    /// Brings the mirror up to date and returns the head of the branch. A branch that was forced is followed.
    pub fn fetch(&self) -> Result<Revision, Error> {
        let ours = self.prepared()?;
        let names = [self.reference()];
        let head = match self.remote.fetch(&ours, &Wanted::Named(&names))?.first() {
            Some(tip) => tip.target,
            None => return Err(self.no_branch()),
        };
        if self.local_head(&ours)? != Some(head) {
            self.set_local_head(&ours, head)?;
        }
        Ok(revision(head))
    }

    /// Fetches what the branch's name means to git, a tag, a branch or a commit's id or its beginning: that commit.
    pub(super) fn fetch_reference(&self) -> Result<Revision, Error> {
        let ours = self.prepared()?;
        let name = self.branch.as_str();
        let hexadecimal = (7..=40).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let by_id = || {
            let found = ours.find_object_by_prefix(name, Some(git2::ObjectType::Commit)).ok();
            found.filter(|_| hexadecimal).map(|commit| revision(commit.id()))
        };
        // A whole id means the same for ever.
        if let Some(found) = by_id().filter(|_| name.len() == 40) {
            return Ok(found);
        }
        // As git resolves a name: tags go before branches.
        let names = [format!("refs/tags/{name}"), format!("refs/heads/{name}")];
        let mut tips = self.remote.fetch(&ours, &Wanted::Named(&names))?;
        tips.sort_by_key(|tip| names.iter().position(|name| *name == tip.name));
        if tips.is_empty() && hexadecimal {
            tips = self.remote.fetch(&ours, &Wanted::Below(&["refs/heads/", "refs/tags/"]))?;
        }
        for tip in &tips {
            let moved = ours.reference(&tip.name, tip.target, true, "fetched");
            moved.map_err(failed("move the mirror of", &self.remote.url))?;
        }
        let named = tips.iter().find(|tip| names.contains(&tip.name));
        let commit = named.and_then(|tip| ours.find_object(tip.target, None).ok()?.peel_to_commit().ok());
        let missing = || Error::NoReference { url: self.remote.url.clone(), reference: name.to_owned() };
        commit.map(|commit| revision(commit.id())).or_else(by_id).ok_or_else(missing)
    }

    /// The head of the branch as it was last fetched or pushed; the remote is not asked.
    pub fn head(&self) -> Result<Option<Revision>, Error> {
        Ok(self.local_head(&self.repository()?)?.map(revision))
    }

    /// The object id of the tree at `path` (empty or `.` for the root): equal ids mean equal contents.
    ///
    /// `None` when there is nothing at the path, or no folder.
    pub fn tree(&self, at: &Revision, path: &str) -> Result<Option<String>, Error> {
        self.id_of(at, path, git2::ObjectType::Tree)
    }

    /// The same of a file.
    pub fn blob(&self, at: &Revision, path: &str) -> Result<Option<String>, Error> {
        self.id_of(at, path, git2::ObjectType::Blob)
    }

    fn id_of(&self, at: &Revision, path: &str, kind: git2::ObjectType) -> Result<Option<String>, Error> {
        let repository = self.repository()?;
        let root = self.commit(&repository, at)?.tree().map_err(failed("read the tree of", at.as_str()))?;
        let path = path.trim_matches('/');
        if path.is_empty() || path == "." {
            return Ok((kind == git2::ObjectType::Tree).then(|| root.id().to_string()));
        }
        match root.get_path(Path::new(path.trim_start_matches("./"))) {
            Ok(entry) if entry.kind() == Some(kind) => Ok(Some(entry.id().to_string())),
            Ok(_) => Ok(None),
            Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(None),
            Err(source) => Err(failed("read the tree at", path)(source)),
        }
    }

    /// The commits that `to` stands on and `from` doesn't, newest first, at most [`LOG_LIMIT`].
    pub fn log(&self, from: Option<&Revision>, to: &Revision) -> Result<Vec<CommitInfo>, Error> {
        let repository = self.repository()?;
        let newest = self.commit(&repository, to)?.id();
        let oldest = from.map(|from| self.commit(&repository, from).map(|commit| commit.id())).transpose()?;
        let walk = || -> Result<Vec<CommitInfo>, git2::Error> {
            let mut walk = repository.revwalk()?;
            walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME)?;
            walk.push(newest)?;
            if let Some(oldest) = oldest {
                walk.hide(oldest)?;
            }
            walk.take(LOG_LIMIT).map(|id| repository.find_commit(id?).map(|commit| info(&commit))).collect()
        };
        walk().map_err(failed("read the log of", to.as_str()))
    }

    pub(super) fn remote(&self) -> &Remote {
        &self.remote
    }

    pub(super) fn reference(&self) -> String {
        format!("refs/heads/{}", self.branch)
    }

    fn prepare(&self) -> Result<(), Error> {
        prepare(&self.dir).map_err(|source| Error::Directory { dir: self.dir.display().to_string(), source })
    }

    /// The repository to fetch into; laid out again when somebody has deleted it.
    fn prepared(&self) -> Result<Repository, Error> {
        if !self.dir.join("HEAD").exists() {
            self.prepare()?;
        }
        self.repository()
    }

    pub(super) fn repository(&self) -> Result<Repository, Error> {
        local::open_bare(&self.dir).map_err(failed("open the mirror of", &self.remote.url))
    }

    pub(super) fn commit<'r>(&self, repository: &'r Repository, at: &Revision) -> Result<git2::Commit<'r>, Error> {
        let missing = || Error::NoRevision { url: self.remote.url.clone(), revision: at.as_str().to_owned() };
        let id = Oid::from_str(at.as_str()).map_err(|_| missing())?;
        repository.find_commit(id).map_err(|_| missing())
    }

    pub(super) fn no_branch(&self) -> Error {
        Error::NoBranch { url: self.remote.url.clone(), branch: self.branch.clone() }
    }

    pub(super) fn set_local_head(&self, ours: &Repository, head: Oid) -> Result<(), Error> {
        ours.reference(&self.reference(), head, true, "fetched")
            .map(|_| ())
            .map_err(failed("move the mirror of", &self.remote.url))
    }

    fn local_head(&self, ours: &Repository) -> Result<Option<Oid>, Error> {
        local::branch_head(ours, &self.reference()).map_err(failed("read the mirror of", &self.remote.url))
    }
}

pub(super) fn revision(id: Oid) -> Revision {
    Revision::new(id.to_string())
}

/// Lays out an empty bare repository where there is none yet.
///
/// Written by hand because git's own init reads templates and defaults of the user. `HEAD` comes last: without it the
/// directory is not a repository, so a half-made one is made again.
fn prepare(dir: &Path) -> std::io::Result<()> {
    fs::create_dir_all(dir.join("objects/pack"))?;
    fs::create_dir_all(dir.join("objects/info"))?;
    fs::create_dir_all(dir.join("refs/heads"))?;
    remove_leftovers(dir)?;
    if !dir.join("config").exists() {
        fs::write(dir.join("config"), "[core]\n\trepositoryformatversion = 0\n\tbare = true\n")?;
    }
    if !dir.join("HEAD").exists() {
        fs::write(dir.join("HEAD"), "ref: refs/heads/main\n")?;
    }
    Ok(())
}

/// Removes ref locks and half packs of a killed process. The mirror's directory belongs to one process, so nobody
/// holds them.
fn remove_leftovers(dir: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(dir.join("objects/pack"))? {
        let entry = entry?;
        // libgit2 writes a pack under such a name until it is whole.
        if entry.file_name().to_string_lossy().starts_with("pack_git2_") {
            fs::remove_file(entry.path())?;
        }
    }
    let mut folders = vec![dir.join("refs/heads")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if entry.path().extension().is_some_and(|extension| extension == "lock") {
                fs::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}

fn info(commit: &git2::Commit<'_>) -> CommitInfo {
    let author = commit.author();
    CommitInfo {
        revision: revision(commit.id()),
        message: String::from_utf8_lossy(commit.message_bytes()).into_owned(),
        author: Signature {
            name: String::from_utf8_lossy(author.name_bytes()).into_owned(),
            email: String::from_utf8_lossy(author.email_bytes()).into_owned(),
        },
        time: Timestamp(u64::try_from(author.when().seconds()).unwrap_or_default().saturating_mul(1000)),
    }
}
