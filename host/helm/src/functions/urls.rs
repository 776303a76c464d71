//! URLs: `urlParse`, `urlJoin`, `urlquery`.

use std::fmt::Write as _;

use super::escape::printed;
use super::{Call, Function};
use crate::template::{Failure, Outcome};
use crate::value::{Entries, Value};

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

/// Splits a URL as Go's `url.Parse`; escapes in the path stay as they are.
fn parse(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let url = call.text(0)?;
    if url.chars().any(|c| c.is_control()) {
        return Err(Failure::new("unable to parse url: net/url: invalid control character in URL"));
    }
    let (rest, fragment) = url.split_once('#').unwrap_or((&url, ""));
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    };
    let (scheme, rest) = match rest.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme.to_lowercase(), rest),
        Some((before, _)) if !before.contains(['/', '?']) => {
            return Err(Failure::new("unable to parse url: first path segment in URL cannot contain colon"));
        }
        _ => (String::new(), rest),
    };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let opaque = !scheme.is_empty() && !rest.starts_with('/');
    let (authority, path) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", if opaque { "" } else { rest }),
    };
    let (userinfo, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let hostname = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        Some((address, _)) => address,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    let entries = [
        ("fragment", fragment),
        ("host", host),
        ("hostname", hostname),
        ("opaque", if opaque { rest } else { "" }),
        ("path", path),
        ("query", query),
        ("scheme", &scheme),
        ("userinfo", userinfo),
    ];
    Ok(Value::map(entries.into_iter().map(|(key, value)| (key.into(), Value::text(value))).collect::<Entries>()))
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
        let authority = !(host.is_empty() && userinfo.is_empty());
        if authority || !scheme.is_empty() && !path.is_empty() {
            url.push_str("//");
        }
        if !userinfo.is_empty() {
            url.push_str(&userinfo);
            url.push('@');
        }
        url.push_str(&host);
        if !path.is_empty() && !path.starts_with('/') && !host.is_empty() {
            url.push('/');
        }
        url.push_str(&path);
    } else {
        url.push_str(&opaque);
    }
    for (mark, key) in [('?', "query"), ('#', "fragment")] {
        let text = part(key)?;
        if !text.is_empty() {
            url.push(mark);
            url.push_str(&text);
        }
    }
    Ok(Value::text(url))
}
