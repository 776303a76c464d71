//! The other side, wherever it is.

use git2::{Oid, Repository};

use super::access::Access;
use super::address::{self, Address};
use super::error::{Error, failed};
use super::{local, wire};

/// Where the remote is, how people wrote it, and who we are to it.
#[derive(Clone, Debug)]
pub(super) struct Remote {
    /// As configured, without user and password.
    pub(super) url: String,
    pub(super) address: Address,
    pub(super) access: Access,
    /// Where pushes go when git's `pushInsteadOf` says that it is elsewhere.
    push: Option<Box<Remote>>,
}

/// Names of the remote's references that are asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted<'a> {
    /// These.
    Named(&'a [String]),
    /// All that start so.
    Below(&'a [&'a str]),
}

/// A reference of the remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tip {
    /// Its whole name.
    pub(super) name: String,
    /// What it names: a commit, or the tag object of one.
    pub(super) target: Oid,
}

impl Wanted<'_> {
    /// Whether this reference is asked for.
    pub(super) fn has(&self, name: &str) -> bool {
        match self {
            Self::Named(names) => names.iter().any(|wanted| wanted == name),
            Self::Below(prefixes) => prefixes.iter().any(|prefix| name.starts_with(prefix)),
        }
    }

    /// What the names that are asked for begin with.
    pub(super) fn prefixes(&self) -> Vec<&str> {
        match self {
            Self::Named(names) => names.iter().map(String::as_str).collect(),
            Self::Below(prefixes) => prefixes.to_vec(),
        }
    }
}

impl Remote {
    /// Reads the URL after git's `insteadOf`; a login in it goes before the one of `access`.
    pub(super) fn new(url: &str, access: &Access) -> Result<Self, Error> {
        let rewrites = access.rewrites();
        let mut remote = Self::at(&rewrites.fetch_url(url), access)?;
        let push = rewrites.push_url(url).map(|url| Self::at(&url, access)).transpose()?;
        remote.push = push.map(Box::new);
        Ok(remote)
    }

    fn at(url: &str, access: &Access) -> Result<Self, Error> {
        let (address, login) = address::parse(url)?;
        let access = if login.is_some() { access.with_login(login) } else { access.clone() };
        Ok(Self { url: address::masked(url), address, access, push: None })
    }

    /// Where pushes go.
    pub(super) fn for_push(&self) -> &Self {
        self.push.as_deref().unwrap_or(self)
    }

    /// Whether each message is a request of its own, so that nothing has to be said at the end.
    pub(super) fn is_web(&self) -> bool {
        matches!(self.address, Address::Web { .. })
    }

    /// What to do when a push is refused to us.
    pub(super) fn write_hint(&self) -> String {
        match self.access.identity().filter(|_| !self.is_web()) {
            Some(identity) => format!("if our key may only read, give it write access: {}", identity.public_line()),
            None => "if the token may only read, give it write access".to_owned(),
        }
    }

    /// Brings what the references stand on into `ours` and says where they are now. No reference of `ours` moves.
    pub(super) fn fetch(&self, ours: &Repository, wanted: &Wanted<'_>) -> Result<Vec<Tip>, Error> {
        let Address::Local(path) = &self.address else { return wire::fetch(self, ours, wanted) };
        let theirs = local::open(path).map_err(failed("open the repository", &self.url))?;
        let tips = local::tips(&theirs, wanted).map_err(failed("read the references of", &self.url))?;
        for tip in &tips {
            local::copy(&theirs, ours, tip.target, &local::heads(ours)).map_err(failed("fetch from", &self.url))?;
        }
        Ok(tips)
    }
}
