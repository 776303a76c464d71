//! Where a repository is, as git reads it from a URL.

use std::path::PathBuf;

use reqwest::Url;

use super::error::Error;
use crate::web::is_loopback;

/// The user that git hosts expect.
const SSH_USER: &str = "git";
const SSH_PORT: u16 = 22;

/// Where a repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// On this machine's file system.
    Local(PathBuf),
    /// Behind an SSH server.
    Ssh {
        user: String,
        host: String,
        port: u16,
        /// As the server is asked for it; relative to the user's home unless it starts with a slash.
        path: String,
    },
    /// Behind a web server. No user and no password.
    Web { base: Url },
}

/// A user name and password or token, from a URL or given beside it.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// What most git hosts ignore.
    pub user: String,
    /// A secret.
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login(…)")
    }
}

/// Reads a path, a `file://`, `ssh://` or `https://` URL, or git's short form `user@host:path`.
pub(super) fn parse(url: &str) -> Result<(Address, Option<Login>), Error> {
    let bad = |reason| Error::BadUrl { url: masked(url), reason };
    if url.is_empty() || url.contains(char::is_control) {
        return Err(bad("it is empty or holds a control character"));
    }
    if let Some(rest) = url.strip_prefix("file://") {
        let path = rest.strip_prefix("localhost").unwrap_or(rest);
        if !path.starts_with('/') {
            return Err(bad("a file:// URL names no other host and an absolute path"));
        }
        let path = percent_decoded(path).ok_or_else(|| bad("its percent encoding is not valid UTF-8"))?;
        return Ok((Address::Local(PathBuf::from(path)), None));
    }
    match url.split_once("://") {
        Some(("ssh" | "git+ssh" | "ssh+git", _)) => Ok((ssh_url(url).map_err(bad)?, None)),
        Some(("https" | "http", _)) => web(url).map_err(bad),
        Some(_) => Err(bad("only paths, file://, ssh:// and https:// are spoken")),
        None => match short_form(url) {
            Some(address) => Ok((address.map_err(bad)?, None)),
            None => Ok((Address::Local(PathBuf::from(url)), None)),
        },
    }
}

fn ssh_url(url: &str) -> Result<Address, &'static str> {
    let url = Url::parse(url).map_err(|_| "it is not a URL")?;
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or("it names no host")?;
    let path = percent_decoded(url.path()).ok_or("its percent encoding is not valid UTF-8")?;
    // Git's `/~user/…` is relative to a home.
    let path = if path.starts_with("/~") { path.trim_start_matches('/').to_owned() } else { path };
    let user = percent_decoded(url.username()).ok_or("its percent encoding is not valid UTF-8")?;
    let user = if user.is_empty() { SSH_USER.to_owned() } else { user };
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    checked(Address::Ssh { user, host, port: url.port().unwrap_or(SSH_PORT), path })
}

/// `user@host:path`, as git tells it from a path: a colon before the first slash.
fn short_form(url: &str) -> Option<Result<Address, &'static str>> {
    let (place, path) = match url.split_once("]:") {
        Some((place, path)) if place.contains('[') && !place.contains('/') => (place, path),
        _ => url.split_once(':').filter(|(place, _)| !place.contains('/'))?,
    };
    let (user, host) = place.rsplit_once('@').unwrap_or((SSH_USER, place));
    let host = host.trim_start_matches('[').to_owned();
    let (user, path) = (user.to_owned(), path.to_owned());
    Some(checked(Address::Ssh { user, host, port: SSH_PORT, path }))
}

fn checked(address: Address) -> Result<Address, &'static str> {
    let Address::Ssh { host, path, .. } = &address else { return Ok(address) };
    if host.is_empty() || path.is_empty() || path == "/" {
        return Err("it names no host or no path");
    }
    // The server would read such a path as an option.
    if path.starts_with('-') { Err("its path starts with a dash") } else { Ok(address) }
}

