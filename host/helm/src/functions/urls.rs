//! URLs: `urlParse`, `urlJoin`, `urlquery`.

use std::fmt::Write as _;

use super::escape::printed;
use super::{Call, Function};
use crate::template::{Failure, Outcome};
use crate::value::{Entries, Value, from_bytes, to_bytes};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "urlJoin" => join,
        "urlParse" => parse,
        "urlquery" => query,
        _ => return None,
    })
}

fn query(call: &mut Call<'_, '_>) -> Outcome<Value> {
    let mut out = String::new();
    for byte in printed(&call.args).bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            // Writing to a string cannot fail.
            byte => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    Ok(Value::text(out))
}

/// Splits a URL as Go's `url.Parse`.
fn parse(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let url = call.text(0)?;
    let parsed = split(&url).map_err(|reason| Failure::new(format!("unable to parse url: parse {url:?}: {reason}")))?;
    let hostname = hostname(&parsed.host).to_owned();
    let entries = [
        ("fragment", parsed.fragment),
        ("host", parsed.host),
        ("hostname", hostname),
        ("opaque", parsed.opaque),
        ("path", parsed.path),
        ("query", parsed.query),
        ("scheme", parsed.scheme),
        ("userinfo", parsed.userinfo),
    ];
    Ok(Value::map(entries.into_iter().map(|(key, value)| (key.into(), Value::text(value))).collect::<Entries>()))
}

/// A URL in its parts, without escapes but for those of the query and the user.
#[derive(Default)]
struct Url {
    scheme: String,
    opaque: String,
    userinfo: String,
    host: String,
    path: String,
    query: String,
    fragment: String,
}

fn split(url: &str) -> Result<Url, String> {
    let (rest, fragment) = url.split_once('#').unwrap_or((url, ""));
    if rest.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return Err("net/url: invalid control character in URL".to_owned());
    }
    let mut parsed = Url { fragment: unescape(fragment, Part::Path)?, ..Url::default() };
    if rest == "*" {
        parsed.path = rest.to_owned();
        return Ok(parsed);
    }
    let (scheme, rest) = split_scheme(rest)?;
    parsed.scheme = scheme.to_ascii_lowercase();
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    parsed.query = query.to_owned();
    let mut path = rest;
    if !rest.starts_with('/') {
        if !scheme.is_empty() {
            parsed.opaque = rest.to_owned();
            return Ok(parsed);
        }
        if rest.split('/').next().is_some_and(|segment| segment.contains(':')) {
            return Err("first path segment in URL cannot contain colon".to_owned());
        }
    }
    if let Some(rest) = rest.strip_prefix("//").filter(|rest| !scheme.is_empty() || !rest.starts_with('/')) {
        let (authority, behind) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (userinfo, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
        parsed.host = parse_host(&parsed.scheme, host)?;
        parsed.userinfo = userinfo.map_or(Ok(String::new()), parse_userinfo)?;
        path = behind;
    }
    parsed.path = unescape(path, Part::Path)?;
    Ok(parsed)
}

fn split_scheme(url: &str) -> Result<(&str, &str), String> {
    let end = url.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))).unwrap_or(url.len());
    match (url.split_at(end), url.starts_with(|c: char| c.is_ascii_alphabetic())) {
        (("", rest), _) if rest.starts_with(':') => Err("missing protocol scheme".to_owned()),
        ((scheme, rest), true) => Ok(rest.strip_prefix(':').map_or(("", url), |rest| (scheme, rest))),
        _ => Ok(("", url)),
    }
}

fn parse_userinfo(userinfo: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
    if !userinfo.chars().all(fits) {
        return Err("net/url: invalid userinfo".to_owned());
    }
    let again = |part: &str| Ok::<_, String>(escape(&unescape(part, Part::User)?, Part::User));
    match userinfo.split_once(':') {
        Some((name, password)) => Ok(format!("{}:{}", again(name)?, again(password)?)),
        None => again(userinfo),
    }
}

