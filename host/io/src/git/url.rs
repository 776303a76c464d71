//! The names of a repository: whether two URLs mean the same one, and by which URLs a clone on disk is known.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use git2::{Config, Repository};

/// Largest file of git configuration that is read, in bytes.
const CONFIG_LIMIT: u64 = 1024 * 1024;
/// Most rules of `insteadOf` that are kept.
const RULES_LIMIT: usize = 1_000;

/// Whether two URLs mean one repository: host and path are equal, scheme, user and `.git` do not count (as in Flux v1).
pub fn same_repository(a: &str, b: &str) -> bool {
    a == b || split(a) == split(b)
}

/// The URLs that a repository is known by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// URLs of its remotes and others that were given.
    pub urls: Vec<String>,
    /// How git rewrites URLs.
    pub rewrites: Rewrites,
}

/// Git's `url.<base>.insteadOf` and `url.<base>.pushInsteadOf`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewrites {
    /// A prefix and what git puts in its place.
    fetch: Vec<(String, String)>,
    /// The same for pushes only.
    push: Vec<(String, String)>,
}

impl Rewrites {
    /// Those of the machine's and the user's git configuration, found as git finds it: `GIT_CONFIG_GLOBAL`,
    /// `GIT_CONFIG_SYSTEM` and `GIT_CONFIG_NOSYSTEM` count.
    pub fn of_user() -> Self {
        let system = match std::env::var_os("GIT_CONFIG_NOSYSTEM") {
            Some(no) if no != "0" && no != "false" && !no.is_empty() => None,
            _ => given("GIT_CONFIG_SYSTEM").unwrap_or_else(|| Config::find_system().ok()),
        };
        let global = match given("GIT_CONFIG_GLOBAL") {
            Some(global) => vec![global],
            None => vec![Config::find_xdg().ok(), Config::find_global().ok()],
        };
        let mut rewrites = Self::default();
        for path in std::iter::once(system).chain(global).flatten() {
            rewrites.read(&path);
        }
        rewrites
    }

    /// The URL to fetch from: the longest prefix wins.
    pub fn fetch_url(&self, url: &str) -> String {
        rewritten(&self.fetch, url).unwrap_or_else(|| url.to_owned())
    }

    /// The URL to push to when it is another than the one to fetch from.
    pub fn push_url(&self, url: &str) -> Option<String> {
        rewritten(&self.push, url)
    }

    /// Adds the rules of a file; one that is not there has none.
    fn read(&mut self, path: &Path) {
        let Ok(about) = std::fs::metadata(path) else { return };
        if !about.is_file() || about.len() > CONFIG_LIMIT {
            tracing::warn!(path = %path.display(), "git configuration not read: no file, or too large");
            return;
        }
        match Config::open(path) {
            Ok(config) => self.add(&config),
            Err(error) => tracing::warn!(path = %path.display(), error = error.message(), "git configuration not read"),
        }
    }

    fn add(&mut self, config: &Config) {
        for (key, rules) in [("insteadof", &mut self.fetch), ("pushinsteadof", &mut self.push)] {
            let Ok(entries) = config.entries(Some(&format!("url\\..*\\.{key}$"))) else { continue };
            let _ = entries.for_each(|entry| {
                let (Ok(name), Ok(prefix)) = (entry.name(), entry.value()) else { return };
                let base = name.strip_prefix("url.").and_then(|name| name.strip_suffix(&format!(".{key}")));
                let rule = base.map(|base| (prefix.to_owned(), base.to_owned()));
                rules.extend(rule.filter(|_| rules.len() < RULES_LIMIT));
            });
        }
    }
}

/// The path that a variable holds: of an empty one that there is none.
fn given(variable: &str) -> Option<Option<PathBuf>> {
    let path: OsString = std::env::var_os(variable)?;
    Some(Some(PathBuf::from(path)).filter(|path| !path.as_os_str().is_empty()))
}

fn rewritten(rules: &[(String, String)], url: &str) -> Option<String> {
    let matching = rules.iter().filter(|(prefix, _)| url.starts_with(prefix.as_str()));
    let (prefix, base) = matching.max_by_key(|(prefix, _)| prefix.len())?;
    Some(format!("{base}{}", url.get(prefix.len()..).unwrap_or_default()))
}

