//! The other side: a repository on this machine's file system.
//!
//! Objects are copied as packs and the branch is moved by compare and swap. libgit2's own local transport is not used:
//! it checks who owns the directory, and its push overwrites the branch without comparing, so that a commit which
//! another writer pushed in between would be lost.

use std::path::{Path, PathBuf};
use std::time::Duration;

use git2::{ErrorCode, Oid, Repository};

use super::error::{Error, failed};

/// How often a branch that another writer has locked is tried again.
const LOCK_ATTEMPTS: u32 = 100;
/// How long to wait between two attempts. Git holds a ref lock for less than that.
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// Where the remote lies and how people wrote it.
#[derive(Clone, Debug)]
pub(super) struct Remote {
    /// As configured, without user and password.
    pub(super) url: String,
    path: PathBuf,
}

/// What became of moving a branch.
pub(super) enum Moved {
    /// It is there now.
    Done,
    /// It stands elsewhere; nothing was changed.
    Stale,
    /// Another writer kept it locked all the time.
    Locked,
}

impl Remote {
    /// Reads a path or a `file://` URL.
    pub(super) fn parse(url: &str) -> Result<Self, Error> {
        let bad = |reason| Error::BadUrl { url: masked(url), reason };
        if url.is_empty() || url.contains('\0') {
            return Err(bad("it is empty or holds a zero byte"));
        }
        if let Some(rest) = url.strip_prefix("file://") {
            let path = rest.strip_prefix("localhost").unwrap_or(rest);
            if !path.starts_with('/') {
                return Err(bad("a file:// URL names no other host and an absolute path"));
            }
            let path = percent_decoded(path).ok_or_else(|| bad("its percent encoding is not valid UTF-8"))?;
            return Ok(Self { url: url.to_owned(), path: PathBuf::from(path) });
        }
        if let Some((scheme, _)) = url.split_once("://") {
            return Err(Error::NotInYet { scheme: scheme.to_owned(), url: masked(url) });
        }
        // The form `git@host:org/repo`, as git tells it apart: a colon before the first slash.
        let before_slash = url.split('/').next().unwrap_or_default();
        if before_slash.contains(':') {
            return Err(Error::NotInYet { scheme: "ssh".to_owned(), url: masked(url) });
        }
        Ok(Self { url: url.to_owned(), path: PathBuf::from(url) })
    }

    /// Opens the repository, bare or the `.git` of a work tree.
    pub(super) fn open(&self) -> Result<Repository, Error> {
        let inner = self.path.join(".git");
        let path = if inner.is_dir() { inner } else { self.path.clone() };
        open_bare(&path).map_err(failed("open the repository", &self.url))
    }

    /// Whether a work tree has the branch checked out, so that moving it would leave the work tree behind.
    pub(super) fn is_checked_out(&self, repository: &Repository, reference: &str) -> bool {
        let head = repository.find_reference("HEAD").ok();
        let target = head.as_ref().and_then(|head| head.symbolic_target().ok().flatten().map(str::to_owned));
        self.path.join(".git").is_dir() && target.as_deref() == Some(reference)
    }
}

/// Opens a repository as bare, with its own configuration only.
///
/// `open_bare` is the one way of libgit2 that does not ask who owns the directory.
pub(super) fn open_bare(path: &Path) -> Result<Repository, git2::Error> {
    let repository = Repository::open_bare(path)?;
    let config = path.join("config");
    let own = if config.is_file() { git2::Config::open(&config)? } else { git2::Config::new()? };
    repository.set_config(&own)?;
    Ok(repository)
}

/// The commit at a branch, `None` when there is no such branch.
pub(super) fn branch_head(repository: &Repository, reference: &str) -> Result<Option<Oid>, git2::Error> {
    match repository.find_reference(reference) {
        Ok(found) => Ok(Some(found.peel_to_commit()?.id())),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Copies `tip` and everything that it stands on from one repository to another, except what `known` stands on.
pub(super) fn copy(from: &Repository, to: &Repository, tip: Oid, known: Option<Oid>) -> Result<(), git2::Error> {
    let mut walk = from.revwalk()?;
    walk.push(tip)?;
    if let Some(known) = known.filter(|known| from.find_commit(*known).is_ok()) {
        walk.hide(known)?;
    }
    let mut pack = from.packbuilder()?;
    pack.insert_walk(&mut walk)?;
    if pack.object_count() == 0 {
        return Ok(());
    }
    let database = to.odb()?;
    let mut writer = database.packwriter()?;
    let mut failure = None;
    let packed = pack.foreach(|bytes| match std::io::Write::write_all(&mut writer, bytes) {
        Ok(()) => true,
        Err(error) => {
            failure = Some(git2::Error::from_str(&error.to_string()));
            false
        }
    });
    if let Some(error) = failure {
        return Err(error);
    }
    packed?;
    writer.commit()?;
    Ok(())
}

/// Moves a branch from `old` to `new` if it still stands at `old`.
pub(super) fn move_branch(
    repository: &Repository,
    reference: &str,
    old: Oid,
    new: Oid,
    log: &str,
) -> Result<Moved, git2::Error> {
    for _ in 0..LOCK_ATTEMPTS {
        match repository.reference_matching(reference, new, true, old, log) {
            Ok(_) => return Ok(Moved::Done),
            Err(error) if matches!(error.code(), ErrorCode::Modified | ErrorCode::NotFound) => return Ok(Moved::Stale),
            Err(error) if error.code() == ErrorCode::Locked => {
                if branch_head(repository, reference)? != Some(old) {
                    return Ok(Moved::Stale);
                }
                std::thread::sleep(LOCK_PAUSE);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Moved::Locked)
}

/// The URL without user and password.
fn masked(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_once('/').map_or((rest, ""), |(authority, path)| (authority, path));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}/{path}")
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let high = char::from(bytes.next()?).to_digit(16)?;
        let low = char::from(bytes.next()?).to_digit(16)?;
        out.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(out).ok().filter(|path| !path.contains('\0'))
}
