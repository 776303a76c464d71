//! Whom we believe to be a host: OpenSSH's `known_hosts`.
//!
//! As OpenSSH reads it: several names in a line, `*` and `?`, `!` for not, hashed names, `[host]:port` for a port other
//! than 22 (the bare name counts too), `@revoked`. A line that cannot be read is passed over and named. Lines with
//! `@cert-authority` trust nobody here: no host is asked for a certificate.
//!
//! Invariant: a host that no line names is refused; nothing is ever learnt from the network.

use russh::keys::ssh_key::known_hosts::{Entry, HostPatterns, Marker};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKey};

/// The keys of github.com, gitlab.com and bitbucket.org, which Flux v1 brought along too.
const BUILT_IN: &str = include_str!("known_hosts.txt");
/// Largest file that is read, in bytes.
pub const KNOWN_HOSTS_LIMIT: usize = 1024 * 1024;

/// Names of hosts and their keys.
#[derive(Clone, Debug)]
pub struct KnownHosts {
    entries: Vec<Entry>,
}

/// What is known of a host's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// A line names this host with this key.
    Known,
    /// No line names this host.
    Unknown,
    /// Lines name this host, all with other keys.
    Changed,
    /// A line revokes this key.
    Revoked,
}

impl Default for KnownHosts {
    /// The keys that come with Rhumb.
    fn default() -> Self {
        Self { entries: read(BUILT_IN).0 }
    }
}

impl KnownHosts {
    /// These lines and the keys that come with Rhumb; a host that these lines name has no other key than they say.
    ///
    /// Also gives the numbers of the lines that could not be read.
    pub fn parse(text: &str) -> (Self, Vec<usize>) {
        let (mut entries, unreadable) = read(text);
        let built_in = read(BUILT_IN).0.into_iter().filter(|entry| match entry.host_patterns() {
            HostPatterns::Patterns(names) => !names.iter().any(|name| entries.iter().any(|own| names_host(own, name))),
            HostPatterns::HashedName { .. } => true,
        });
        let built_in: Vec<Entry> = built_in.collect();
        entries.extend(built_in);
        (Self { entries }, unreadable)
    }

    /// What these lines say of this key at this host.
    pub fn check(&self, host: &str, port: u16, key: &PublicKey) -> Trust {
        let name = name(host, port);
        let same = |entry: &Entry| entry.public_key().key_data() == key.key_data();
        let revoked = |entry: &Entry| {
            entry.marker() == Some(&Marker::Revoked) && (names_host(entry, &name) || names_host(entry, host))
        };
        if self.entries.iter().any(|entry| same(entry) && revoked(entry)) {
            return Trust::Revoked;
        }
        let trusted: Vec<&Entry> = self.of(&name).collect();
        if trusted.iter().any(|entry| same(entry)) || self.of(host).any(same) {
            return Trust::Known;
        }
        if trusted.is_empty() { Trust::Unknown } else { Trust::Changed }
    }

    /// The kinds of host keys in the order to ask for them: first those that are known of this host.
    pub fn algorithms(&self, host: &str, port: u16) -> Vec<Algorithm> {
        let name = name(host, port);
        let known: Vec<Algorithm> =
            self.of(&name).chain(self.of(host)).map(|entry| entry.public_key().algorithm()).collect();
        let is_known = |algorithm: &Algorithm| match algorithm {
            Algorithm::Rsa { .. } => known.iter().any(|known| matches!(known, Algorithm::Rsa { .. })),
            other => known.contains(other),
        };
        let (first, rest): (Vec<_>, Vec<_>) = host_key_algorithms().into_iter().partition(is_known);
        first.into_iter().chain(rest).collect()
    }

    fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(move |entry| entry.marker().is_none() && names_host(entry, name))
    }
}

/// The line that makes this key of this host known.
pub(super) fn line(host: &str, port: u16, key: &PublicKey) -> String {
    let mut bare = key.clone();
    bare.set_comment("");
    format!("{} {}", name(host, port), bare.to_openssh().unwrap_or_default())
}

/// What is asked of a host; SHA-1 is not.
fn host_key_algorithms() -> Vec<Algorithm> {
    let ecdsa = [EcdsaCurve::NistP256, EcdsaCurve::NistP384, EcdsaCurve::NistP521];
    let rsa = [HashAlg::Sha512, HashAlg::Sha256];
    std::iter::once(Algorithm::Ed25519)
        .chain(ecdsa.map(|curve| Algorithm::Ecdsa { curve }))
        .chain(rsa.map(|hash| Algorithm::Rsa { hash: Some(hash) }))
        .collect()
}

fn read(text: &str) -> (Vec<Entry>, Vec<usize>) {
    let (mut entries, mut unreadable) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        // The parser takes exactly one space between two fields.
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.parse() {
            Ok(entry) => entries.push(entry),
            Err(_) => unreadable.push(index + 1),
        }
    }
    (entries, unreadable)
}

fn name(host: &str, port: u16) -> String {
    let host = host.to_ascii_lowercase();
    if port == 22 { host } else { format!("[{host}]:{port}") }
}

fn names_host(entry: &Entry, host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    match entry.host_patterns() {
        HostPatterns::HashedName { salt, hash } => {
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt);
            ring::hmac::verify(&key, host.as_bytes(), hash).is_ok()
        }
        HostPatterns::Patterns(patterns) => {
            let mut named = false;
            for pattern in patterns {
                let pattern = pattern.to_ascii_lowercase();
                match pattern.strip_prefix('!') {
                    Some(not) if matches(not, &host) => return false,
                    Some(_) => {}
                    None => named |= matches(&pattern, &host),
                }
            }
            named
        }
    }
}