impl Names {
    /// The names of the clone in this folder, from its own configuration and the user's. No clone has none.
    pub fn of_clone(dir: &Path) -> Self {
        let Ok(repository) = Repository::discover(dir) else { return Self::default() };
        let mut names = Self::default();
        let remotes = repository.remotes();
        for remote in remotes.iter().flat_map(|remotes| remotes.iter().flatten().flatten()) {
            let url = repository.find_remote(remote).ok().and_then(|remote| remote.url().ok().map(str::to_owned));
            names.urls.extend(url);
        }
        names.rewrites = Rewrites::of_user();
        names.rewrites.read(&repository.commondir().join("config"));
        names
    }

    /// Whether this URL, as written or as git rewrites it, means the repository.
    pub fn contain(&self, url: &str) -> bool {
        let rewritten = self.rewrites.fetch_url(url);
        self.urls.iter().any(|own| {
            let own_rewritten = self.rewrites.fetch_url(own);
            [own, &own_rewritten].iter().any(|own| same_repository(own, url) || same_repository(own, &rewritten))
        })
    }
}

/// Host in lower case and path without slashes at the ends and without `.git`.
fn split(url: &str) -> (String, String) {
    let (host, path) = match url.split_once("://") {
        Some((_, rest)) => rest.split_once('/').unwrap_or((rest, "")),
        None => match url.split_once(':') {
            Some((host, path)) if !host.contains('/') => (host, path),
            _ => ("", url),
        },
    };
    let host = host.rsplit('@').next().unwrap_or_default().to_lowercase();
    let path = path.trim_matches('/');
    (host, path.strip_suffix(".git").unwrap_or(path).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Flux v1's cases (`pkg/git/url_test.go`).
    #[test]
    fn scheme_user_and_suffix_do_not_count() {
        let same = |a, b| assert!(same_repository(a, b), "{a} {b}");
        same("git@github.com:fluxcd/flux", "ssh://git@github.com/fluxcd/flux.git");
        same("https://git@github.com/fluxcd/flux.git", "ssh://git@github.com/fluxcd/flux.git");
        same("https://github.com/fluxcd/flux.git", "git@github.com:fluxcd/flux.git");
        assert!(!same_repository("git@github.com:fluxcd/flux", "git@github.com:fluxcd/helm-operator.git"));
    }

    #[test]
    fn a_clone_is_known_by_its_remotes_and_by_what_git_puts_instead() {
        let dir = tempfile::tempdir().unwrap();
        let repository = Repository::init(dir.path()).unwrap();
        repository.remote("origin", "https://git.example.com/team/config.git").unwrap();
        let mut config = repository.config().unwrap();
        config.set_str("url.https://git.example.com/.insteadOf", "gh:").unwrap();
        let names = Names::of_clone(dir.path());
        assert!(names.contain("git@git.example.com:team/config"));
        assert!(names.contain("gh:team/config"));
        assert!(!names.contain("gh:team/other"));
    }

    #[test]
    fn the_longest_prefix_counts_and_pushes_may_go_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gitconfig");
        let text = "[url \"https://a.example.com/\"]\n\tinsteadOf = gh:\n\tinsteadOf = https://github.com/\n\
            [url \"file:///srv/Team/\"]\n\tinsteadOf = https://github.com/team/\n\
            [url \"ssh://git@a.example.com/\"]\n\tpushInsteadOf = https://github.com/\n";
        std::fs::write(&path, text).unwrap();
        let mut rewrites = Rewrites::default();
        rewrites.read(&path);
        assert_eq!(rewrites.fetch_url("gh:x/y"), "https://a.example.com/x/y");
        assert_eq!(rewrites.fetch_url("https://github.com/team/y"), "file:///srv/Team/y");
        assert_eq!(rewrites.fetch_url("https://elsewhere.example.com/y"), "https://elsewhere.example.com/y");
        assert_eq!(rewrites.push_url("https://github.com/team/y").unwrap(), "ssh://git@a.example.com/team/y");
        assert_eq!(rewrites.push_url("gh:x/y"), None);
        rewrites.read(&dir.path().join("none"));
    }
}