fn parse_host(scheme: &str, host: &str) -> Result<String, String> {
    let port_is_good = |port: &str| match port.strip_prefix(':') {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_digit()),
        None => port.is_empty(),
    };
    let port = match (host.rfind('['), host.rfind(']')) {
        (Some(1..), _) => return Err("invalid IP-literal".to_owned()),
        (Some(0), None) => return Err("missing ']' in host".to_owned()),
        (Some(0), Some(end)) => {
            let address = host.get(1..end).unwrap_or_default();
            let address = address.split_once("%25").map_or(address, |(address, _)| address);
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return Err(format!("invalid host: {address:?} is no address"));
            }
            host.get(end + 1..)
        }
        // Some databases take several hosts with their ports.
        (None, _) if matches!(scheme, "http" | "https") => host.find(':').and_then(|at| host.get(at..)),
        (None, _) => host.rfind(':').and_then(|at| host.get(at..)),
    };
    match port {
        Some(port) if !port_is_good(port) => Err(format!("invalid port {port:?} after host")),
        _ => unescape(host, Part::Host),
    }
}

/// A host without its port and brackets.
fn hostname(host: &str) -> &str {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name)
}

/// What a piece of a URL is; each has other characters that stand for themselves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    User,
    Host,
    Path,
    Fragment,
}

impl Part {
    fn keeps(self, byte: u8) -> bool {
        let others: &[u8] = match self {
            Part::User => b"$&+,;=",
            Part::Host => b"!$&'()*+,;=:[]<>\"",
            Part::Path => b"$&+,/:;=@",
            Part::Fragment => b"$&+,/:;=?@!()*",
        };
        byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || others.contains(&byte)
    }
}

fn escape(text: &str, part: Part) -> String {
    to_bytes(text).iter().fold(String::new(), |mut out, byte| {
        match part.keeps(*byte) {
            true => out.push(char::from(*byte)),
            // Writing to a string cannot fail.
            false => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
        out
    })
}

fn unescape(text: &str, part: Part) -> Result<String, String> {
    let bytes = to_bytes(text);
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(byte) = bytes.get(at).copied() {
        at += 1;
        if byte != b'%' {
            if part == Part::Host && byte.is_ascii() && !part.keeps(byte) {
                return Err(format!("invalid character {:?} in host name", char::from(byte).to_string()));
            }
            out.push(byte);
            continue;
        }
        let digits = bytes.get(at..at + 2).and_then(|digits| std::str::from_utf8(digits).ok());
        let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        // In a host, escapes are for what is not ASCII, and for the percent sign itself.
        match value.filter(|value| part != Part::Host || !value.is_ascii() || *value == b'%') {
            Some(value) => out.push(value),
            None => return Err(format!("invalid URL escape in {text:?}")),
        }
        at += 2;
    }
    Ok(from_bytes(&out).to_string())
}

fn join(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let map = call.map(0)?;
    let part = |key: &str| match map.0.borrow().get(key) {
        None => Ok(String::new()),
        Some(Value::Text(text)) => Ok(text.to_string()),
        Some(other) => {
            let kind = other.kind();
            Err(Failure::new(format!("unable to parse {key} key, must be of type string, but {kind} found")))
        }
    };
    let (scheme, host, path, opaque) = (part("scheme")?, part("host")?, part("path")?, part("opaque")?);
    let mut url = String::new();
    if !scheme.is_empty() {
        url.push_str(&scheme);
        url.push(':');
    }
    if opaque.is_empty() {
        let userinfo = part("userinfo")?;
        let wrong = |reason| Failure::new(format!("unable to parse userinfo in dict: {reason}"));
        let userinfo = if userinfo.is_empty() { userinfo } else { parse_userinfo(&userinfo).map_err(wrong)? };
        let authority = !(host.is_empty() && userinfo.is_empty());
        if authority || !scheme.is_empty() && !path.is_empty() {
            url.push_str("//");
        }
        if !userinfo.is_empty() {
            url.push_str(&userinfo);
            url.push('@');
        }
        url.push_str(&escape(&host, Part::Host));
        let path = if path == "*" { path } else { escape(&path, Part::Path) };
        if !path.is_empty() && !path.starts_with('/') && !host.is_empty() {
            url.push('/');
        }
        // A first segment with a colon would be read as a scheme.
        if url.is_empty() && path.split('/').next().is_some_and(|segment| segment.contains(':')) {
            url.push_str("./");
        }
        url.push_str(&path);
    } else {
        url.push_str(&opaque);
    }
    for (mark, key) in [('?', "query"), ('#', "fragment")] {
        let text = part(key)?;
        if !text.is_empty() {
            url.push(mark);
            url.push_str(&if mark == '#' { escape(&text, Part::Fragment) } else { text });
        }
    }
    Ok(Value::text(url))
}