/// `*` for any characters, `?` for one. Looks at each character of the host at most once per star.
fn matches(pattern: &str, host: &str) -> bool {
    let (mut rest, mut text) = (pattern, host);
    // Where to go on when the last star has to take one more character.
    let mut star: Option<(&str, &str)> = None;
    loop {
        let (mut pattern_chars, mut text_chars) = (rest.chars(), text.chars());
        match (pattern_chars.next(), text_chars.next()) {
            (Some('*'), _) => {
                star = Some((pattern_chars.as_str(), text));
                rest = pattern_chars.as_str();
                continue;
            }
            (None, None) => return true,
            (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {
                (rest, text) = (pattern_chars.as_str(), text_chars.as_str());
                continue;
            }
            _ => {}
        }
        let Some((after, from)) = star else { return false };
        let mut from = from.chars();
        if from.next().is_none() {
            return false;
        }
        star = Some((after, from.as_str()));
        (rest, text) = (after, from.as_str());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB9dG4kjRhQTtWTVzd2t27+t0DEHBPW7iOD23TUiYLio";
    const B: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

    fn check(lines: &str, host: &str, port: u16, key: &str) -> Trust {
        KnownHosts::parse(lines).0.check(host, port, &PublicKey::from_openssh(key).unwrap())
    }

    #[test]
    fn names_ports_wildcards_and_negation_as_openssh_has_them() {
        assert_eq!(check(&format!("git.example.com {A}"), "git.example.com", 22, A), Trust::Known);
        assert_eq!(check(&format!("GIT.example.com\t{A} comment"), "git.EXAMPLE.com", 22, A), Trust::Known);
        assert_eq!(check(&format!("git.example.com {B}"), "git.example.com", 22, A), Trust::Changed);
        assert_eq!(check("", "git.example.com", 22, A), Trust::Unknown);
        assert_eq!(check(&format!("[git.example.com]:2222 {A}"), "git.example.com", 2222, A), Trust::Known);
        assert_eq!(check(&format!("[git.example.com]:2222 {A}"), "git.example.com", 22, A), Trust::Unknown);
        // OpenSSH looks for the bare name too.
        assert_eq!(check(&format!("git.example.com {A}"), "git.example.com", 2222, A), Trust::Known);
        assert_eq!(check(&format!("git.example.com {B}"), "git.example.com", 2222, A), Trust::Unknown);
        assert_eq!(check(&format!("*.example.com,!git.example.com {A}"), "www.example.com", 22, A), Trust::Known);
        assert_eq!(check(&format!("*.example.com,!git.example.com {A}"), "git.example.com", 22, A), Trust::Unknown);
        assert_eq!(check(&format!("g?t.*.com {A}"), "git.a.b.com", 22, A), Trust::Known);
        assert_eq!(check(&format!("g?t.*.com {A}"), "git.com", 22, A), Trust::Unknown);
    }

    #[test]
    fn a_revoked_key_is_never_known() {
        let lines = format!("git.example.com {A}\n@revoked * {A}\n");
        assert_eq!(check(&lines, "git.example.com", 22, A), Trust::Revoked);
        assert_eq!(check(&format!("@cert-authority * {A}"), "git.example.com", 22, A), Trust::Unknown);
    }

    #[test]
    fn hashed_names_are_found() {
        let salt = [7_u8; 20];
        let hashed = |name: &str| {
            use base64::Engine as _;
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &salt);
            let hash = ring::hmac::sign(&key, name.as_bytes());
            let text = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
            format!("|1|{}|{} {A}", text(&salt), text(hash.as_ref()))
        };
        assert_eq!(check(&hashed("git.example.com"), "git.example.com", 22, A), Trust::Known);
        assert_eq!(check(&hashed("[git.example.com]:2222"), "git.example.com", 2222, A), Trust::Known);
        assert_eq!(check(&hashed("git.example.com"), "other.example.com", 22, A), Trust::Unknown);
    }

    #[test]
    fn the_large_hosts_are_known_until_a_line_of_the_user_says_otherwise() {
        assert_eq!(check("", "github.com", 22, B), Trust::Known);
        assert_eq!(check(&format!("github.com {A}"), "github.com", 22, B), Trust::Changed);
        assert_eq!(check(&format!("github.com {A}"), "github.com", 22, A), Trust::Known);
        assert_eq!(read(BUILT_IN).1, Vec::<usize>::new());
        assert_eq!(read(BUILT_IN).0.len(), 6);
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named_and_the_others_count() {
        let (known, unreadable) = KnownHosts::parse(&format!("# a comment\nnonsense\n\ngit.example.com {A}\n"));
        assert_eq!(unreadable, [2]);
        assert_eq!(known.check("git.example.com", 22, &PublicKey::from_openssh(A).unwrap()), Trust::Known);
    }

    #[test]
    fn asks_first_for_the_kind_of_key_that_is_known() {
        let (known, _) = KnownHosts::parse(
            "h ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg=",
        );
        assert_eq!(known.algorithms("h", 22).first(), Some(&Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 }));
        assert_eq!(known.algorithms("other", 22).first(), Some(&Algorithm::Ed25519));
    }

    #[test]
    fn the_line_to_add_makes_the_key_known() {
        let key = PublicKey::from_openssh(A).unwrap();
        for port in [22, 2222] {
            assert_eq!(check(&line("Git.example.com", port, &key), "git.example.com", port, A), Trust::Known);
        }
    }
}