fn web(url: &str) -> Result<(Address, Option<Login>), &'static str> {
    let mut base = Url::parse(url).map_err(|_| "it is not a URL")?;
    let host = base.host_str().filter(|host| !host.is_empty()).ok_or("it names no host")?;
    if base.scheme() == "http" && !is_loopback(host) {
        return Err("plain http goes to loopback hosts only");
    }
    if base.query().is_some() || base.fragment().is_some() {
        return Err("it has a query or a fragment");
    }
    let decoded = |text: &str| percent_decoded(text).ok_or("its percent encoding is not valid UTF-8");
    let login = match (base.username(), base.password()) {
        ("", None) => None,
        // A token alone is written as the user.
        (token, None) => Some(Login { user: decoded(token)?, password: String::new() }),
        (user, Some(password)) => Some(Login { user: decoded(user)?, password: decoded(password)? }),
    };
    let cleared = base.set_username("").and_then(|()| base.set_password(None));
    cleared.map_err(|()| "it cannot hold a path")?;
    Ok((Address::Web { base }, login))
}

/// The URL without user and password, for people. The user of SSH says nothing secret.
pub(super) fn masked(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_once('/').map_or((rest, None), |(authority, path)| (authority, Some(path)));
    let host = match authority.rsplit_once('@') {
        Some((user, host)) if scheme.contains("ssh") && !user.contains(':') => format!("{user}@{host}"),
        Some((_, host)) => host.to_owned(),
        None => authority.to_owned(),
    };
    let path = path.map(|path| format!("/{path}")).unwrap_or_default();
    format!("{scheme}://{host}{path}")
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

#[cfg(test)]
mod tests {
    use super::*;

    fn ssh(user: &str, host: &str, port: u16, path: &str) -> Address {
        Address::Ssh { user: user.to_owned(), host: host.to_owned(), port, path: path.to_owned() }
    }

    #[test]
    fn reads_urls_as_git_does() {
        let address = |url: &str| parse(url).unwrap().0;
        assert_eq!(address("git@example.com:org/repo.git"), ssh("git", "example.com", 22, "org/repo.git"));
        assert_eq!(address("example.com:/srv/repo"), ssh("git", "example.com", 22, "/srv/repo"));
        assert_eq!(address("git@[::1]:repo"), ssh("git", "::1", 22, "repo"));
        assert_eq!(address("ssh://me@example.com:2222/srv/a%20b"), ssh("me", "example.com", 2222, "/srv/a b"));
        assert_eq!(address("ssh://example.com/~me/repo"), ssh("git", "example.com", 22, "~me/repo"));
        assert_eq!(address("ssh://[::1]:22/repo"), ssh("git", "::1", 22, "/repo"));
        assert_eq!(address("/srv/repo"), Address::Local("/srv/repo".into()));
        assert_eq!(address("./a:b"), Address::Local("./a:b".into()));
        assert_eq!(address("file:///srv/a%20b"), Address::Local("/srv/a b".into()));
        assert_eq!(address("https://example.com/org/repo"), {
            Address::Web { base: Url::parse("https://example.com/org/repo").unwrap() }
        });
    }

    #[test]
    fn takes_a_login_out_of_a_web_address() {
        let (address, login) = parse("https://me:a%40b@example.com/org/repo").unwrap();
        assert!(matches!(address, Address::Web { base } if base.as_str() == "https://example.com/org/repo"));
        assert_eq!(login, Some(Login { user: "me".to_owned(), password: "a@b".to_owned() }));
    }

    #[test]
    fn refuses_what_it_does_not_speak_and_hides_credentials() {
        let refusal = |url: &str| parse(url).unwrap_err().to_string();
        assert!(refusal("file://elsewhere/x").contains("names no other host"));
        assert!(refusal("git://example.com/x").contains("only paths, file://, ssh:// and https://"));
        let plain = refusal("http://me:secret@example.com/x");
        assert!(plain.contains("loopback hosts only") && !plain.contains("secret"), "{plain}");
        assert!(refusal("git@example.com:-x").contains("starts with a dash"));
        assert!(refusal("ssh://example.com/").contains("no path"));
        assert!(refusal("").contains("empty"));
    }

    #[test]
    fn shows_no_secret() {
        assert_eq!(masked("https://me:secret@example.com/x"), "https://example.com/x");
        assert_eq!(masked("https://secret@example.com"), "https://example.com");
        assert_eq!(masked("ssh://git@example.com:22/x"), "ssh://git@example.com:22/x");
        assert_eq!(masked("ssh://git:secret@example.com/x"), "ssh://example.com/x");
        assert_eq!(masked("git@example.com:x"), "git@example.com:x");
    }
}
