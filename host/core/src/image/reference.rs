//! Parses and prints image references as Flux v1 does (its `image.ParseRef`), with the tag kept beside a digest.

use std::fmt;

use serde::Serialize;

use crate::id::Tag;

/// An image reference as written: `[domain/]path[:tag][@sha256:…]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Reference {
    /// As written; `None` means Docker Hub.
    pub domain: Option<String>,
    /// Path without domain.
    pub path: String,
    /// Text after the colon.
    pub tag: Option<Tag>,
    /// `sha256:…`; an image with a digest is pinned.
    pub digest: Option<String>,
}

/// Why a text is not an image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Nothing there.
    #[error("blank image name")]
    Blank,
    /// More than one colon, an empty side, or a slash at either end.
    #[error("expected an image as `[domain/]name[:tag]`, got `{0}`")]
    Malformed(String),
}

impl Reference {
    /// Parses a reference as written in a manifest.
    ///
    /// Two elements: the first is a domain only when it looks like a host. Three or more: the first always is.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let malformed = || ReferenceError::Malformed(text.to_owned());
        if text.is_empty() {
            return Err(ReferenceError::Blank);
        }
        if text.starts_with('/') || text.ends_with('/') {
            return Err(malformed());
        }
        let (domain, rest) = match text.split_once('/') {
            Some((first, rest)) if rest.contains('/') || is_host(first) => (Some(first.to_owned()), rest),
            _ => (None, text),
        };
        let (name, digest) = match rest.split_once("@sha256:") {
            Some((name, hex)) if !hex.is_empty() => (name, Some(format!("sha256:{hex}"))),
            Some(_) => return Err(malformed()),
            None => (rest, None),
        };
        let (path, tag) = match name.split_once(':') {
            Some((path, tag)) if path.is_empty() || tag.is_empty() || tag.contains(':') => return Err(malformed()),
            Some((path, tag)) => (path, Some(Tag::new(tag))),
            None => (name, None),
        };
        if path.is_empty() {
            return Err(malformed());
        }
        Ok(Self { domain, path: path.to_owned(), tag, digest })
    }

    /// Domain and path as written, without tag and digest.
    pub fn name(&self) -> String {
        match &self.domain {
            Some(domain) => format!("{domain}/{}", self.path),
            None => self.path.clone(),
        }
    }

    /// The repository's one name, used for scanning and for evidence: `index.docker.io/library/alpine`.
    pub fn repository(&self) -> String {
        let domain = match self.domain.as_deref() {
            None | Some("docker.io") => "index.docker.io",
            Some(domain) => domain,
        };
        if domain == "index.docker.io" && !self.path.contains('/') {
            return format!("{domain}/library/{}", self.path);
        }
        format!("{domain}/{}", self.path)
    }

    /// The same image at another tag, not pinned.
    #[must_use]
    pub fn with_tag(&self, tag: &Tag) -> Self {
        Self { tag: Some(tag.clone()), digest: None, ..self.clone() }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// Whether Flux would take this first element of two as a host: it contains `localhost` or two labels with a dot.
fn is_host(text: &str) -> bool {
    let text = text.split_once(':').map_or(text, |(host, _)| host);
    if text.contains("localhost") {
        return true;
    }
    let label = |part: &str, at: fn(&str) -> Option<char>| at(part).is_some_and(|c| c.is_ascii_alphanumeric());
    let parts: Vec<&str> = text.split('.').collect();
    parts.windows(2).any(|pair| match pair {
        [left, right] => label(left, |p| p.chars().next_back()) && label(right, |p| p.chars().next()),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Flux v1's own cases (`pkg/image/image_test.go`).
    #[test]
    fn names_the_repository_as_flux_does() {
        for (text, repository) in [
            ("alpine", "index.docker.io/library/alpine"),
            ("library/alpine", "index.docker.io/library/alpine"),
            ("alpine:mytag", "index.docker.io/library/alpine"),
            ("docker.io/library/alpine", "index.docker.io/library/alpine"),
            ("localhost/hello:v1.1", "localhost/hello"),
            ("localhost:5000/hello:v1.1", "localhost:5000/hello"),
            ("example.com/hello:v1.1", "example.com/hello"),
            ("quay.io/library/alpine:latest", "quay.io/library/alpine"),
            ("localhost:5000/path/to/repo/alpine:mytag", "localhost:5000/path/to/repo/alpine"),
            ("kennethreitz/httpbin@sha256:599f", "index.docker.io/kennethreitz/httpbin"),
            ("myreg/org/app", "myreg/org/app"),
            ("127.0.0.1:5000/rhumb/podinfo:1", "127.0.0.1:5000/rhumb/podinfo"),
        ] {
            let reference = Reference::parse(text).unwrap();
            assert_eq!(reference.repository(), repository, "{text}");
            assert_eq!(reference.to_string(), text);
        }
    }

    #[test]
    fn refuses_what_flux_refuses() {
        for text in ["", ":tag", "/leading/slash", "trailing/slash/", "app:1:2"] {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_new_tag_unpins() {
        let pinned = Reference::parse("quay.io/a/b:1@sha256:ab").unwrap();
        assert_eq!(pinned.with_tag(&Tag::new("2")).to_string(), "quay.io/a/b:2");
    }
}
