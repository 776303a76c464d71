//! A remote on this machine's file system.
//!
//! Objects are copied as packs and the branch is moved by compare and swap. libgit2's own local transport is not used:
//! it checks who owns the directory, and its push overwrites the branch without comparing, so that a commit which
//! another writer pushed in between would be lost.

use std::path::Path;
use std::time::Duration;

use git2::{ErrorCode, Oid, Repository};

use super::remote::{Tip, Wanted};

/// How often a branch that another writer has locked is tried again.
const LOCK_ATTEMPTS: u32 = 100;
/// How long to wait between two attempts. Git holds a ref lock for less than that.
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// What became of moving a branch.
pub(super) enum Moved {
    /// It is there now.
    Done,
    /// It stands elsewhere; nothing was changed.
    Stale,
    /// Another writer kept it locked all the time.
    Locked,
}

/// Opens the repository, bare or the `.git` of a work tree.
pub(super) fn open(path: &Path) -> Result<Repository, git2::Error> {
    let inner = path.join(".git");
    open_bare(if inner.is_dir() { &inner } else { path })
}

/// Whether a work tree has the branch checked out, so that moving it would leave the work tree behind.
pub(super) fn is_checked_out(path: &Path, repository: &Repository, reference: &str) -> bool {
    let head = repository.find_reference("HEAD").ok();
    let target = head.as_ref().and_then(|head| head.symbolic_target().ok().flatten().map(str::to_owned));
    path.join(".git").is_dir() && target.as_deref() == Some(reference)
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

/// The references that are asked for.
pub(super) fn tips(repository: &Repository, wanted: &Wanted<'_>) -> Result<Vec<Tip>, git2::Error> {
    let mut tips = Vec::new();
    for reference in repository.references()? {
        let reference = reference?;
        if let Ok(name) = reference.name()
            && wanted.has(name)
            && let Ok(commit) = reference.peel_to_commit()
        {
            tips.push(Tip { name: name.to_owned(), target: commit.id() });
        }
    }
    Ok(tips)
}

/// The commits at all branches and tags.
pub(super) fn heads(repository: &Repository) -> Vec<Oid> {
    let references = repository.references().into_iter().flatten().flatten();
    let mut heads: Vec<Oid> = references.filter_map(|reference| Some(reference.peel_to_commit().ok()?.id())).collect();
    heads.sort();
    heads.dedup();
    heads
}

/// Copies `tip` and everything that it stands on from one repository to another, except what `known` stands on.
pub(super) fn copy(from: &Repository, to: &Repository, tip: Oid, known: &[Oid]) -> Result<(), git2::Error> {
    if to.odb()?.exists(tip) {
        return Ok(());
    }
    let mut walk = from.revwalk()?;
    walk.push(tip)?;
    for known in known.iter().filter(|known| from.find_commit(**known).is_ok()) {
        walk.hide(*known)?;
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
