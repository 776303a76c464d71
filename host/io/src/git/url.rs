//! The names of a repository: whether two URLs mean the same one, and by which URLs a clone on disk is known.

use std::path::Path;

use git2::{Config, Repository};

/// Whether two URLs mean one repository: host and path are equal, scheme, user and `.git` do not count (as in Flux v1).
pub fn same_repository(a: &str, b: &str) -> bool {
    a == b || split(a) == split(b)
}

/// The URLs that a repository is known by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// URLs of its remotes and others that were given.
    pub urls: Vec<String>,
    /// Git's `url.<base>.insteadOf`: a prefix and what git puts in its place.
    pub instead_of: Vec<(String, String)>,
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
        if let Ok(config) = repository.config() {
            names.instead_of = instead_of(&config);
        }
        names
    }

    /// Whether this URL, as written or as git rewrites it, means the repository.
    pub fn contain(&self, url: &str) -> bool {
        let rewritten = self.rewrite(url);
        self.urls.iter().any(|own| {
            let own_rewritten = self.rewrite(own);
            [own, &own_rewritten].iter().any(|own| same_repository(own, url) || same_repository(own, &rewritten))
        })
    }

    /// As git rewrites a URL: the longest prefix wins.
    fn rewrite(&self, url: &str) -> String {
        let matching = self.instead_of.iter().filter(|(prefix, _)| url.starts_with(prefix.as_str()));
        match matching.max_by_key(|(prefix, _)| prefix.len()) {
            Some((prefix, base)) => format!("{base}{}", url.get(prefix.len()..).unwrap_or_default()),
            None => url.to_owned(),
        }
    }
}

fn instead_of(config: &Config) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let Ok(entries) = config.entries(Some("url\\..*\\.insteadof")) else { return found };
    let _ = entries.for_each(|entry| {
        if let (Ok(name), Ok(prefix)) = (entry.name(), entry.value()) {
            let base = name.strip_prefix("url.").and_then(|name| name.strip_suffix(".insteadof"));
            found.extend(base.map(|base| (prefix.to_owned(), base.to_owned())));
        }
    });
    found
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
}
