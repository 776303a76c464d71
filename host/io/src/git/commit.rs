//! One commit onto the branch, pushed without force.

use std::path::Path;

use git2::{FileMode, Oid, Repository, Time};
use rhumb_core::id::{Revision, Timestamp};

use super::address::Address;
use super::error::{Error, failed};
use super::local::{self, Moved};
use super::mirror::{Mirror, revision};
use super::wire::{self, Pushed};
use rhumb_core::manifest::File;

use super::PATH_LIMIT;

/// Who made a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// As git shows it.
    pub name: String,
    /// As git shows it.
    pub email: String,
}

/// A commit to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// What it stands on. When the branch has moved since then, nothing is pushed.
    pub onto: Revision,
    /// Whole new contents; each is added or replaces what is there. Everything else stays as it is.
    pub files: Vec<File>,
    /// Whole message.
    pub message: String,
    /// Author and committer.
    pub author: Signature,
    /// When it was made.
    pub time: Timestamp,
}

/// What became of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Push {
    /// The branch stands at this new commit.
    Pushed(Revision),
    /// The branch moved before; nothing was left behind.
    Stale {
        /// Where the branch stands now.
        head: Revision,
    },
    /// The remote does not take it.
    Rejected {
        /// Why, for people.
        reason: String,
    },
}

impl Mirror {
    /// Makes the commit and pushes it, or finds that the branch has moved. Never forces.
    pub fn push(&self, commit: &Commit) -> Result<Push, Error> {
        let ours = self.repository()?;
        match &self.remote().for_push().address {
            Address::Local(path) => self.push_to_path(&ours, path, commit),
            Address::Ssh { .. } | Address::Web { .. } => self.push_to_server(&ours, commit),
        }
    }

    fn push_to_server(&self, ours: &Repository, commit: &Commit) -> Result<Push, Error> {
        let onto = self.commit(ours, &commit.onto)?.id();
        let make = || {
            let new = self.build(ours, commit)?;
            let pack = pack(ours, new, onto).map_err(failed("pack the commit on", commit.onto.as_str()))?;
            Ok((new, pack))
        };
        match wire::push(self.remote().for_push(), &self.reference(), onto, make)? {
            Pushed::Moved(new) => {
                self.set_local_head(ours, new)?;
                Ok(Push::Pushed(revision(new)))
            }
            Pushed::Stale(head) => Ok(Push::Stale { head: revision(head) }),
            Pushed::Rejected(reason) => Ok(Push::Rejected { reason }),
        }
    }

    fn push_to_path(&self, ours: &Repository, path: &Path, commit: &Commit) -> Result<Push, Error> {
        let url = &self.remote().for_push().url;
        let theirs = local::open(path).map_err(failed("open the repository", url))?;
        let head = self.branch_of(&theirs)?;
        if head.to_string() != commit.onto.as_str() {
            return Ok(Push::Stale { head: revision(head) });
        }
        if local::is_checked_out(path, &theirs, &self.reference()) {
            let reason = format!("branch `{}` is checked out in the work tree of the remote", self.branch());
            return Ok(Push::Rejected { reason });
        }
        let new = self.build(ours, commit)?;
        self.publish(ours, &theirs, head, new)
    }

    /// Writes the commit into the mirror's object database. No ref moves, so it is garbage until it is published.
    pub(super) fn build(&self, ours: &Repository, commit: &Commit) -> Result<Oid, Error> {
        let parent = self.commit(ours, &commit.onto)?;
        let onto = commit.onto.as_str();
        let base = parent.tree().map_err(failed("read the tree of", onto))?;
        let mut update = git2::build::TreeUpdateBuilder::new();
        for file in &commit.files {
            check_path(&file.path)?;
            let mode = match base.get_path(Path::new(&file.path)) {
                Ok(entry) => existing_mode(&file.path, entry.filemode())?,
                Err(_) => FileMode::Blob,
            };
            let blob = ours.blob(&file.data).map_err(failed("write the file", &file.path))?;
            update.upsert(file.path.as_str(), blob, mode);
        }
        let tree = update.create_updated(ours, &base).map_err(failed("build the tree on", onto))?;
        if tree == base.id() {
            return Err(Error::NothingChanged { url: self.url().to_owned(), onto: onto.to_owned() });
        }
        let make = || {
            let seconds = i64::try_from(commit.time.0 / 1000).unwrap_or_default();
            let author = git2::Signature::new(&commit.author.name, &commit.author.email, &Time::new(seconds, 0))?;
            let tree = ours.find_tree(tree)?;
            ours.commit(None, &author, &author, &commit.message, &tree, &[&parent])
        };
        make().map_err(failed("make a commit on", onto))
    }

    /// Copies the commit to the remote and moves the branch, then the mirror's own.
    pub(super) fn publish(&self, ours: &Repository, theirs: &Repository, old: Oid, new: Oid) -> Result<Push, Error> {
        let url = &self.remote().for_push().url;
        local::copy(ours, theirs, new, &[old]).map_err(failed("push to", url))?;
        let moved = local::move_branch(theirs, &self.reference(), old, new, "push").map_err(failed("push to", url))?;
        match moved {
            Moved::Done => {
                self.set_local_head(ours, new)?;
                Ok(Push::Pushed(revision(new)))
            }
            Moved::Stale => Ok(Push::Stale { head: revision(self.branch_of(theirs)?) }),
            Moved::Locked => {
                Ok(Push::Rejected { reason: format!("branch `{}` is locked by another writer", self.branch()) })
            }
        }
    }

    fn branch_of(&self, theirs: &Repository) -> Result<Oid, Error> {
        let head = local::branch_head(theirs, &self.reference());
        head.map_err(failed("read the branch of", self.url()))?.ok_or_else(|| self.no_branch())
    }
}

/// A pack of all that `new` brings to who has `onto`. A commit of ours is small, so it is made in memory.
fn pack(ours: &Repository, new: Oid, onto: Oid) -> Result<Vec<u8>, git2::Error> {
    let mut walk = ours.revwalk()?;
    walk.push(new)?;
    walk.hide(onto)?;
    let mut builder = ours.packbuilder()?;
    builder.insert_walk(&mut walk)?;
    let mut pack = git2::Buf::new();
    builder.write_buf(&mut pack)?;
    Ok(pack.to_vec())
}

fn check_path(path: &str) -> Result<(), Error> {
    let bad = |reason| Error::BadPath { path: rhumb_core::chain::cut(path, 200), reason };
    if path.is_empty() || path.len() > PATH_LIMIT || path.contains(['\0', '\\']) {
        return Err(bad("it is empty, too long, or holds a zero byte or a backslash"));
    }
    let own = |part: &str| part.is_empty() || part == "." || part == ".." || part.eq_ignore_ascii_case(".git");
    if path.split('/').any(own) {
        return Err(bad("it is not a plain path below the root"));
    }
    Ok(())
}

/// The mode to keep for a file that is there already.
fn existing_mode(path: &str, mode: i32) -> Result<FileMode, Error> {
    match mode {
        0o100_644 | 0o100_664 => Ok(FileMode::Blob),
        0o100_755 => Ok(FileMode::BlobExecutable),
        0o120_000 => Err(Error::BadPath { path: path.to_owned(), reason: "it is a symbolic link" }),
        _ => Err(Error::BadPath { path: path.to_owned(), reason: "it is not a file" }),
    }
}
