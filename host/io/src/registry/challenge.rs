//! `WWW-Authenticate`: how a registry says what it wants to see.

/// Longest header that is read.
const HEADER_LIMIT: usize = 8 * 1024;

/// One way to prove who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A user and a password in each request.
    Basic,
    /// A token from another server (the distribution specification's token authentication).
    Bearer {
        /// Where to get it.
        realm: String,
        /// Whom it is for.
        service: Option<String>,
        /// What it allows.
        scope: Option<String>,
    },
}

/// The challenges of one header that are understood, in order (RFC 9110, 11.6.1). Malformed rests are left out.
pub(super) fn parse(header: &str) -> Vec<Challenge> {
    let mut rest = if header.len() <= HEADER_LIMIT { header } else { "" };
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (scheme, after) = token(rest);
        if scheme.is_empty() {
            return found;
        }
        let (parameters, after) = parameters(after);
        rest = after;
        let get = |key: &str| parameters.iter().find(|(k, _)| k.eq_ignore_ascii_case(key)).map(|(_, v)| v.clone());
        if scheme.eq_ignore_ascii_case("basic") {
            found.push(Challenge::Basic);
        } else if scheme.eq_ignore_ascii_case("bearer")
            && let Some(realm) = get("realm")
        {
            found.push(Challenge::Bearer { realm, service: get("service"), scope: get("scope") });
        }
    }
}

/// `key=value` pairs up to the next scheme, and what follows.
fn parameters(text: &str) -> (Vec<(String, String)>, &str) {
    let mut rest = text;
    let mut found = Vec::new();
    loop {
        let start = rest.trim_start_matches([' ', '\t', ',']);
        let (key, after) = token(start);
        let Some(after) = after.trim_start().strip_prefix('=') else { return (found, start) };
        if key.is_empty() {
            return (found, "");
        }
        let after = after.trim_start();
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => match unquote(quoted) {
                Some(pair) => pair,
                None => return (found, ""),
            },
            None => {
                let (value, after) = token(after);
                (value.to_owned(), after)
            }
        };
        found.push((key.to_owned(), value));
        rest = after;
    }
}

/// A token of RFC 9110 at the start, which may be empty, and what follows.
fn token(text: &str) -> (&str, &str) {
    let end =
        text.find(|c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~/:".contains(c))).unwrap_or(text.len());
    text.split_at(end)
}

/// The text up to the closing quote and what follows it.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        Challenge::Bearer { realm: realm.into(), service: service.map(Into::into), scope: scope.map(Into::into) }
    }

    #[test]
    fn reads_what_registries_send() {
        assert_eq!(
            parse(r#"Bearer realm="https://auth.example.com/token",service="r",scope="repository:a/b:pull,push""#),
            [bearer("https://auth.example.com/token", Some("r"), Some("repository:a/b:pull,push"))]
        );
        assert_eq!(parse(r#"Basic realm="Registry Realm""#), [Challenge::Basic]);
        assert_eq!(parse("basic"), [Challenge::Basic]);
        assert_eq!(
            parse(r#"BEARER realm = "a\"b" , Basic realm=x, Negotiate"#),
            [bearer("a\"b", None, None), Challenge::Basic]
        );
    }

    #[test]
    fn survives_garbage() {
        for garbage in ["", "Bearer", "Bearer realm=\"open", "=,=", ",,,", "Bearer =x", "🦀", "Digest a=b"] {
            assert_eq!(parse(garbage), [], "{garbage}");
        }
        assert_eq!(parse(&format!("Bearer realm=\"{}\"", "x".repeat(10_000))), []);
    }
}
